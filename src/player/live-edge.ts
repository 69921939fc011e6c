// Keeps an HLS player near the live edge. hls.js speeds up only above one second of buffer, so below that its latency stays where start-up
// or a stall left it; this controller closes the rest.

export interface LiveEdgeOptions {
  /** Wanted distance to the live edge in s. Default 0.5: the sum with capture and encoding stays below 0.7 s. */
  readonly target?: number;
  /** Added to the target by each stall, in s: one part. */
  readonly perStall?: number;
  /** Most that stalls add, in s. */
  readonly maxAdded?: number;
}

/** What to do now. */
export interface LiveEdgeStep {
  readonly rate: number;
  /** Jump to the live edge at once: too far behind for a faster rate. */
  readonly jump: boolean;
}

/** Behind by more than this, in s, jumping disturbs less than half a minute of fast pictures. */
const JUMP_LAG = 3;
/** The same where the newer pictures are loaded already, so that the jump costs no wait. */
const LOADED_JUMP_LAG = 0.8;
const MAX_RATE = 1.1;
const LAG_TOLERANCE = 0.05;
/** Without a stall for so long, one step of the added latency is taken back. */
const RECOVER_MS = 20_000;

export class LiveEdgeController {
  readonly #base: number;
  readonly #perStall: number;
  readonly #maxAdded: number;
  #added = 0;
  #calmSince = 0;

  constructor(options: LiveEdgeOptions = {}) {
    this.#base = options.target ?? 0.5;
    this.#perStall = options.perStall ?? 0.2;
    this.#maxAdded = options.maxAdded ?? 2;
  }

  /** Wanted distance to the live edge now, in s. */
  get target(): number {
    return this.#base + this.#added;
  }

  /** The picture stood still for want of data. */
  stalled(nowMs: number): void {
    this.#added = Math.min(this.#maxAdded, this.#added + this.#perStall);
    this.#calmSince = nowMs;
  }

  /** @param latency distance to the live edge in s; @param ahead buffered media in front of the picture in s */
  step(nowMs: number, latency: number, ahead: number): LiveEdgeStep {
    if (this.#added > 0 && nowMs - this.#calmSince >= RECOVER_MS) {
      this.#added = Math.max(0, this.#added - this.#perStall);
      this.#calmSince = nowMs;
    }
    const lag = latency - this.target;
    if (lag > JUMP_LAG || (lag > LOADED_JUMP_LAG && ahead > lag + 0.2)) return { rate: 1, jump: true };
    // With an almost empty buffer a faster rate would only make the next stall.
    if (lag > LAG_TOLERANCE && ahead > 0.1) return { rate: Math.min(MAX_RATE, 1 + lag / 4), jump: false };
    return { rate: 1, jump: false };
  }
}
