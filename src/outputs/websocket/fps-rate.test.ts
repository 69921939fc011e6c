import { expect, it } from 'vitest';
import { FpsRate } from './fps-rate.ts';

it('the rule of frames per second lowers and raises by 5 within 30 to 95, and is right for a source of 30 fps', () => {
  const rate = new FpsRate(80);
  let now = 0;
  let offered = 0;
  const run = (share: number, seconds: number, source = 30) => {
    const end = now + seconds * 1000;
    for (let due = 0; now < end; now += 1000 / source) {
      offered++;
      due += share;
      if (due >= 1) rate.acked();
      if (due >= 1) due -= 1;
      rate.update(now, { offered });
    }
    return rate.step.quality;
  };
  expect(run(1, 4)).toBe(80);
  expect(run(1, 60)).toBe(95);
  expect(run(2 / 3, 12)).toBeLessThan(95);
  expect(run(2 / 3, 300)).toBe(30);
  // Between the two thresholds nothing changes.
  expect(run(0.96, 60)).toBe(30);
  expect(run(1, 20)).toBeGreaterThan(30);
});
