// Time as trickle's waits see it: tests turn it by hand.

/** A monotonic clock in ms (as `performance.now()`) and timers on it. */
export interface Timers {
  now(): number;
  /** Runs once after so many ms; the returned function takes it back. `Infinity` = never. */
  after(ms: number, run: () => void): () => void;
}

/** Longest wait of a timer of Node, ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's time. The timers do not keep the process alive. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(ms, run) {
    if (!(ms <= LONGEST_MS)) return () => {};
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many ms, or at once when aborted. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      stop();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const stop = timers.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
