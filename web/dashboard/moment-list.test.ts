import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexAt, type Moment, MomentList } from './moment-list.ts';

interface Item extends Moment {
  readonly id: string;
  readonly kind: string;
  readonly label: string;
}

const item = (id: string, timestamp: number, more: Partial<Item> = {}): Item => {
  return { id, timestamp, frame: null, sequence: 1, kind: 'event', label: id, ...more };
};
const list = (limit = 1000) =>
  new MomentList<Item>({ keyOf: (each) => each.id, textOf: (each) => `${each.label} ${each.kind}`, kindOf: (each) => each.kind, limit });
const ids = (items: readonly Item[]) => items.map((each) => each.id).join('');
const ALL = { text: '', kinds: new Set<string>() };

test('whatever comes in whatever order: newest first, the newest news of each, none twice', () => {
  const items = fc.array(
    fc.record({ id: fc.constantFrom(...'abcdefgh'), timestamp: fc.nat(9), sequence: fc.nat(20), gone: fc.boolean(), page: fc.boolean() }),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(items, (changes) => {
      const known = list();
      const truth = new Map<string, { sequence: number; item: Item | null }>();
      for (const { id, timestamp, sequence, gone, page } of changes) {
        const next = item(id, timestamp, { sequence });
        const before = truth.get(id);
        if (gone) {
          known.remove(id, sequence);
          if (!before?.item || before.item.sequence <= sequence) truth.set(id, { sequence, item: null });
        } else {
          if (page) {
            // The same one twice in a page, and older news of it before.
            const older = item(id, timestamp + 1, { sequence: sequence - 1 });
            known.setAll([older, ...Array.from({ length: 60 }, () => next)]);
          } else known.set(next);
          if (!before || before.sequence < sequence) truth.set(id, { sequence, item: next });
        }
      }
      const expected = [...truth.values()].flatMap((each) => each.item ?? []);
      expected.sort((a, b) => b.timestamp - a.timestamp || (a.id < b.id ? 1 : -1));
      expect(known.items).toEqual(expected);
      expect(known.kinds).toEqual(expected.length ? [['event', expected.length]] : []);
    }),
  );
});

test('a removed one does not come back with a page that was under way, but does when it is made anew', () => {
  const known = list();
  known.set(item('a', 5, { sequence: 3 }));
  known.remove('a', 4);
  known.setAll([item('a', 5, { sequence: 3 })]);
  expect(known.items).toEqual([]);
  expect(known.set(item('a', 5, { sequence: 5 }))).toBe(true);
  expect(ids(known.items)).toBe('a');
});

test('at the limit the oldest go', () => {
  const known = list(3);
  known.setAll([...'abcde'].map((id, at) => item(id, at)));
  expect(ids(known.items)).toBe('edc');
  expect(known.overflown).toBe(true);
  known.set(item('f', 9));
  expect(ids(known.items)).toBe('fed');
  expect(known.set(item('g', 1))).toBe(false);
  expect(known.kinds).toEqual([['event', 3]]);
});

test('the filter wants every word and one of the kinds', () => {
  const known = list();
  known.setAll([item('a', 1, { label: 'Spike left' }), item('b', 2, { label: 'left', kind: 'alarm' }), item('c', 3, { label: 'right' })]);
  expect(ids(known.filtered(ALL))).toBe('cba');
  expect(ids(known.filtered({ ...ALL, text: ' LEFT ' }))).toBe('ba');
  expect(ids(known.filtered({ ...ALL, text: 'left spike' }))).toBe('a');
  expect(ids(known.filtered({ text: 'left', kinds: new Set(['alarm']) }))).toBe('b');
  expect(known.filtered({ ...ALL, text: 'nothing' })).toEqual([]);
  expect(known.kinds).toEqual([
    ['alarm', 1],
    ['event', 2],
  ]);
});

test('the moment at a time is the nearest one before it', () => {
  const items = [item('c', 30), item('b', 20), item('a', 10)];
  expect([35, 30, 29, 20, 10, 9].map((time) => indexAt(items, time))).toEqual([0, 0, 1, 1, 2, -1]);
  expect(indexAt([], 5)).toBe(-1);
});
