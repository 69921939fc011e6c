// The server's clock: UTC as anchor + monotonic time. It is slewed towards the system's UTC at 500 ppm at most and never stepped, so
// that a correction of the system clock cannot make media time jump or run backwards. The offset lies in shared memory: every thread
// of the process reads the same time.
import type { Micros } from './time.ts';

/** Source of the present time. */
export interface Clock {
  /** Server UTC, never going backwards. */
  now(): Micros;
  /** The later of server UTC and system UTC: they differ while a step of the system's clock is slewed in. */
  latest(): Micros;
}

/** A correction of the system's clock by more than this is a step, µs. */
const STEP_US = 1_000_000;

/** How fast the clock may be corrected: microseconds per second. */
export const MAX_SLEW_PPM = 500;

/** Differences below this are measurement noise (the system gives UTC in milliseconds). */
const TOLERANCE_US = 2000;

export class SharedClock implements Clock {
  /** Offset of UTC to monotonic time in µs; share it to open the same clock in another thread. */
  readonly state: BigInt64Array<SharedArrayBuffer>;
  readonly #monotonic: () => number;
  #last = 0;
  #corrected: number | undefined;
  #error = 0;

  /**
   * @param monotonic microseconds of a clock that all threads share and that never steps
   * @param state shared offset of an existing clock; without it `wall` starts a new one
   */
  constructor(monotonic: () => number, start: { wall: number } | { state: BigInt64Array<SharedArrayBuffer> }) {
    this.#monotonic = monotonic;
    if ('state' in start) this.state = start.state;
    else {
      this.state = new BigInt64Array(new SharedArrayBuffer(8));
      Atomics.store(this.state, 0, BigInt(Math.round(start.wall - monotonic())));
    }
  }

  now(): Micros {
    const now = Math.round(this.#monotonic() + Number(Atomics.load(this.state, 0)));
    this.#last = Math.max(this.#last, now);
    return this.#last as Micros;
  }

  /** Server UTC of a moment of the monotonic clock, µs. */
  at(monotonic: number): Micros {
    return Math.round(monotonic + Number(Atomics.load(this.state, 0))) as Micros;
  }

  latest(): Micros {
    return (this.now() + Math.max(0, Math.round(this.#error))) as Micros;
  }

  /** Difference to the system's UTC in µs (system - server) at the given system time. */
  error(wall: number): number {
    return wall - (this.#monotonic() + Number(Atomics.load(this.state, 0)));
  }

  /**
   * One step of correction towards the system's UTC; call it about once a second, from one thread. Returns by how much the system's clock
   * was set since the last call, µs; 0 = it was not.
   */
  slew(wall: number): number {
    const at = this.#monotonic();
    const elapsed = this.#corrected === undefined ? 0 : at - this.#corrected;
    this.#corrected = at;
    const error = this.error(wall);
    const step = error - this.#error;
    this.#error = error;
    if (Math.abs(error) > TOLERANCE_US) {
      const limit = (elapsed / 1_000_000) * MAX_SLEW_PPM;
      Atomics.add(this.state, 0, BigInt(Math.trunc(Math.max(-limit, Math.min(limit, error)))));
    }
    return Math.abs(step) > STEP_US ? step : 0;
  }
}

/** A clock that stands still until it is moved: for tests. */
export class ManualClock implements Clock {
  #now: number;

  constructor(start: number) {
    this.#now = start;
  }

  now(): Micros {
    return this.#now as Micros;
  }

  latest(): Micros {
    return this.now();
  }

  advance(us: number): void {
    this.#now += us;
  }
}
