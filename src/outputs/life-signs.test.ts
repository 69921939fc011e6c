import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LifeSigns } from './life-signs.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('a viewer is gone 4 s after its last sign, and one that never gave any is left alone', async () => {
  using signs = new LifeSigns();
  const gone: string[] = [];
  signs.watch('a', () => gone.push('a'));
  signs.watch('b', () => gone.push('b'));
  signs.watch('silent', () => gone.push('silent'));
  for (let second = 0; second < 10; second++) {
    signs.seen(second < 5 ? ['a', 'b', 'nobody'] : ['b']);
    await vi.advanceTimersByTimeAsync(1000);
    // The last sign of a came at 4 s.
    expect(gone).toEqual(second < 7 ? [] : ['a']);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(gone).toEqual(['a', 'b']);
});

test('what was read late counts, and who has gone by itself is not told of', async () => {
  using signs = new LifeSigns();
  const gone: string[] = [];
  signs.watch('late', () => gone.push('late'));
  const left = signs.watch('left', () => gone.push('left'));
  signs.seen(['late', 'left']);
  left[Symbol.dispose]();
  // The clock has run out, and the signs are read after it.
  await vi.advanceTimersByTimeAsync(3600);
  signs.seen(['late']);
  await vi.advanceTimersByTimeAsync(3000);
  expect(gone).toEqual([]);
  await vi.advanceTimersByTimeAsync(1500);
  expect(gone).toEqual(['late']);
  expect(vi.getTimerCount()).toBe(0);
});
