// Decides whether a frame's capture time may enter a stream (DESIGN 6 "Clocks"): times rise strictly, none lies more than 10 s ahead
// of the server, and a publisher whose clock was set back begins a new clock epoch after three frames in a row (media-time.ts).
import { formatMicros, type Micros } from './time.ts';

/** How far ahead of the server a capture time may lie, µs. */
export const MAX_AHEAD_US = 10_000_000;
/** A frame this far behind its predecessor counts as a sign of a clock step, µs. */
const STEP_US = 1_000_000;
/** So many such frames in a row are a step. */
const STEP_FRAMES = 3;

export type GateAnswer =
  | { readonly accepted: true; readonly stepped: boolean }
  | { readonly accepted: false; readonly reason: 'future' | 'not-rising'; readonly detail: string };

export class TimeGate {
  #last = 0;
  #behind = 0;

  /** The newest accepted capture time, 0 = none. */
  get last(): Micros {
    return this.#last as Micros;
  }

  /** Goes on after frames that were accepted elsewhere (an earlier run of the server). */
  resume(last: Micros): void {
    this.#last = last;
  }

  check(timestamp: Micros, now: Micros): GateAnswer {
    if (timestamp > now + MAX_AHEAD_US) {
      return {
        accepted: false,
        reason: 'future',
        detail: `${formatMicros(timestamp)} lies ${((timestamp - now) / 1e6).toFixed(1)} s ahead of the server (${formatMicros(now)}); at most 10 s are allowed`,
      };
    }
    if (timestamp > this.#last) {
      this.#last = timestamp;
      this.#behind = 0;
      return { accepted: true, stepped: false };
    }
    this.#behind = this.#last - timestamp > STEP_US ? this.#behind + 1 : 0;
    if (this.#behind >= STEP_FRAMES) {
      this.#last = timestamp;
      this.#behind = 0;
      return { accepted: true, stepped: true };
    }
    return {
      accepted: false,
      reason: 'not-rising',
      detail: `${formatMicros(timestamp)} is not later than the frame before (${formatMicros(this.#last as Micros)}); capture times must rise`,
    };
  }
}
