import { expect, it } from 'vitest';
import { RungChoice } from './rungs.ts';

const RATE = 2_400_000;
const fine = { fractionLost: 0, remb: RATE * 1.4 };

/** Reports once a second; what is sent follows the rung. */
function run(
  choice: RungChoice,
  seconds: number,
  from: number,
  report: (rung: number) => { fractionLost: number; remb: number | null },
): number[] {
  return Array.from({ length: seconds }, (_, i) => choice.update(report(choice.rung), RATE / 2 ** choice.rung, (from + i) * 1000));
}

it('stays on top while the way carries it', () => {
  expect(new Set(run(new RungChoice(), 60, 0, () => fine))).toEqual(new Set([0]));
  expect(new Set(run(new RungChoice(), 60, 0, () => ({ fractionLost: 0.05, remb: null })))).toEqual(new Set([0]));
});

it('a quarter of the way: on the lowest rung within 2 reports, and one hiccup changes nothing', () => {
  const choice = new RungChoice();
  expect(run(choice, 2, 0, () => ({ fractionLost: 0.3, remb: 500_000 }))).toEqual([0, 2]);
  const calm = new RungChoice();
  expect(run(calm, 1, 0, () => ({ fractionLost: 0.3, remb: 500_000 }))).toEqual([0]);
  expect(run(calm, 5, 1, () => fine)).toEqual([0, 0, 0, 0, 0]);
});

it('loss alone goes down one rung at a time', () => {
  expect(run(new RungChoice(), 4, 0, () => ({ fractionLost: 0.2, remb: null }))).toEqual([0, 1, 1, 2]);
});

it('goes up again after a quiet time, and waits longer after each attempt that fails', () => {
  const choice = new RungChoice();
  // The way carries half: rung 1 fits, rung 0 does not.
  const half = (rung: number) => (rung === 0 ? { fractionLost: 0.2, remb: RATE * 0.5 } : { fractionLost: 0, remb: RATE * 0.7 });
  const rungs = run(choice, 300, 0, half);
  const attempts = rungs.flatMap((rung, i) => (rung === 0 && rungs[i - 1] === 1 ? [i] : []));
  expect(attempts.length).toBeGreaterThan(1);
  expect(attempts.length).toBeLessThan(7);
  const waits = attempts.slice(1).map((at, i) => at - attempts[i]!);
  for (const [i, wait] of waits.entries()) if (i > 0) expect(wait).toBeGreaterThan(waits[i - 1]!);
  // The way is whole again.
  expect(run(choice, 200, 300, () => fine).at(-1)).toBe(0);
});
