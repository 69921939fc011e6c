// How often a processor has failed lately, and what follows from it: when it is tried again, and what is told.
import type { Clock } from '../../core/clock.ts';
import type { Fault } from './ledger.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** After so long without a fault the next one counts as the first, ms. */
const HEALTHY_MS = 10_000;

export class FaultRecord {
  /** It was started again so often. */
  restarts = 0;
  /** The last one; `at` in µs. */
  error: { readonly message: string; readonly at: number } | null = null;
  readonly #clock: Clock;
  #failures = 0;
  #healthySince = Number.POSITIVE_INFINITY;
  /** Frames in a row that it threw on. */
  #throws = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(message: string): void {
    this.error = { message, at: this.#clock.now() };
  }

  /** It runs. */
  healthy(): void {
    this.#healthySince = performance.now();
  }

  /** It has gone, or could not be loaded. Gives the time until it is tried again, ms. */
  fell(message: string, how: Fault | 'load'): number {
    this.note(message);
    if (performance.now() - this.#healthySince > HEALTHY_MS) this.#failures = 0;
    this.#healthySince = Number.POSITIVE_INFINITY;
    const failures = this.#failures++;
    // The first time at once; what cannot even be loaded is not tried at once again.
    return failures === 0 && how !== 'load' ? 0 : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1));
  }

  /** It threw on a frame. `true`: on the first of a row, which is told. */
  threw(message: string): boolean {
    this.note(message);
    return this.#throws++ === 0;
  }

  /** It has answered. */
  worked(): void {
    this.#throws = 0;
  }
}
