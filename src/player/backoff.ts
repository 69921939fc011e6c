// Waiting times between attempts: growing, with a limit, and scattered so that viewers do not come back in step after a restart.

export interface BackoffOptions {
  /** First wait in ms. Default 400. */
  readonly firstMs?: number;
  /** Longest wait in ms. Default 10,000. */
  readonly maxMs?: number;
  /** 0 to below 1; replaced in tests. */
  readonly random?: () => number;
}

/** Endless sequence of waits; `reset()` after a success. */
export class Backoff {
  readonly #first: number;
  readonly #max: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor(options: BackoffOptions = {}) {
    this.#first = options.firstMs ?? 400;
    this.#max = options.maxMs ?? 10_000;
    this.#random = options.random ?? Math.random;
  }

  /** Attempts since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The next wait in ms: between half of the step and the whole of it. */
  next(): number {
    const step = Math.min(this.#max, this.#first * 1.8 ** this.#attempts);
    this.#attempts++;
    return Math.round(step * (0.5 + this.#random() / 2));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
