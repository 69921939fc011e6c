import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('waits grow up to the limit and are scattered over the upper half of the step', () => {
  const longest = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0.999999 });
  const shortest = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0 });
  expect([1, 2, 3, 4, 5, 6].map(() => longest.next())).toEqual([100, 180, 324, 583, 1000, 1000]);
  expect([1, 2, 3, 4, 5, 6].map(() => shortest.next())).toEqual([50, 90, 162, 292, 500, 500]);
});

test('never ends, and starts again after a success', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0.999999 });
  for (let i = 0; i < 2000; i++) expect(backoff.next()).toBeLessThanOrEqual(1000);
  backoff.reset();
  expect(backoff.attempts).toBe(0);
  expect(backoff.next()).toBe(100);
});
