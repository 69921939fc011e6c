import { expect, it } from 'vitest';
import { JpegRate, STEPS } from './jpeg-rate.ts';

interface Way {
  readonly mbit: number;
  readonly seconds: number;
}

interface Conditions {
  /** Bytes of a 720p picture at quality 90. */
  readonly full?: number;
  /** How much stronger than in typical pictures the bytes follow the quality. */
  readonly gamma?: number;
  /** Way there and back, ms. */
  readonly rtt?: number;
  /** Bytes that go through at once after a pause. */
  readonly burst?: number;
  /** ms that the viewer needs for a picture of full size. */
  readonly decode?: number;
  /** Every so many seconds nothing at all goes on for 400 ms: a busy machine. */
  readonly hiccup?: number;
  readonly seed?: number;
}

const WEIGHT: Record<number, number> = { 90: 1, 80: 0.66, 70: 0.53, 55: 0.41, 45: 0.35, 40: 0.32, 35: 0.29, 30: 0.26 };

interface Second {
  readonly step: number;
  /** Pictures that arrived, per second. */
  readonly fps: number;
  /** Median time from encoder to acknowledgement, ms. */
  readonly delay: number;
}

/** A viewer behind a token bucket: pictures come at 30 per second; those for which there is no room on the way give way to newer ones. */
function simulate(rate: JpegRate, phases: readonly Way[], conditions: Conditions = {}): Second[] {
  const { full = 120_000, gamma = 1, rtt = 2, burst = 16_000, decode = 4, hiccup = 0, seed = 1 } = conditions;
  let random = seed;
  const noise = () => {
    random = (random * 48_271) % 2_147_483_647;
    return random / 2_147_483_647;
  };
  const log: Second[] = [];
  let [now, id, offered, skipped, tokens, free] = [0, 0, 0, 0, burst, 0];
  const way: { id: number; at: number; left: number; pixels: number }[] = [];
  let done: { id: number; at: number; arrives: number }[] = [];
  let waiting = false;
  let nextAt = 0;
  let delays: number[] = [];
  for (const { mbit, seconds } of phases) {
    for (const end = now + seconds * 1000; now < end; now++) {
      tokens = Math.min(Math.max(burst, mbit * 125), tokens + mbit * 125);
      const idle = hiccup > 0 && now % (hiccup * 1000) < 400;
      while (!idle && way.length && tokens > 0) {
        const first = way[0]!;
        const bytes = Math.min(tokens, first.left);
        first.left -= bytes;
        tokens -= bytes;
        if (first.left > 0) break;
        way.shift();
        free = Math.max(free, now) + decode * first.pixels * (0.8 + 0.4 * noise());
        done.push({ id: first.id, at: first.at, arrives: free + rtt });
      }
      if (!idle) {
        for (const entry of done.filter(({ arrives }) => arrives <= now)) {
          rate.acked(entry.id, now);
          delays.push(now - entry.at);
        }
        done = done.filter(({ arrives }) => arrives > now);
      }
      const { quality, scale, fps } = rate.step;
      if (!idle && now >= nextAt) {
        nextAt = Math.max(nextAt + 1000 / (fps ?? 30), now);
        offered++;
        if (waiting) skipped++;
        waiting = true;
      }
      if (waiting && way.length + done.length < rate.flying(30)) {
        waiting = false;
        const left = full * (WEIGHT[quality]! * scale ** 2) ** gamma * (0.9 + 0.2 * noise());
        way.push({ id: ++id, at: now, left, pixels: scale ** 2 });
        rate.sent(id, left, now);
      }
      if (!idle && now % 250 === 0) rate.update(now, { offered, skipped, backlog: 0, rtt });
      if (now % 1000 === 999) {
        log.push({ step: STEPS.indexOf(rate.step), fps: delays.length, delay: delays.sort((a, b) => a - b)[delays.length >> 1] ?? 0 });
        delays = [];
      }
    }
  }
  return log;
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const fps = (log: Second[]) => mean(log.map((second) => second.fps));
const changes = (log: Second[]) => log.filter(({ step }, i) => i > 0 && log[i - 1]!.step !== step).length;
const SEEDS = [1, 2, 3];

it('a wide way gets the best, and stays there', () => {
  for (const rtt of [1, 40, 150]) {
    const log = simulate(new JpegRate(90), [{ mbit: 100, seconds: 60 }], { rtt });
    expect(log.every(({ step }) => step === 0)).toBe(true);
    expect(fps(log.slice(3))).toBeGreaterThan(29);
  }
});

it('the wanted quality is the best that is given', () => {
  const rate = new JpegRate(60);
  simulate(rate, [{ mbit: 100, seconds: 20 }]);
  expect(rate.step).toEqual(STEPS[2]);
});

it.each([
  ['typical pictures', {}],
  ['heavy pictures that follow the quality strongly', { full: 280_000, gamma: 1.5 }],
  ['a way of 50 ms there and back', { rtt: 50 }],
  ['no burst', { burst: 1500 }],
  ['a long burst', { burst: 64_000 }],
])('5, then 50, then 2 Mbit/s: follows each, holds 24 fps, and does not swing: %s', (name, conditions) => {
  for (const seed of SEEDS) {
    const log = simulate(
      new JpegRate(90),
      [
        { mbit: 5, seconds: 60 },
        { mbit: 50, seconds: 60 },
        { mbit: 2, seconds: 60 },
      ],
      { ...conditions, seed },
    );
    const phases = [log.slice(0, 60), log.slice(60, 120), log.slice(120)];
    for (const phase of phases) {
      expect(fps(phase.slice(5))).toBeGreaterThan(26);
      expect(phase.slice(6).filter((second) => second.fps < 24).length).toBeLessThanOrEqual(5);
      expect(Math.max(...phase.slice(-15).map(({ delay }) => delay))).toBeLessThan(400);
      // An attempt to go up, and back; a long burst looks like success at first.
      expect(changes(phase.slice(-20))).toBeLessThanOrEqual(name === 'a long burst' ? 4 : 2);
    }
    // 50 Mbit/s carry the best of typical pictures, and 120 kB thirty times a second are 29.
    if (!('full' in conditions)) expect(phases[1]!.at(-1)!.step).toBe(0);
    expect(phases[0]!.at(-1)!.step).toBeLessThan(phases[2]!.at(-1)!.step);
  }
});

it('a machine that stands still now and then is no narrow way', () => {
  for (const seed of SEEDS) {
    const log = simulate(new JpegRate(90), [{ mbit: 100, seconds: 120 }], { hiccup: 7, seed });
    expect(mean(log.map(({ step }) => step))).toBeLessThan(1.5);
  }
});

it('a viewer that is slow at decoding gets smaller pictures, and all of them', () => {
  for (const seed of SEEDS) {
    const log = simulate(new JpegRate(90), [{ mbit: 100, seconds: 90 }], { decode: 70, seed });
    expect(fps(log.slice(-30))).toBeGreaterThan(25);
  }
});

it('a viewer that stops acknowledging goes down too', () => {
  const rate = new JpegRate(90);
  simulate(rate, [{ mbit: 50, seconds: 10 }]);
  const before = STEPS.indexOf(rate.step);
  rate.sent(100_000, 120_000, 10_000);
  for (let now = 10_000; now < 16_000; now += 500) rate.update(now, { offered: 300 + now / 33, skipped: 0, backlog: 0, rtt: 2 });
  expect(STEPS.indexOf(rate.step)).toBeGreaterThan(before);
});
