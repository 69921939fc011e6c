import { expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

/** Rates over 30 s of a source at `from` fps whose capture times jitter by so many ms to both sides. */
function thinned(from: number, to: number, jitterMs = 0, seed = 1) {
  const throttle = new Throttle(to);
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const start = 1_763_640_000_000_000;
  const taken: number[] = [];
  for (let i = 0; i < from * 30; i++) {
    const time = start + (i * 1e6) / from + random() * jitterMs * 1000;
    if (throttle.takes(time)) taken.push(time);
  }
  const gaps = taken.slice(1).map((time, i) => (time - taken[i]!) / 1000);
  return { fps: ((taken.length - 1) * 1e6) / (taken.at(-1)! - taken[0]!), longest: Math.max(...gaps) };
}

it.each([25, 20, 10, 29, 15, 1])('30 pictures a second become %s, with and without jitter', (to) => {
  for (const jitter of [0, 2, 8, 14]) {
    const { fps, longest } = thinned(30, to, jitter);
    expect(Math.abs(fps / to - 1), `${jitter} ms: ${fps}`).toBeLessThan(0.02);
    // No pause longer than one due time and one picture of the source.
    expect(longest).toBeLessThan(1000 / to + 1000 / 30 + 2 * jitter);
  }
});

it('other rates of the source, and rates that it does not reach', () => {
  expect(thinned(29.97, 25).fps).toBeCloseTo(25, 0);
  expect(thinned(60, 25).fps).toBeCloseTo(25, 0);
  expect(thinned(100, 30).fps).toBeCloseTo(30, 0);
  expect(thinned(30, 30, 14).fps).toBeGreaterThan(29.3);
  expect(thinned(20, 30, 5).fps).toBeCloseTo(20, 1);
});

it('a pause is not made up for, and a clock that is set back makes none', () => {
  const throttle = new Throttle(10);
  const take = (from: number, count: number) => {
    let taken = 0;
    for (let i = 0; i < count; i++) if (throttle.takes((from + i / 30) * 1e6)) taken++;
    return taken;
  };
  expect(take(1000, 90)).toBe(30);
  expect(take(1060, 90)).toBe(30);
  expect(take(500, 90)).toBe(30);
});
