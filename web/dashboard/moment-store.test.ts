import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Moment } from './moment-list.ts';
import { MomentStore } from './moment-store.ts';

beforeAll(() => vi.stubGlobal('requestAnimationFrame', (draw: () => void) => setTimeout(draw)));
afterAll(() => vi.unstubAllGlobals());

interface Item extends Moment {
  readonly id: string;
}
interface Page {
  readonly items: readonly Item[];
  readonly next?: string;
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
const item = (id: string, sequence: number): Item => ({ id, timestamp: sequence, frame: null, sequence });

/** A store whose questions are answered when the test says so. */
function world() {
  const answers: ((page: Page) => void)[] = [];
  let on: { set(items: readonly Item[]): void; missed(): void } | undefined;
  const store = new MomentStore<Item>({
    keyOf: ({ id }) => id,
    textOf: ({ id }) => id,
    limit: 100_000,
    page: () => new Promise((resolve) => answers.push(resolve)),
    listen: (listener) => {
      on = listener;
      return () => {};
    },
  });
  store.open();
  const answer = async (page: Page) => {
    answers.shift()!(page);
    await turn();
  };
  return { store, on: on!, answer, ids: () => store.list.items.map(({ id }) => id) };
}

test('what was removed while events did not flow goes, though it was the newest of all or the only one; what comes meanwhile stays', async () => {
  const { store, on, answer, ids } = world();
  await answer({ items: [item('c', 3), item('b', 2), item('a', 1)] });
  on.missed();
  on.set([item('d', 5)]);
  await answer({ items: [item('a', 1)] });
  expect(ids()).toEqual(['d', 'a']);
  on.missed();
  await answer({ items: [] });
  expect(ids()).toEqual([]);
  store.close();
});

test('a list of which only the newest are loaded anew keeps the older ones, and they can be loaded again', async () => {
  const { store, on, answer, ids } = world();
  const many = Array.from({ length: 6000 }, (_, i) => item(String(i), 6000 - i));
  await answer({ items: many });
  on.missed();
  await answer({ items: many.slice(0, 5500), next: 'more' });
  expect(ids()).toHaveLength(6000);
  void store.more();
  await answer({ items: many.slice(5500) });
  expect(ids()).toEqual(many.map(({ id }) => id));
  store.close();
});
