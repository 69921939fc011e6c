import { expect, it } from 'vitest';
import { Patience } from './patience.ts';

const { signal } = new AbortController();

it('waits until it is so, not at all if it is already, and for nobody for ever', async () => {
  const patience = new Patience();
  let asked = 0;
  await patience.until(() => ++asked > 3, 10_000, signal);
  expect(asked).toBe(4);
  let began = performance.now();
  await patience.until(() => false, 30, signal);
  expect(performance.now() - began).toBeGreaterThanOrEqual(29);
  // What is too slow for good uses it up: 5 s in all, and a tenth of the time that passes.
  began = performance.now();
  const short = new Patience(200);
  for (let i = 0; i < 100; i++) await short.until(() => false, 100, signal);
  const waited = performance.now() - began;
  expect(waited).toBeGreaterThanOrEqual(199);
  began = performance.now();
  await short.until(() => false, 100, AbortSignal.abort());
  await short.until(() => true, 100, signal);
  expect(performance.now() - began).toBeLessThan(100);
});
