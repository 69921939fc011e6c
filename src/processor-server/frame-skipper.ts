// Which frames the processor is given: at most `max_framerate` by the times of the medium, and of those one in N, so that about the target
// rate is met.

/** How often N is thought over, ms. */
const COOLDOWN_MS = 500;
/** A source that says 30 and comes at 30.1 is not thinned to 29. */
const TOLERANCE = 1.005;
/** Frames that a pause saves up: jitter of the times costs no frame. */
const BURST = 2;

/** Lets so many frames a second of media time through. */
export class RateLimit {
  /** Frames per second; `null` = all. */
  max: number | null;
  #last: number | null = null;
  #tokens = BURST;

  constructor(max: number | null) {
    this.max = max;
  }

  /** @param time of the frame, s */
  takes(time: number): boolean {
    if (this.max === null) return true;
    const passed = this.#last === null ? 0 : time - this.#last;
    // The clock of the medium was set.
    if (passed < 0) this.#tokens = BURST;
    this.#last = time;
    this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, passed) * this.max * TOLERANCE);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

export class FrameSkipper {
  #target: number | null;
  readonly #ingress: () => number;
  readonly #now: () => number;
  readonly #cooldown: number;
  #interval = 1;
  #count = 0;
  #thought = Number.NEGATIVE_INFINITY;

  /**
   * @param target frames per second; `null` = all
   * @param ingress frames per second that come
   * @param now monotonic, ms
   */
  constructor(target: number | null, ingress: () => number, now: () => number, cooldownMs: number = COOLDOWN_MS) {
    this.#target = target;
    this.#ingress = ingress;
    this.#now = now;
    this.#cooldown = cooldownMs;
  }

  set target(target: number | null) {
    this.#target = target;
    this.#thought = Number.NEGATIVE_INFINITY;
  }

  get target(): number | null {
    return this.#target;
  }

  /** Whether the next frame is one for the processor. */
  takes(): boolean {
    const now = this.#now();
    if (now - this.#thought >= this.#cooldown) {
      this.#thought = now;
      const ingress = this.#ingress();
      if (this.#target === null) this.#interval = 1;
      else if (ingress >= 1) this.#interval = Math.max(1, Math.round(ingress / this.#target));
    }
    return this.#interval === 1 || this.#count++ % this.#interval === 0;
  }
}
