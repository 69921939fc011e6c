import { expect, test } from 'vitest';
import { samplesOf, valuesAt, valueText } from './shown-values.ts';

const S = 1_000_000;

test('of each metric the newest value that is not later than the frame and not too old', () => {
  const samples = [
    { timestamp: 1 * S, values: { old: 1 } },
    { timestamp: 5 * S, values: { mean: 1, spikes: 9 } },
    { timestamp: 6 * S, values: { mean: 2 } },
    { timestamp: 6 * S, values: { spikes: null } },
    { timestamp: 6 * S + 1, values: { mean: 3 } },
  ];
  expect(valuesAt(samples, 6 * S)).toEqual([
    ['mean', 2],
    ['spikes', null],
  ]);
  expect(valuesAt(samples, 6 * S + 1)).toEqual([
    ['mean', 3],
    ['spikes', null],
  ]);
  expect(valuesAt(samples, S - 1)).toEqual([]);
});

test('reads raw series, whose times are differences, up to where all of them are there', () => {
  const series = { unit: null, label: null, width: 1, truncated: false };
  const { items, end } = samplesOf({
    start: 0,
    end: 100,
    step: 0,
    series: [
      { ...series, name: 'a', timestamp: [10, 5, 5], value: [1, null, 3] },
      { ...series, name: 'b', timestamp: [12], value: [[1, 2]], truncated: true },
    ],
  });
  expect(items).toEqual([
    { timestamp: 10, values: { a: 1 } },
    { timestamp: 15, values: { a: null } },
    { timestamp: 20, values: { a: 3 } },
    { timestamp: 12, values: { b: [1, 2] } },
  ]);
  expect(end).toBe(12);
});

test('numbers as people read them', () => {
  expect([812.4, 3, 0.000_123_456, 1_234_567.891, 1.5e12, null, [1, 2, 3]].map(valueText)).toEqual([
    '812.4',
    '3',
    '0.00012346',
    '1234600',
    '1500000000000',
    '–',
    '3 values',
  ]);
});
