// Time that tests turn by hand.
import type { Timers } from '../src/trickle/timers.ts';

export class ManualTimers implements Timers {
  #now = 1000;
  readonly #waiting = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + ms, run };
    this.#waiting.add(entry);
    return () => void this.#waiting.delete(entry);
  }

  /** When the next timer runs out, in ms from now; `Infinity` = there is none. */
  get nearest(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#waiting].map(({ at }) => at - this.#now));
  }

  /** Lets time pass and runs what is due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [first] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!first) break;
      this.#now = Math.max(this.#now, first.at);
      this.#waiting.delete(first);
      first.run();
    }
    this.#now = end;
  }
}
