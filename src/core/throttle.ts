// Fewer pictures than come: the due times lie on a grid, so that a rate is met on average whatever the rate of the source is. By gaps ("not
// within 40 ms of the one before") 30 pictures a second would become 15, not 25.
export class Throttle {
  readonly #interval: number;
  #due = Number.NEGATIVE_INFINITY;

  /** @param fps pictures per second at most */
  constructor(fps: number) {
    this.#interval = 1e6 / fps;
  }

  /** Whether the picture of this capture time, µs, is one of them. */
  takes(timestamp: number): boolean {
    const interval = this.#interval;
    // The clock was set back, or this is the first one: another grid.
    if (!(this.#due - timestamp <= 2 * interval)) this.#due = timestamp;
    // A quarter of an interval early is near enough: capture times jitter.
    if (timestamp < this.#due - interval / 4) return false;
    // One that is late does not move the grid, unless the source was away.
    this.#due = timestamp - this.#due > 2 * interval ? timestamp + interval : this.#due + interval;
    return true;
  }
}
