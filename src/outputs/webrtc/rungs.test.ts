import { expect, it } from 'vitest';
import { RUNGS, RungChoice } from './rungs.ts';

const RATE = 2_400_000;

/** Reports four times a second of a way that carries so many bit/s; probes are answered at once. */
function run(choice: RungChoice, seconds: number, from: number, carries: (rung: number) => number, probes = true): number[] {
  return Array.from({ length: seconds * 4 }, (_, i) => {
    const now = (from + i / 4) * 1000;
    const sending = RATE * RUNGS[choice.rung]!;
    const way = {
      verdict: sending > carries(choice.rung) ? ('bad' as const) : ('fine' as const),
      arriving: Math.min(sending, carries(choice.rung)),
    };
    const rung = choice.update({ way, sending, probes }, now);
    if (choice.wanted !== null) choice.room(Math.min(carries(rung), choice.wanted), now);
    return rung;
  });
}

it('stays on top while the way carries it, and one hiccup changes nothing', () => {
  const choice = new RungChoice();
  expect(new Set(run(choice, 60, 0, () => RATE * 1.5))).toEqual(new Set([0]));
  choice.update({ way: { verdict: 'bad', arriving: 100_000 }, sending: RATE, probes: true }, 60_000);
  expect(new Set(run(choice, 10, 60.25, () => RATE * 1.5))).toEqual(new Set([0]));
});

it('a quarter of the way: straight to the lowest rung within a second; back up one by one when the way is whole', () => {
  const choice = new RungChoice();
  run(choice, 5, 0, () => RATE * 1.2);
  expect(run(choice, 1, 5, () => RATE / 4).at(-1)).toBe(2);
  expect(new Set(run(choice, 30, 6, () => RATE / 4))).toEqual(new Set([2]));
  const up = run(choice, 90, 36, () => RATE * 1.2);
  expect(up.at(-1)).toBe(0);
  expect(up.filter((rung, i) => i > 0 && rung !== up[i - 1])).toEqual([1, 0]);
});

it('half of the way: on rung 1 for ever, because probes say that more does not fit', () => {
  const choice = new RungChoice();
  run(choice, 2, 0, () => RATE / 2);
  expect(new Set(run(choice, 600, 2, () => RATE / 2))).toEqual(new Set([1]));
});

it('without probes it must be tried, and each attempt that fails makes the next one wait longer', () => {
  const choice = new RungChoice();
  const rungs = run(choice, 300, 0, () => RATE / 2, false);
  const attempts = rungs.flatMap((rung, i) => (rung === 0 && rungs[i - 1] === 1 ? [i] : []));
  expect(attempts.length).toBeGreaterThan(2);
  expect(attempts.length).toBeLessThan(12);
  expect(attempts[1]! - attempts[0]!).toBeGreaterThan(attempts[0]! - 0);
  expect(run(choice, 100, 300, () => RATE * 1.5, false).at(-1)).toBe(0);
});

it('what is reported right after a change speaks of the rung before', () => {
  const choice = new RungChoice();
  const bad = { way: { verdict: 'bad', arriving: RATE / 2 }, sending: RATE, probes: true } as const;
  choice.update(bad, 0);
  expect(choice.update(bad, 500)).toBe(1);
  expect(choice.update(bad, 1000)).toBe(1);
  expect(choice.update(bad, 2000)).toBe(1);
});
