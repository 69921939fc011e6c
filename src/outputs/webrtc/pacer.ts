// Spreads what is larger than a thin way takes at once, above all key frames. What the way takes passes without delay.

/** Bytes that may go at once after a pause, or as much as goes in so long. */
const BURST_BYTES = 12_000;
const BURST_MS = 5;
/** Time in which a queue empties whatever the rate: a wrong idea of the way must not hold pictures back. */
const MAX_WAIT_MS = 400;

export class Pacer<T> {
  readonly #queue: { item: T; bytes: number }[] = [];
  #waiting = 0;
  #credit = BURST_BYTES;
  #at = 0;
  /** bit/s */
  rate = Number.POSITIVE_INFINITY;

  /** Bytes that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether a packet may go at once, past the empty queue; it then counts as sent. */
  admit(bytes: number, now: number): boolean {
    if (this.#queue.length) return false;
    if (this.rate === Number.POSITIVE_INFINITY) return true;
    this.#earn(now);
    if (this.#credit <= 0) return false;
    this.#credit -= bytes;
    return true;
  }

  push(item: T, bytes: number): void {
    this.#queue.push({ item, bytes });
    this.#waiting += bytes;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#queue.length = 0;
    this.#waiting = 0;
  }

  /** Sent past the queue: counts all the same. */
  spend(bytes: number): void {
    this.#credit -= bytes;
  }

  /**
   * Takes out what may go now.
   *
   * @param now ms, monotonic
   */
  due(now: number): T[] {
    if (this.rate === Number.POSITIVE_INFINITY) {
      const all = this.#queue.splice(0).map(({ item }) => item);
      this.#waiting = 0;
      return all;
    }
    this.#earn(now);
    let count = 0;
    while (count < this.#queue.length && this.#credit > 0) {
      const { bytes } = this.#queue[count++]!;
      this.#credit -= bytes;
      this.#waiting -= bytes;
    }
    return this.#queue.splice(0, count).map(({ item }) => item);
  }

  #earn(now: number): void {
    const rate = Math.max(this.rate, (this.#waiting * 8000) / MAX_WAIT_MS);
    const passed = Math.min(1000, now - this.#at);
    this.#at = now;
    // Debts are limited too: resends must not stop the picture.
    this.#credit = Math.min(
      Math.max(BURST_BYTES, (this.rate / 8000) * BURST_MS),
      Math.max(-BURST_BYTES, this.#credit) + (rate / 8000) * passed,
    );
  }
}
