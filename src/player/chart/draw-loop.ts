// One clock for all charts of the page: draws those that can be seen, no more often than their pixels change and than the machine can
// afford, and nothing at all while the page is hidden.

export interface Drawable {
  /** Draws if anything has changed. */
  draw(): void;
  /** Time in ms in which the picture moves by a pixel. */
  readonly periodMs: number;
}

const SHORTEST_MS = 33;
const LONGEST_MS = 250;
/** Drawing takes at most one part in so many of the time. */
const SHARE = 8;

export class DrawLoop {
  readonly #members = new Set<Drawable>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #costMs = 0;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#stop();
      else this.#schedule(0);
    });
  }

  add(member: Drawable): void {
    this.#members.add(member);
    this.#schedule(0);
  }

  remove(member: Drawable): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#stop();
  }

  /** Draws with the next picture of the screen: somebody has done something and waits for it. */
  soon(): void {
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (document.hidden || this.#frame || this.#members.size === 0) return;
    clearTimeout(this.#timer);
    if (delayMs > 0) this.#timer = setTimeout(() => this.#request(), delayMs);
    else this.#request();
  }

  #request(): void {
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const start = performance.now();
      for (const member of this.#members) member.draw();
      const cost = performance.now() - start;
      this.#costMs += (cost - this.#costMs) / 8;
      let period = LONGEST_MS;
      for (const member of this.#members) period = Math.min(period, member.periodMs);
      this.#schedule(Math.min(LONGEST_MS * 2, Math.max(SHORTEST_MS, period, this.#costMs * SHARE) - 8));
    });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }
}

let loop: DrawLoop | undefined;

/** The page's loop. */
export function drawLoop(): DrawLoop {
  loop ??= new DrawLoop();
  return loop;
}
