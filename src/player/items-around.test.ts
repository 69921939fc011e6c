import { expect, test } from 'vitest';
import { ItemsAround } from './items-around.ts';
import type { Span } from './timeline-api.ts';

const at = (timestamp: number) => ({ timestamp });

/** Items every 10 µs for ever; requests are answered when the test says so. */
function world() {
  const asked: Span[] = [];
  const answers: (() => void)[] = [];
  let loaded = 0;
  const around = new ItemsAround({
    load: (span) => {
      asked.push(span);
      return new Promise<{ items: { timestamp: number }[]; end: number }>((resolve) => {
        const items: { timestamp: number }[] = [];
        for (let time = Math.ceil(span.start / 10) * 10; time <= span.end; time += 10) items.push(at(time));
        answers.push(() => resolve({ items, end: span.end }));
      });
    },
    onLoaded: () => loaded++,
    beforeUs: 100,
    aheadUs: 300,
    limit: 1000,
  });
  const answer = async () => {
    answers.shift()!();
    await new Promise((resolve) => setTimeout(resolve));
  };
  const times = () => around.items.map(({ timestamp }) => timestamp);
  return { around, asked, answer, times, loaded: () => loaded };
}

test('asks once for what is around a moment, and again when the picture comes near the end of it', async () => {
  const { around, asked, answer, times, loaded } = world();
  around.need(1000, false);
  around.need(1005, false);
  expect(asked).toEqual([{ start: 900, end: 1300 }]);
  await answer();
  expect([times()[0], times().at(-1), loaded()]).toEqual([900, 1300, 1]);
  around.need(1150, false);
  expect(asked).toHaveLength(1);
  around.need(1250, false);
  expect(asked[1]).toEqual({ start: 1150, end: 1550 });
});

test('a picture that stays needs nothing ahead', async () => {
  const { around, asked, answer } = world();
  around.need(1000, true);
  expect(asked).toEqual([{ start: 900, end: 1100 }]);
  await answer();
  around.need(1090, true);
  expect(asked).toHaveLength(1);
});

test('nothing is asked for what events bring', () => {
  const { around, asked, times } = world();
  around.follow(2000);
  around.add([at(2010), at(2030)]);
  around.add([at(2020)]);
  expect(times()).toEqual([2010, 2020, 2030]);
  around.need(2100, false);
  expect(asked).toEqual([]);
  around.need(2050, false);
  expect(asked).toHaveLength(1);
});

test('what was loaded or asked for before events flowed reaches into a time of which it knew nothing: it is asked for again', async () => {
  const { around, asked, answer } = world();
  around.need(1000, false);
  await answer();
  around.follow(1200);
  around.need(1210, false);
  expect(asked[1]).toEqual({ start: 1110, end: 1510 });
  // On its way while events began anew: its answer is not waited for, and changes nothing.
  around.follow(1300);
  around.need(1310, false);
  expect(asked[2]).toEqual({ start: 1210, end: 1610 });
  await answer();
  around.need(1310, false);
  expect(asked).toHaveLength(3);
  await answer();
  around.need(1390, false);
  expect(asked).toHaveLength(3);
});

test('what events brought stays when something older is loaded', async () => {
  const { around, answer, times } = world();
  around.follow(5000);
  around.add([at(5005), at(5015)]);
  around.need(1000, true);
  await answer();
  expect(times().slice(-3)).toEqual([1100, 5005, 5015]);
});

test('keeps no more than it may', () => {
  const { around, times } = world();
  for (let time = 0; time < 5000; time++) around.add([at(time)]);
  expect(times().length).toBeLessThanOrEqual(1250);
  expect(times().at(-1)).toBe(4999);
});
