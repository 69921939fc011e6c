import fc from 'fast-check';
import { expect, test } from 'vitest';
import { axisRange, type FixedEnds, numberText, tickText } from './numbers.ts';

const NO_ENDS = { min: undefined, max: undefined };

test('numbers have five digits and a true minus', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [42, '42'],
    [812.4, '812.40'],
    [0.0123456, '0.012346'],
    [-1.5, '−1.5000'],
    [-3e-9, '−3e−9'],
    [123456, '123456'],
    [1.25e9, '1.25e9'],
    [2e-7, '2e−7'],
    [Number.NaN, '–'],
  ];
  for (const [value, text] of cases) expect(numberText(value)).toBe(text);
});

test('ticks show what tells them apart', () => {
  expect([0, 0.25, 0.5].map((value) => tickText(value, 0.25))).toEqual(['0', '0.25', '0.50']);
  expect([-10, 0, 10].map((value) => tickText(value, 10))).toEqual(['−10', '0', '10']);
  expect([0, 2e6].map((value) => tickText(value, 2e6))).toEqual(['0', '2e6']);
});

/** Says what an axis owes its values and its set ends. */
function expectAxis(low: number, high: number, fixed: FixedEnds): void {
  const { min, max } = fixed;
  const range = axisRange(null, low, high, fixed);
  expect(Number.isFinite(range.min) && Number.isFinite(range.max)).toBe(true);
  expect(range.max).toBeGreaterThan(range.min);
  if (min === undefined && (max === undefined || low < max)) expect(range.min).toBeLessThanOrEqual(low);
  if (max === undefined && (min === undefined || high > min)) expect(range.max).toBeGreaterThanOrEqual(high);
  if (min !== undefined) expect(range.min).toBe(min);
  if (max !== undefined) expect(range.max).toBe(max);
}

test.each([
  ['usual values', 1e9],
  ['values of any size', 1.7e308],
  ['values next to zero', 1e-300],
])('an axis holds all values, is finite, has a height, and keeps ends that are set: %s', (_, size) => {
  const number = fc.double({ min: -size, max: size, noNaN: true });
  const end = fc.option(number, { nil: undefined });
  fc.assert(
    fc.property(number, number, end, end, (a, b, min, max) => {
      if (min !== undefined && max !== undefined && min >= max) return;
      expectAxis(Math.min(a, b), Math.max(a, b), { min, max });
    }),
  );
});

const TINY = 5e-324;
const HUGE = Number.MAX_VALUE;

test.each<[string, number, number, FixedEnds]>([
  ['the smallest number below zero', -TINY, 0, NO_ENDS],
  ['the smallest number', TINY, TINY, NO_ENDS],
  ['two of the smallest numbers', TINY, 5 * TINY, NO_ENDS],
  ['an end set at the smallest number', 0, 0, { min: TINY, max: undefined }],
  ['an end set just below zero', 0, 0, { min: undefined, max: -TINY }],
  ['the largest number', HUGE, HUGE, NO_ENDS],
  ['all numbers', -HUGE, HUGE, NO_ENDS],
  ['neighbours among large numbers', 1e300, 1e300 * (1 + Number.EPSILON), NO_ENDS],
  ['neighbours far from zero', 2 ** 53 - 1, 2 ** 53, NO_ENDS],
])('an axis for %s', (_, low, high, fixed) => expectAxis(low, high, fixed));

test('an axis stays while its values fit and fill it', () => {
  const range = axisRange(null, 10, 20, NO_ENDS);
  expect(axisRange(range, 11, 19, NO_ENDS)).toEqual(range);
  expect(axisRange(range, 11, 12, NO_ENDS)).not.toEqual(range);
  expect(axisRange(range, 11, range.max + 1, NO_ENDS).max).toBeGreaterThan(range.max);
  expect(axisRange(range, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, NO_ENDS)).toEqual(range);
});

test('values that are never negative have an axis from zero, not below', () => {
  expect(axisRange(null, 0, 10, NO_ENDS).min).toBe(0);
  expect(axisRange(null, 0.5, 10, NO_ENDS).min).toBeGreaterThanOrEqual(0);
  expect(axisRange(null, 0, 0, NO_ENDS)).toMatchObject({ min: 0 });
});
