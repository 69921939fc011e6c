import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceClock, parseDeviceTimestamp } from './device-clock.ts';
import type { Micros } from './time.ts';

const START = 1_763_640_000_000_000;
const FRAME = 33_333;

/** Even numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Camera and network: a device clock with drift, delays of 2 ms on average, and one frame in a hundred 50 ms late. Frames keep their order. */
class Camera {
  readonly clock = new DeviceClock();
  readonly #random: () => number;
  readonly ppm: number;
  truth = START;
  device: number;
  arrival = 0;
  #last = 0;

  constructor(seed: number, ppm: number) {
    this.#random = randomOf(seed);
    this.ppm = ppm;
    this.device = Math.floor(this.#random() * 1e12);
  }

  /** The next frame: how far its time is off (µs), how far the time rose beside the truth, and whether a step was seen. */
  frame(interval = FRAME, extra = 0): { error: number; jump: number; stepped: boolean } {
    this.truth += interval;
    this.device += interval * (1 + this.ppm * 1e-6);
    const delay = -Math.log(1 - this.#random()) * 2000 + (this.#random() < 0.01 ? 50_000 : 0) + extra;
    this.arrival = Math.max(this.arrival + 1, Math.round(this.truth + delay));
    const answer = this.clock.map(Math.round(this.device), this.arrival as Micros);
    if (!answer.accepted) throw new Error(answer.detail);
    const jump = this.#last ? answer.timestamp - this.#last - interval : 0;
    const rising = answer.timestamp > this.#last;
    this.#last = answer.timestamp;
    if (!rising) throw new Error('the time did not rise');
    return { error: Math.abs(answer.timestamp - this.truth), jump: Math.abs(jump), stepped: answer.stepped };
  }
}

describe('DeviceClock', () => {
  it('is within 1 ms after 60 s at 200 ppm, and within 5 ms in the 10 s after a step of 2 s, either way', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.constantFrom(200, -200, 0, 37),
        fc.constantFrom(2_000_000, -2_000_000),
        (seed, ppm, step) => {
          const camera = new Camera(seed, ppm);
          for (let i = 0; i < 1800; i++) expect(camera.frame().jump).toBeLessThan(FRAME);
          for (let i = 0; i < 300; i++) expect(camera.frame().error).toBeLessThanOrEqual(1000);
          expect(camera.clock.state!.driftPpm! - ppm).toSatisfy((off: number) => Math.abs(off) < 10);
          camera.device += step;
          expect(camera.frame().stepped).toBe(true);
          let last = 0;
          for (let i = 0; i < 299; i++) last = camera.frame().error;
          expect(last).toBeLessThanOrEqual(5000);
          for (let i = 0; i < 150; i++) {
            const { error, stepped } = camera.frame();
            expect(stepped).toBe(false);
            expect(error).toBeLessThanOrEqual(1000);
          }
          expect(camera.clock.state!.steps).toBe(1);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes frames that were held up for a step of nothing', () => {
    const camera = new Camera(1, 50);
    for (let i = 0; i < 600; i++) camera.frame();
    // Two seconds of frames come at once, then all is as before.
    for (let i = 0; i < 60; i++) camera.frame(FRAME, 2_000_000 - i * FRAME);
    for (let i = 0; i < 300; i++) {
      const { error, stepped } = camera.frame();
      expect(stepped).toBe(false);
      expect(error).toBeLessThanOrEqual(1000);
    }
    expect(camera.clock.state!.steps).toBe(0);
  });

  it('bears a pause of ten minutes and irregular frames', () => {
    const camera = new Camera(7, -80);
    for (let i = 0; i < 1200; i++) camera.frame(16_000 + (i % 45) * 1000);
    expect(camera.frame(600_000_000).stepped).toBe(false);
    let last = 0;
    for (let i = 0; i < 100; i++) last = camera.frame().error;
    expect(last).toBeLessThan(1000);
  });

  it('finds a step that is smaller than a frame after a while, without a jump', () => {
    const camera = new Camera(3, 0);
    for (let i = 0; i < 600; i++) camera.frame();
    camera.device -= 25_000;
    for (let i = 0; i < 450; i++) expect(camera.frame().jump).toBeLessThan(FRAME);
    expect(camera.frame().error).toBeLessThan(1000);
  });

  it('comes down to the truth when the first frames were late', () => {
    const camera = new Camera(4, 0);
    for (let i = 0; i < 10; i++) camera.frame(FRAME, 200_000);
    for (let i = 0; i < 60; i++) expect(camera.frame().jump).toBeLessThan(FRAME);
    expect(camera.frame().error).toBeLessThan(3000);
  });

  it('refuses a time that stands or runs back a little, and takes the third in a row for a step', () => {
    const clock = new DeviceClock();
    for (let i = 1; i <= 60; i++) clock.map(i * FRAME, (START + i * FRAME) as Micros);
    const at = (i: number, device: number) => clock.map(device, (START + i * FRAME) as Micros);
    expect(at(61, 60 * FRAME)).toEqual({ accepted: false, detail: expect.stringContaining('must rise') });
    expect(at(62, 59 * FRAME)).toMatchObject({ accepted: false });
    expect(at(63, 60 * FRAME)).toMatchObject({ accepted: true, stepped: true });
    expect(at(64, 61 * FRAME)).toMatchObject({ accepted: true, stepped: false });
  });

  it('begins anew with a new connection', () => {
    const clock = new DeviceClock();
    for (let i = 1; i <= 60; i++) clock.map(i * FRAME, (START + i * FRAME) as Micros);
    clock.begin();
    expect(clock.state).toBeNull();
    const answer = clock.map(5, (START + 70 * FRAME) as Micros);
    expect(answer).toEqual({ accepted: true, timestamp: START + 70 * FRAME, stepped: false });
  });

  it('gives rising times whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ device: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), wait: fc.integer({ min: 0, max: 10_000_000 }) }), {
          maxLength: 60,
        }),
        (frames) => {
          const clock = new DeviceClock();
          let arrival = START;
          let last = 0;
          for (const { device, wait } of frames) {
            arrival += wait;
            try {
              const answer = clock.map(device, arrival as Micros);
              if (!answer.accepted) continue;
              expect(answer.timestamp).toBeGreaterThan(last);
              expect(Number.isSafeInteger(answer.timestamp)).toBe(true);
              last = answer.timestamp;
            } catch (error) {
              expect(error).toMatchObject({ code: 'bad-timestamp' });
            }
          }
        },
      ),
    );
  });

  it.each([
    ['milliseconds', 1e-3],
    ['nanoseconds', 1e3],
  ])('says so when a clock counts %s', (unit, factor) => {
    const clock = new DeviceClock();
    const push = () => {
      for (let i = 1; i <= 60; i++) clock.map(Math.round(i * FRAME * factor), (START + i * FRAME) as Micros);
    };
    expect(push).toThrow(`looks like ${unit}`);
  });
});

describe('parseDeviceTimestamp', () => {
  it('reads integers of any zero', () => {
    expect(parseDeviceTimestamp(0)).toBe(0);
    expect(parseDeviceTimestamp(-12)).toBe(-12);
    expect(parseDeviceTimestamp('1234567890123')).toBe(1_234_567_890_123);
  });

  it.each([1.5, Number.NaN, '12.5', '2026-11-20T12:38:01Z', '', null, {}, true, 2 ** 53])('refuses %j', (value) => {
    expect(() => parseDeviceTimestamp(value)).toThrow(/deviceTimestamp: .* received; expected an integer number of µs/);
  });
});
