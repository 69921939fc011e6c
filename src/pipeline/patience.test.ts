import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Patience } from './patience.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();

/** How long it waits, ms. */
async function timeOf(wait: Promise<void>): Promise<number> {
  const began = performance.now();
  let waits = true;
  void wait.then(() => (waits = false));
  for (await Promise.resolve(); waits; ) await vi.advanceTimersByTimeAsync(1);
  return performance.now() - began;
}

it('waits until it is so, not at all if it is already, and for nobody for ever', async () => {
  const patience = new Patience();
  let asked = 0;
  expect(await timeOf(patience.until(() => ++asked > 3, 10_000, signal))).toBeLessThanOrEqual(3);
  expect(asked).toBe(4);
  expect(await timeOf(patience.until(() => true, 30, signal))).toBe(0);
  expect(await timeOf(patience.until(() => false, 30, signal))).toBe(30);
  // What is too slow for good uses it up.
  const short = new Patience(200);
  let waited = 0;
  for (let i = 0; i < 100; i++) waited += await timeOf(short.until(() => false, 100, signal));
  expect(waited).toBe(200);
  // A tenth of the time that passes comes back, up to all of it.
  for (const [passed, back] of [
    [1000, 100],
    [60_000, 200],
  ] as const) {
    await vi.advanceTimersByTimeAsync(passed);
    expect(await timeOf(short.until(() => false, 10_000, signal))).toBe(back);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await timeOf(short.until(() => false, 100, AbortSignal.abort()))).toBe(0);
});
