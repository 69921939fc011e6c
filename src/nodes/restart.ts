// Whether and when a node is started again.

/** `on-failure`: when it threw. `always`: when it has come to its end, too. */
export type RestartPolicy = 'always' | 'on-failure' | 'never';
export const RESTART_POLICIES: readonly RestartPolicy[] = ['always', 'on-failure', 'never'];

/** Waiting times before a start, ms: the first one, doubled with each failure up to the longest. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

export const DEFAULT_BACKOFF: Backoff = { first: 500, longest: 10_000 };

export class RestartDecision {
  readonly #policy: RestartPolicy;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #failures = 0;

  constructor(policy: RestartPolicy, backoff: Backoff, random: () => number = Math.random) {
    this.#policy = policy;
    this.#backoff = backoff;
    this.#random = random;
  }

  /**
   * Milliseconds until the next start after a run of `ranMs` that failed or came to its end; `null` = none. A run that lasted longer than
   * the longest wait was sound: counting begins anew. Several nodes that fail together come back a little apart.
   */
  after(outcome: 'failed' | 'ended', ranMs: number): number | null {
    if (this.#policy === 'never' || (this.#policy === 'on-failure' && outcome === 'ended')) return null;
    const { first, longest } = this.#backoff;
    if (outcome === 'ended' || ranMs > longest) this.#failures = 0;
    const delay = Math.min(longest, first * 2 ** Math.min(this.#failures, 30)) * (0.75 + this.#random() / 2);
    if (outcome === 'failed') this.#failures++;
    return Math.min(longest, Math.round(delay));
  }
}
