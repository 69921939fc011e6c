// How long a source may wait for its readers: as long as a burst lasts, but not for a reader that is too slow for good.

/** At most so much at a time, ms. */
const MOST_MS = 5000;
/** What was used comes back at this share of the time that passes. */
const REFILL = 0.1;
const POLL_MS = 1;

export class Patience {
  readonly #most: number;
  #left: number;
  #at = performance.now();

  /** @param most ms that are waited at a time in all */
  constructor(most = MOST_MS) {
    this.#most = most;
    this.#left = most;
  }

  /** Waits until `ready`, or for `ms`, or until what is left is used up. */
  async until(ready: () => boolean, ms: number, signal: AbortSignal): Promise<void> {
    if (ready()) return;
    const began = performance.now();
    this.#left = Math.min(this.#most, this.#left + (began - this.#at) * REFILL);
    const end = began + Math.min(ms, this.#left);
    while (!ready() && !signal.aborted && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    this.#at = performance.now();
    this.#left -= this.#at - began;
  }
}
