import { expect, it } from 'vitest';
import { FpsRate } from './fps-rate.ts';

function viewer(rate: FpsRate) {
  let now = 0;
  let offered = 0;
  let due = 0;
  const qualities: number[] = [];
  /** So many seconds in which `share` of the pictures arrive; a function says it by quality. */
  const run = (share: number | ((quality: number) => number), seconds: number, source = 30) => {
    for (const end = now + seconds * 1000; now < end; now += 1000 / source) {
      offered++;
      due += typeof share === 'number' ? share : share(rate.step.quality);
      if (due >= 1) {
        rate.acked();
        due -= 1;
      }
      rate.update(now, { offered });
      if (qualities.at(-1) !== rate.step.quality) qualities.push(rate.step.quality);
    }
    return rate.step.quality;
  };
  return { run, qualities };
}

it('lowers and raises by 5 within 30 to 95, and is right for a source of 30 fps', () => {
  const { run, qualities } = viewer(new FpsRate(95));
  expect(run(1, 20)).toBe(95);
  expect(run(0.5, 0.5)).toBe(95);
  expect(run(2 / 3, 300)).toBe(30);
  expect(qualities).toEqual([95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30]);
  // Between the two thresholds nothing changes.
  expect(run(0.96, 60)).toBe(30);
  expect(run(1, 200)).toBe(95);
});

it('a quality that is wanted is the best that is given', () => {
  const { run } = viewer(new FpsRate(60));
  expect(run(1, 60)).toBe(60);
  expect(run(0.5, 30)).toBeLessThan(60);
  expect(run(1, 100)).toBe(60);
});

it('a way that carries 55 but not 60 does not make it swing', () => {
  const { run, qualities } = viewer(new FpsRate(95));
  run((quality) => (quality <= 55 ? 1 : 0.8), 300);
  // The way down, and ever rarer attempts.
  expect(qualities.slice(8).length).toBeLessThanOrEqual(14);
  const before = qualities.length;
  run((quality) => (quality <= 55 ? 1 : 0.8), 60);
  expect(qualities.length - before).toBeLessThanOrEqual(2);
});
