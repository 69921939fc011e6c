// The machine's clocks, as the shared server clock needs them.
import { SharedClock } from '../core/clock.ts';

/** Monotonic microseconds; the same in all threads of the process. */
export function monotonicMicros(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** System UTC in µs. `performance` gives fractions of a millisecond, but keeps the UTC of the start; after a step Date rules. */
export function wallMicros(): number {
  const fine = performance.timeOrigin + performance.now();
  const coarse = Date.now();
  return (Math.abs(fine - coarse) < 3 ? fine : coarse + 0.5) * 1000;
}

/** The server's clock, made once by the main thread. */
export function startClock(): SharedClock {
  return new SharedClock(monotonicMicros, { wall: wallMicros() });
}

/** The same clock in another thread. */
export function openClock(state: BigInt64Array<SharedArrayBuffer>): SharedClock {
  return new SharedClock(monotonicMicros, { state });
}
