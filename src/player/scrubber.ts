// Seeking with the pointer: one seek at a time, the newest wish waits, older ones are forgotten; afterwards it plays on if it did before.
import type { Player } from './player.ts';

export interface ScrubberOptions {
  readonly player: () => Player | undefined;
  /** A seek failed. */
  readonly onError: (error: unknown) => void;
  /** The last one is done. */
  readonly onDone: () => void;
}

export class Scrubber {
  readonly #options: ScrubberOptions;
  #running: Promise<void> | undefined;
  #next: number | undefined;
  /** Whether it played when scrubbing began. */
  #resume: boolean | undefined;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#resume !== undefined;
  }

  /** Goes to a time (µs) as soon as it can. */
  to(timestamp: number): void {
    const player = this.#options.player();
    if (!player) return;
    this.#resume ??= !player.paused;
    this.#next = timestamp;
    if (this.#running !== undefined) return;
    const run = async () => {
      while (this.#next !== undefined) {
        const next = this.#next;
        this.#next = undefined;
        await player.seekTime(next).catch((error: unknown) => this.#options.onError(error));
      }
    };
    this.#running = run().finally(() => (this.#running = undefined));
  }

  /** The last time of a movement. `end`: the live edge is meant. */
  commit(timestamp: number, end: boolean): void {
    const player = this.#options.player();
    if (!player) return;
    if (end) {
      this.cancel();
      player.liveEdge();
      return;
    }
    this.to(timestamp);
    void this.#running?.then(() => {
      // Another movement may have begun meanwhile.
      if (this.#running !== undefined) return;
      if (this.#resume && player === this.#options.player()) player.play();
      this.#resume = undefined;
      this.#options.onDone();
    });
  }

  /** Forgets what waits; it does not play on afterwards. */
  cancel(): void {
    this.#next = undefined;
    this.#resume = undefined;
  }

  /** As `commit`, but it stays paused. Resolves when the picture is there. */
  async settle(timestamp: number): Promise<void> {
    this.to(timestamp);
    this.#resume = false;
    await this.#running;
    this.#resume = undefined;
  }
}
