// Thins pictures out to a rate by the times that they have in the stream, so that the same pictures are taken however they arrive.

export class PtsThinner {
  /** Ticks of 90 kHz between two pictures; 0 = all are taken. */
  #interval = 0;
  #due = Number.NEGATIVE_INFINITY;

  /** `undefined` = all pictures. */
  setRate(fps: number | undefined): void {
    this.#interval = fps ? 90_000 / fps : 0;
    this.#due = Number.NEGATIVE_INFINITY;
  }

  /** Whether this picture is wanted. */
  take(pts: number): boolean {
    if (this.#interval === 0) return true;
    // Time went back: another sender.
    if (pts < this.#due - 2 * this.#interval) this.#due = pts;
    // A tenth of jitter, so that an input of the same rate loses nothing.
    if (pts < this.#due - this.#interval / 10) return false;
    this.#due = (pts - this.#due > this.#interval ? pts : this.#due) + this.#interval;
    return true;
  }
}
