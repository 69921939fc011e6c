// A choice among steps from best (0) to cheapest that must not swing: down as soon as things are bad, up only after a quiet time, and after
// each attempt that failed the next one waits longer.

export interface LadderOptions {
  /** Number of steps. */
  readonly steps: number;
  readonly start?: number;
  /** Bad verdicts in a row that lead down. */
  readonly patience: number;
  /** Quiet time before an attempt to go up, ms; doubled by each attempt that failed, up to `maxHoldMs`. */
  readonly holdMs: number;
  readonly maxHoldMs: number;
  /** An attempt has failed if the way down follows within this time, ms. */
  readonly trialMs: number;
}

/** `bad`: too much is asked of the way. `uneasy`: not bad, but nothing to build on. */
export type Verdict = 'bad' | 'uneasy' | 'fine';

export class Ladder {
  readonly #options: LadderOptions;
  #step: number;
  #bad = 0;
  #quietSince: number | null = null;
  #raisedAt: number | null = null;
  #hold: number;

  constructor(options: LadderOptions) {
    this.#options = options;
    this.#step = options.start ?? 0;
    this.#hold = options.holdMs;
  }

  get step(): number {
    return this.#step;
  }

  /** Forgets failed attempts: the way is known to have changed. */
  forgive(): void {
    this.#hold = this.#options.holdMs;
  }

  /** Whether the quiet time before an attempt to go up has passed. */
  ready(now: number): boolean {
    return this.#step > 0 && this.#quietSince !== null && now - this.#quietSince >= this.#hold;
  }

  /** An attempt to go up is known to fail: the next one waits longer. */
  refuse(now: number): void {
    this.#hold = Math.min(this.#options.maxHoldMs, this.#hold * 2);
    this.#quietSince = now;
  }

  /**
   * @param now ms, monotonic
   * @param down the step to go down to if it comes to that; default the next one
   * @param up whether the next step up is thought to fit
   */
  update(verdict: Verdict, now: number, down: number = this.#step + 1, up = true): number {
    const { steps, patience, maxHoldMs, trialMs, holdMs } = this.#options;
    this.#quietSince ??= now;
    if (verdict === 'bad') {
      this.#quietSince = now;
      if (++this.#bad < patience) return this.#step;
      this.#bad = 0;
      if (this.#step >= steps - 1) return this.#step;
      if (this.#raisedAt !== null) this.#hold = Math.min(maxHoldMs, this.#hold * 2);
      this.#raisedAt = null;
      this.#step = Math.min(steps - 1, Math.max(this.#step + 1, down));
      return this.#step;
    }
    this.#bad = 0;
    if (verdict === 'uneasy') this.#quietSince = now;
    if (this.#raisedAt !== null && now - this.#raisedAt > trialMs) {
      this.#raisedAt = null;
      this.#hold = holdMs;
    }
    if (up && this.ready(now)) {
      this.#step--;
      this.#raisedAt = now;
      this.#quietSince = now;
    }
    return this.#step;
  }
}
