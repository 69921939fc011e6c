import { expect, it } from 'vitest';
import { fixedQuality } from './quality-choice.ts';

it('a whole number from 5 to 100 is a fixed quality, everything else is automatic', () => {
  expect(['5', '80', '100'].map(fixedQuality)).toEqual([5, 80, 100]);
  expect(['', 'auto', '4', '101', '8e1', '80.5', '-5'].map(fixedQuality)).toEqual(Array(7).fill(null));
});
