import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Pacer } from './pacer.ts';

/** Pushes a picture of so many packets of 1,200 bytes at 0 and gives the time at which each one went. */
function run(pacer: Pacer<number>, packets: number, step = 3): number[] {
  const times: number[] = [];
  pacer.due(0);
  for (let i = 0; i < packets; i++) pacer.push(i, 1200);
  for (let now = 0; pacer.waiting > 0; now += step) for (const i of pacer.due(now)) times[i] = now;
  return times;
}

it('without a rate, and within a burst, nothing waits', () => {
  expect(new Set(run(new Pacer(), 100))).toEqual(new Set([0]));
  const paced = new Pacer<number>();
  paced.rate = 1_000_000;
  expect(new Set(run(paced, 10))).toEqual(new Set([0]));
});

it('a key frame goes at the rate of the way', () => {
  const pacer = new Pacer<number>();
  pacer.rate = 2_000_000;
  const times = run(pacer, 50);
  // What is beyond the burst, at 250 bytes per ms.
  expect(times.at(-1)).toBeGreaterThan((40 * 1200) / 250 - 10);
  expect(times.at(-1)).toBeLessThan((40 * 1200) / 250 + 10);
  for (let from = 10; from < 49; from++) expect(times[from + 1]! - times[from]!).toBeLessThanOrEqual(9);
});

it('what may go at once is what would have come out of the queue at once', () => {
  for (const rate of [2_000_000, 5_000_000, Number.POSITIVE_INFINITY]) {
    const [queued, direct] = [new Pacer<number>(), new Pacer<number>()];
    queued.rate = direct.rate = rate;
    for (let now = 0; now < 2000; now += 33) {
      for (let i = 0; i < 6; i++) queued.push(i, 1200);
      const due = queued.due(now).length;
      // Counted like the packets of a picture: the first that waits lets none pass.
      let admitted = direct.due(now).length;
      for (let i = 0; i < 6; i++) {
        if (direct.admit(1200, now)) admitted++;
        else direct.push(i, 1200);
      }
      expect([now, admitted, direct.waiting]).toEqual([now, due, queued.waiting]);
    }
  }
});

it('a rate that is far too low holds nothing back for long', () => {
  const pacer = new Pacer<number>();
  pacer.rate = 1000;
  expect(run(pacer, 60).at(-1)).toBeLessThan(2000);
});

it('everything goes once, in order', () => {
  const steps = fc.array(fc.record({ pushed: fc.nat({ max: 20 }), passed: fc.nat({ max: 100 }), spent: fc.nat({ max: 50_000 }) }));
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 10_000_000 }), (turns, rate) => {
      const pacer = new Pacer<number>();
      pacer.rate = rate;
      let [now, next] = [0, 0];
      const gone: number[] = [];
      for (const { pushed, passed, spent } of turns) {
        for (let i = 0; i < pushed; i++) {
          if (pacer.admit(1000, now)) gone.push(next++);
          else pacer.push(next++, 1000);
        }
        pacer.spend(spent);
        now += passed;
        gone.push(...pacer.due(now));
      }
      for (let i = 0; i < 10_000 && pacer.waiting; i++) gone.push(...pacer.due(now + (i + 1) * 10));
      expect(gone).toEqual(Array.from({ length: next }, (_, i) => i));
      expect(pacer.waiting).toBe(0);
    }),
  );
});
