// Frames per second as pytrickle counts them: of the frames of the last ten seconds, at most 600, (n - 1) / (last - first).

const WINDOW_MS = 10_000;
const MOST = 600;

export class FpsMeter {
  readonly #now: () => number;
  readonly #times = new Float64Array(MOST);
  #count = 0;

  /** @param now monotonic, ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A frame has come. */
  add(): void {
    this.#times[this.#count++ % MOST] = this.#now();
  }

  /** 1/s; 0 with fewer than two frames in the window. */
  get fps(): number {
    const since = this.#now() - WINDOW_MS;
    const newest = this.#count - 1;
    let oldest = newest;
    while (oldest > 0 && newest - oldest < MOST - 1 && this.#times[(oldest - 1) % MOST]! >= since) oldest--;
    if (newest < 1 || this.#times[newest % MOST]! < since || oldest === newest) return 0;
    const span = this.#times[newest % MOST]! - this.#times[oldest % MOST]!;
    return span > 0 ? ((newest - oldest) * 1000) / span : 0;
  }
}
