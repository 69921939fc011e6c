// Waiting for a time of the server's clock.
import type { Clock } from './clock.ts';

/** Times nearer than this count as reached, µs: timers are in whole milliseconds. */
const NEAR_US = 500;

/** Sleeps until a time of the clock, or until aborted. Never settles at once, so that other work of the thread gets its turn. */
export function sleepUntil(time: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const step = () => {
      const left = time - clock.now();
      if (left <= NEAR_US || signal.aborted) return done();
      timer = setTimeout(step, Math.max(1, Math.min(1000, Math.round(left / 1000))));
    };
    signal.addEventListener('abort', done, { once: true });
    if (time - clock.now() <= NEAR_US) timer = setTimeout(done, 0);
    else step();
  });
}
