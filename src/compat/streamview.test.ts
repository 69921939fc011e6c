import { expect, it } from 'vitest';
import { NumberRow } from './streamview.ts';

const sample = (values: Record<string, number | null | number[]>, frame: number | null = null) => ({ timestamp: 1, frame, values });

it('the index is the frame id where it is known, and always rises', () => {
  const row = new NumberRow('mean');
  expect(row.read(sample({ mean: 1 }))).toEqual({ index: 0, value: 1 });
  expect(row.read(sample({ mean: 2 }, 40))).toEqual({ index: 40, value: 2 });
  expect(row.read(sample({ mean: 3 }, 40))).toEqual({ index: 41, value: 3 });
  expect(row.read(sample({ mean: 4 }, 17))).toEqual({ index: 42, value: 4 });
  expect(row.read(sample({ mean: 5 }, 50))).toEqual({ index: 50, value: 5 });
});

it('gaps, vectors and other metrics are no numbers', () => {
  const row = new NumberRow('mean');
  expect(row.read(sample({ mean: null }))).toBe(null);
  expect(row.read(sample({ mean: [1, 2] }))).toBe(null);
  expect(row.read(sample({ other: 1 }))).toBe(null);
});

it('without a name the first number decides', () => {
  const row = new NumberRow(undefined);
  expect(row.read(sample({ trace: [1], mean: 7, spikes: 2 }))).toEqual({ index: 0, value: 7 });
  expect(row.read(sample({ spikes: 3 }))).toBe(null);
});
