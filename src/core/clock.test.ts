import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_SLEW_PPM, ManualClock, SharedClock } from './clock.ts';

const START = 1_763_640_000_000_000;

/** A clock over two hands that the test moves. */
function hands(offset = 0) {
  const at = { monotonic: 5_000_000, wall: START };
  const clock = new SharedClock(() => at.monotonic, { wall: START + offset });
  return { at, clock };
}

describe('SharedClock', () => {
  it('is UTC as it was at the start plus what has passed since', () => {
    const { at, clock } = hands();
    expect(clock.now()).toBe(START);
    at.monotonic += 1_234_567.2;
    expect(clock.now()).toBe(START + 1_234_567);
    // A moment that was noted by the monotonic clock, however long ago.
    expect(clock.at(5_000_100)).toBe(START + 100);
  });

  it('tells of a step of the system clock once, and goes on without one', () => {
    const { at, clock } = hands();
    const second = () => {
      at.monotonic += 1_000_000;
      at.wall += 1_000_000;
      return clock.slew(at.wall);
    };
    expect([second(), second()]).toEqual([0, 0]);
    expect(clock.latest()).toBe(clock.now());
    at.wall += 60_000_000;
    const before = clock.now();
    expect(second()).toBe(60_000_000);
    expect(second()).toBe(0);
    expect(clock.now() - before).toBeLessThan(2_002_000);
    // Programs on the same machine follow the system at once.
    expect(clock.latest() - clock.now()).toBeGreaterThan(59_900_000);
    at.wall -= 3_600_000_000;
    expect(second()).toBeCloseTo(-3_600_000_000, -4);
    expect(clock.latest()).toBe(clock.now());
  });

  it('follows a step of the system clock at 500 ppm at most, and reaches it', () => {
    const { at, clock } = hands();
    clock.slew(at.wall);
    at.wall += 60_000; // somebody sets the clock by 60 ms
    for (let second = 1; second <= 200; second++) {
      at.monotonic += 1_000_000;
      at.wall += 1_000_000;
      const before = clock.now();
      clock.slew(at.wall);
      const step = clock.now() - before;
      expect(step).toBeGreaterThanOrEqual(0);
      expect(step).toBeLessThanOrEqual(MAX_SLEW_PPM);
    }
    expect(Math.abs(clock.error(at.wall))).toBeLessThanOrEqual(2000);
  });

  it('is not moved by the first call alone, nor by what is only the coarse grain of the system clock', () => {
    const { at, clock } = hands();
    clock.slew(at.wall + 3_600_000_000);
    expect(clock.now()).toBe(START);
    at.monotonic += 1_000_000;
    clock.slew(at.wall + 1_000_000 + 1999);
    expect(clock.now()).toBe(START + 1_000_000);
  });

  it('never runs backwards and never faster than 500 ppm off, however the system clock jumps', () => {
    const moves = fc.array(
      fc.record({ passes: fc.integer({ min: 1, max: 3_000_000 }), jump: fc.integer({ min: -7_200_000_000, max: 7_200_000_000 }) }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(moves, (steps) => {
        const { at, clock } = hands();
        let before = clock.now();
        let passed = 0;
        for (const { passes, jump } of steps) {
          at.monotonic += passes;
          at.wall += passes + jump;
          passed += passes;
          clock.slew(at.wall);
          const now = clock.now();
          expect(now).toBeGreaterThanOrEqual(before);
          expect(Math.abs(now - START - passed)).toBeLessThanOrEqual((passed * MAX_SLEW_PPM) / 1e6 + 1);
          before = now;
        }
      }),
    );
  });

  it('is one clock in every thread that opens its memory', () => {
    const { at, clock } = hands();
    const other = new SharedClock(() => at.monotonic, { state: clock.state });
    clock.slew(at.wall);
    at.monotonic += 10_000_000;
    clock.slew(at.wall + 20_000_000);
    expect(other.now()).toBe(clock.now());
    expect(other.now()).toBe(START + 10_000_000 + 5000);
  });
});

describe('ManualClock', () => {
  it('stands still until it is moved', () => {
    const clock = new ManualClock(7);
    expect([clock.now(), clock.now()]).toEqual([7, 7]);
    clock.advance(5);
    expect(clock.now()).toBe(12);
  });
});
