import { expect, it } from 'vitest';
import { FpsRate, JpegRate, STEPS } from './jpeg-rate.ts';

/** Bytes of a 720p picture at quality 90. */
const FULL = 120_000;
const WEIGHT: Record<number, number> = { 90: 1, 80: 0.66, 70: 0.53, 55: 0.41, 45: 0.35, 40: 0.32, 35: 0.29, 30: 0.26 };

/** A viewer at the end of a way of so many Mbit/s with a queue: at most three pictures are on their way, what comes meanwhile is replaced. */
function simulate(rate: JpegRate, phases: readonly { mbit: number; seconds: number }[], seed = 1) {
  let random = seed;
  const noise = () => {
    random = (random * 48_271) % 2_147_483_647;
    return random / 2_147_483_647;
  };
  const log: { at: number; step: number; acked: number }[] = [];
  let now = 0;
  let id = 0;
  let busyUntil = 0;
  let flying: { id: number; arrives: number }[] = [];
  let acked = 0;
  let lastSent = 0;
  for (const { mbit, seconds } of phases) {
    const end = now + seconds * 1000;
    for (; now < end; now += 1) {
      for (const entry of flying.filter(({ arrives }) => arrives <= now)) {
        rate.acked(entry.id, now);
        acked++;
      }
      flying = flying.filter(({ arrives }) => arrives > now);
      const { quality, scale, fps } = rate.step;
      const interval = fps ? 1000 / fps : 1000 / 30;
      if (now - lastSent >= interval - 0.5 && flying.length < 3) {
        lastSent = now;
        const bytes = FULL * WEIGHT[quality]! * scale ** 2 * (0.9 + 0.2 * noise());
        busyUntil = Math.max(busyUntil, now) + (bytes * 8) / (mbit * 1000);
        flying.push({ id: ++id, arrives: busyUntil + 4 + noise() * 3 });
        rate.sent(id, bytes, now);
      }
      if (now % 100 === 0) rate.update(now, 30, 0);
      if (now % 1000 === 0) {
        log.push({ at: now / 1000, step: STEPS.indexOf(rate.step), acked });
        acked = 0;
      }
    }
  }
  return log;
}

const fps = (log: { acked: number }[]) => log.reduce((sum, { acked }) => sum + acked, 0) / log.length;

it('a wide way gets the best, and stays there', () => {
  const log = simulate(new JpegRate(90), [{ mbit: 100, seconds: 60 }]);
  expect(log.slice(5).every(({ step }) => step === 0)).toBe(true);
  expect(fps(log.slice(5))).toBeGreaterThan(29);
});

it('5, then 50, then 2 Mbit/s: follows each, holds 24 fps, and does not swing', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const log = simulate(
      new JpegRate(90),
      [
        { mbit: 5, seconds: 60 },
        { mbit: 50, seconds: 60 },
        { mbit: 2, seconds: 60 },
      ],
      seed,
    );
    const [five, fifty, two] = [log.slice(8, 60), log.slice(90, 120), log.slice(128, 180)];
    expect(fps(five)).toBeGreaterThan(24);
    expect(fps(fifty)).toBeGreaterThan(28);
    expect(Math.max(...fifty.map(({ step }) => step))).toBeLessThanOrEqual(1);
    expect(fps(two)).toBeGreaterThan(24);
    for (const phase of [five, two]) {
      const changes = phase.slice(-25).filter(({ step }, i, rows) => i > 0 && rows[i - 1]!.step !== step).length;
      expect(changes).toBeLessThanOrEqual(3);
    }
  }
});

it('a viewer that stops acknowledging goes down too', () => {
  const rate = new JpegRate(90);
  simulate(rate, [{ mbit: 50, seconds: 10 }]);
  const before = STEPS.indexOf(rate.step);
  rate.sent(100_000, FULL, 10_000);
  for (let now = 10_000; now < 16_000; now += 500) rate.update(now, 30, 0);
  expect(STEPS.indexOf(rate.step)).toBeGreaterThan(before);
});

it('the rule of frames per second lowers and raises by 5 within 30 to 95, and is right for a source of 30 fps', () => {
  const rate = new FpsRate(80);
  let now = 0;
  let id = 0;
  const run = (perSecond: number, seconds: number, source = 30) => {
    const end = now + seconds * 1000;
    for (; now < end; now += 1000 / perSecond) {
      rate.acked(++id, now);
      rate.update(now, source);
    }
    return rate.step.quality;
  };
  expect(run(30, 4)).toBe(80);
  expect(run(30, 60)).toBe(95);
  expect(run(20, 12)).toBeLessThan(95);
  expect(run(20, 300)).toBe(30);
  expect(run(29, 60)).toBe(30);
  expect(run(30, 20)).toBeGreaterThan(30);
});
