// When a node goes on: on a grid of due times, so that work, late timers and rounding never add up to another rate.

export class Pacer {
  readonly #period: number;
  readonly #start: number;
  #tick = 0;
  #missed = 0;

  /**
   * @param fps ticks per second
   * @param start time of the first tick, µs
   */
  constructor(fps: number, start: number) {
    this.#period = 1_000_000 / fps;
    this.#start = start;
  }

  /** Due times that passed while the node was at work. */
  get missed(): number {
    return this.#missed;
  }

  /**
   * Due time of the next tick, µs. Who is late by less than a tick goes on at once; whole ticks that were missed are left out, so that
   * nobody makes up for lost time in a burst.
   */
  next(now: number): number {
    const newest = Math.floor((now - this.#start) / this.#period);
    const missed = Math.max(0, newest - this.#tick - 1);
    this.#missed += missed;
    this.#tick += 1 + missed;
    return Math.round(this.#start + this.#tick * this.#period);
  }
}
