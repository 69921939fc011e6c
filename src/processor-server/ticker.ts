// Time for the channels of a session: a monotonic clock and repeated work. Tests move it by hand.

export interface Ticker {
  /** Monotonic, ms. */
  now(): number;
  /** UTC, ms. */
  utc(): number;
  /** Does `work` each `ms` until the returned function is called. Keeps no program alive. */
  every(ms: number, work: () => void): () => void;
}

export const systemTicker: Ticker = {
  now: () => performance.now(),
  utc: () => Date.now(),
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
