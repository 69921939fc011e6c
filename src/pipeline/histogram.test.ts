import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

it('counts a value in the first bucket that reaches up to it, its end included', () => {
  const histogram = new Histogram([0.1, 0.5]);
  for (const value of [0.05, 0.1, 0.3, 7]) histogram.add(value);
  histogram.add(Number.NaN);
  histogram.add(Number.POSITIVE_INFINITY);
  expect(histogram.counts.buckets).toEqual([
    [0.1, 2],
    [0.5, 3],
    [null, 4],
  ]);
  expect(histogram.counts.count).toBe(4);
  expect(histogram.counts.sum).toBeCloseTo(7.45);
});

it('each bucket says how many values are not above its end', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), fc.uniqueArray(fc.integer({ min: 1, max: 20 })), (values, ends) => {
      const limits = ends.sort((a, b) => a - b);
      const histogram = new Histogram(limits);
      for (const value of values) histogram.add(value);
      for (const [limit, count] of histogram.counts.buckets) {
        expect(count).toBe(values.filter((value) => limit === null || value <= limit).length);
      }
    }),
  );
});
