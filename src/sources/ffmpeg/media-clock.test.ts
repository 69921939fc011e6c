import { describe, expect, it } from 'vitest';
import type { Micros } from '../../core/time.ts';
import { LiveClock, PacedClock, Thinner } from './media-clock.ts';

const T = 1_763_640_000_000_000;
const at = (us: number) => (T + us) as Micros;

describe('PacedClock', () => {
  it('keeps the differences of the file, long pauses too', () => {
    const clock = new PacedClock();
    const times = [500, 33_500, 1_603_500, 1_610_500];
    expect(times.map((time) => clock.map(time, 40_000, at(0))! - T)).toEqual([0, 33_000, 1_603_000, 1_610_000]);
  });

  it('goes on one duration after the last picture when the file starts over', () => {
    const clock = new PacedClock();
    clock.map(0, 40_000, at(0));
    clock.map(40_000, 25_000, at(40_000));
    clock.restart();
    expect(clock.map(0, 40_000, at(41_000))! - T).toBe(65_000);
    expect(clock.map(40_000, 40_000, at(66_000))! - T).toBe(105_000);
  });

  it('takes a backward step or a step of minutes for a break, not for a pause', () => {
    const clock = new PacedClock();
    clock.map(10_000_000, 40_000, at(0));
    expect(clock.map(0, 40_000, at(1))! - T).toBe(40_000);
    expect(clock.map(95_000_000_000, 40_000, at(2))! - T).toBe(80_000);
  });

  it('does not try to catch up with more than a second', () => {
    const clock = new PacedClock();
    clock.map(0, 40_000, at(0));
    expect(clock.map(40_000, 40_000, at(900_000))! - T).toBe(40_000);
    expect(clock.map(80_000, 40_000, at(3_000_000))! - T).toBe(3_000_000);
    expect(clock.map(120_000, 40_000, at(3_000_000))! - T).toBe(3_040_000);
  });

  it('puts pictures without a time after the last one', () => {
    const clock = new PacedClock();
    clock.map(null, 40_000, at(0));
    expect(clock.map(null, 40_000, at(0))! - T).toBe(40_000);
  });
});

describe('LiveClock', () => {
  it('keeps the differences of the input while arrival jitters', () => {
    const clock = new LiveClock();
    const jitter = [0, 8000, 3000, 120_000, 500, 0];
    const out = jitter.map((late, i) => clock.map(7_000_000 + i * 40_000, 40_000, at(i * 40_000 + late))! - T);
    expect(out).toEqual([0, 40_000, 80_000, 120_000, 160_000, 200_000]);
  });

  it('starts at the time at which the first packet was sent', () => {
    const clock = new LiveClock();
    clock.restart(1_000_000, at(0));
    expect(clock.map(1_040_000, 40_000, at(300_000))! - T).toBe(40_000);
  });

  it('leaves out a backlog and is back on time after it', () => {
    const clock = new LiveClock();
    expect(clock.map(0, 40_000, at(0))).not.toBeNull();
    // What a server had stored comes at once.
    for (let i = 1; i <= 20; i++) expect(clock.map(i * 40_000, 40_000, at(i * 100))).toBeNull();
    expect(clock.map(21 * 40_000, 40_000, at(42_000))! - T).toBe(42_000);
    expect(clock.map(22 * 40_000, 40_000, at(82_000))! - T).toBe(82_000);
  });

  it('is set anew by a delay of more than a second and by a step backward', () => {
    const clock = new LiveClock();
    clock.map(0, 40_000, at(0));
    expect(clock.map(40_000, 40_000, at(1_500_000))! - T).toBe(1_500_000);
    expect(clock.map(10_000, 40_000, at(1_540_000))! - T).toBe(1_540_000);
  });

  it('follows a sender whose clock is slower, by the quickest picture of each window', () => {
    const clock = new LiveClock();
    let worst = 0;
    for (let i = 0; i < 25 * 600; i++) {
      // 200 parts in a million slower, up to 30 ms on the way.
      const now = at(Math.round(i * 40_000 * 1.0002 + ((i * 7919) % 30) * 1000));
      const capture = clock.map(i * 40_000, 40_000, now);
      if (i > 300) worst = Math.max(worst, Math.abs(capture! - T - i * 40_000 * 1.0002));
    }
    expect(worst).toBeLessThan(6000);
  });

  it('gives rising times, whatever comes', () => {
    const clock = new LiveClock();
    let last = 0;
    for (const [time, now] of [
      [0, 0],
      [null, 10],
      [5_000_000, 20],
      [0, 30],
      [null, 30],
    ] as const) {
      const capture = clock.map(time, 40_000, at(now));
      if (capture === null) continue;
      expect(capture).toBeGreaterThan(last);
      last = capture;
    }
  });
});

describe('Thinner', () => {
  const take = (fps: number, intervals: number[]) => {
    const thinner = new Thinner(fps);
    let time = T;
    return intervals.filter((interval) => {
      time += interval;
      return thinner.take(time as Micros);
    }).length;
  };
  it('thins out to the rate and keeps an equal or a lower rate whole', () => {
    expect(take(10, new Array(250).fill(40_000))).toBe(100);
    expect(take(25, new Array(250).fill(40_000))).toBe(250);
    expect(
      take(
        25,
        Array.from({ length: 250 }, (_, i) => (i % 2 ? 37_000 : 43_000)),
      ),
    ).toBe(250);
    expect(take(60, new Array(250).fill(40_000))).toBe(250);
  });
  it('does not make up for a pause with a burst', () => {
    expect(take(10, [0, 5_000_000, 40_000, 40_000, 40_000])).toBe(3);
  });
});
