import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bins } from './bins.ts';

const sample = fc.tuple(fc.integer({ min: -50, max: 150 }), fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(Number.NaN)));
const samples = fc.uniqueArray(sample, { selector: ([time]) => time, maxLength: 150 }).map((list) => list.sort(([a], [b]) => a - b));

/** Bins of a list over a view of 0 to 100. */
function bin(list: readonly (readonly [number, number])[], columns: number, gap = Number.POSITIVE_INFINITY): Bins {
  const bins = new Bins();
  bins.begin(0, 100, columns, gap);
  for (const [time, value] of list) bins.add(time, value, value, value);
  return bins;
}

test('each column has the least, greatest, first and last of its samples, and no other', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 130 }), (list, columns) => {
      const bins = bin(list, columns);
      const plain = new Map<number, number[]>();
      for (const [time, value] of list) {
        const column = Math.floor((time * columns) / 100);
        if (Number.isNaN(value) || time < 0 || time >= 100) continue;
        plain.set(column, [...(plain.get(column) ?? []), value]);
      }
      const inside = Array.from({ length: bins.length }, (_, at) => at).filter((at) => bins.x[at]! >= 0 && bins.x[at]! < columns);
      expect(inside.map((at) => [bins.first[at], bins.min[at], bins.max[at], bins.last[at]])).toEqual(
        [...plain.values()].map((values) => [values[0], Math.min(...values), Math.max(...values), values.at(-1)]),
      );
      const all = [...plain.values()].flat();
      expect([bins.low, bins.high]).toEqual([Math.min(...all), Math.max(...all)]);
      expect(bins.length).toBeLessThanOrEqual(columns + 2);
    }),
  );
});

test('a line breaks exactly where a value is missing or samples are too far apart', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 40 }), (list, gap) => {
      // One column for each µs: nothing shares a column.
      const bins = bin(list, 100, gap);
      const breaks: number[] = [];
      list.forEach(([time, value], at) => {
        if (Number.isNaN(value) || time < 0 || time >= 100) return;
        const [before, last] = list[at - 1] ?? [Number.NEGATIVE_INFINITY, 0];
        if (Number.isNaN(last) || time - before > gap) breaks.push(time);
      });
      const found = Array.from({ length: bins.length }, (_, at) => at).filter((at) => bins.breaks[at] === 1 && bins.x[at]! >= 0);
      expect(found.map((at) => bins.x[at]).filter((x) => x! < 100)).toEqual(breaks);
    }),
  );
});

test('lines reach in from the nearest sample on either side of the view', () => {
  const bins = bin(
    [
      [-30, 1],
      [-10, 2],
      [50, 3],
      [110, 4],
      [140, 5],
    ],
    10,
  );
  expect([...bins.x.subarray(0, bins.length)]).toEqual([-1, 5, 11]);
  expect([...bins.first.subarray(0, bins.length)]).toEqual([2, 3, 4]);
});

test('a sample at the right edge lies outside of the view, however the columns divide it', () => {
  for (let columns = 1; columns <= 4000; columns++) {
    const bins = bin([[100, 0]], columns);
    expect([bins.x[0], bins.low]).toEqual([columns, Number.POSITIVE_INFINITY]);
  }
});
