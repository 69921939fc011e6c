// How frames of one detector come in: how old they are, and which ones are missing by their capture times.
import type { FrameInfo } from '../../core/frame.ts';
import { WindowMeter } from '../../pipeline/meters.ts';

/** An interval this much longer than usual is a gap. */
const GAP = 1.6;
/** So many of them in a row are another rate of the camera. */
const OTHER_RATE = 5;

export class CaptureFigures {
  readonly #ages = new WindowMeter();
  readonly #gaps = new WindowMeter(60);
  #last = 0;
  #usual = 0;
  #row = 0;
  #count = 0;
  #missing = 0;

  frame({ timestamp, received }: Pick<FrameInfo, 'timestamp' | 'received'>): void {
    this.#ages.add(received, (received - timestamp) / 1000);
    const interval = timestamp - this.#last;
    const first = this.#last === 0;
    this.#last = timestamp;
    if (first || interval <= 0) return;
    if (this.#usual === 0) this.#usual = interval;
    if (interval <= GAP * this.#usual) {
      this.#usual += (interval - this.#usual) / 10;
      this.#row = 0;
    } else if (++this.#row >= OTHER_RATE) {
      this.#usual = interval;
      this.#row = 0;
    } else {
      this.#count++;
      this.#missing += Math.round(interval / this.#usual) - 1;
      this.#gaps.add(received, interval / 1000);
    }
  }

  /** `ageMs`: arrival after capture, over the last 10 s; `longestMs`: the longest gap of the last minute. */
  figures(now: number) {
    const { mean, max } = this.#ages.figures(now);
    return {
      ageMs: { mean, max },
      gaps: { count: this.#count, missing: this.#missing, longestMs: this.#gaps.figures(now).max },
      intervalMs: this.#usual ? Math.round(this.#usual / 100) / 10 : null,
    };
  }
}
