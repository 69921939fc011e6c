// How the times of an input become capture times. Differences stay as the input has them; only where it starts is ours to say.
import type { Micros } from '../../core/time.ts';

/** Turns the times of one input into rising capture times. All values in µs. */
export interface MediaClock {
  /** Capture time of a picture that was decoded at `now`; `null` if it comes too late to be of use. */
  map(time: number | null, duration: number, now: Micros): Micros | null;
  /** Capture time of sound, which follows the pictures; `null` before the first of them. */
  at(time: number): Micros | null;
  /** The input starts over, at `time` on its own scale; that was sent at `sent`. */
  restart(time: number | null, sent: Micros): void;
}

/** A file that lags this far behind does not try to catch up: the clock goes on from now. */
const MAX_LATE_US = 1_000_000;
/** A step forward beyond this is a break in the file's times, not a pause. */
const MAX_STEP_US = 60_000_000;
/** Pictures of a live input may come this much early before the clock follows: capture times in the future would be wrong. */
const MAX_EARLY_US = 10_000;
/** Windows in which the drift is looked for: the first is short, because where a live input starts is only guessed. */
const FIRST_WINDOW_US = 1_000_000;
const WINDOW_US = 10_000_000;
/** A smaller drift is left alone: differences stay exactly those of the input. */
const DEAD_ZONE_US = 2000;
/** Least difference of two capture times: more than a tick of 90 kHz. */
const MIN_STEP_US = 1000;

/** For inputs that are read as fast as one likes: pictures are due at their own time. */
export class PacedClock implements MediaClock {
  /** Capture time less time of the input. */
  #offset: number | undefined;
  #time = 0;
  #duration = 0;
  #last: number | undefined;

  map(time: number | null, duration: number, now: Micros): Micros {
    const at = time ?? this.#time + this.#duration;
    const step = at - this.#time;
    const broken = step < 0 || step > Math.max(MAX_STEP_US, 2 * this.#duration);
    if (this.#offset === undefined || broken) this.#offset = (this.#last === undefined ? now : this.#last + this.#duration) - at;
    if (now - (at + this.#offset) > MAX_LATE_US) this.#offset = now - at;
    this.#time = at;
    this.#duration = duration;
    const capture = Math.round(at + this.#offset);
    this.#last = this.#last === undefined ? capture : Math.max(capture, this.#last + MIN_STEP_US);
    return this.#last as Micros;
  }

  at(time: number): Micros | null {
    return this.#offset === undefined ? null : (Math.round(time + this.#offset) as Micros);
  }

  restart(): void {
    this.#offset = undefined;
  }
}

/**
 * For live inputs: times of arrival, with the input's differences. The quickest picture of each window tells how far the two clocks have
 * drifted apart; all others were held up on their way.
 */
export class LiveClock implements MediaClock {
  #offset: number | undefined;
  #time: number | undefined;
  #last = 0;
  #windowEnd = 0;
  #leastLate = Number.POSITIVE_INFINITY;

  map(time: number | null, _duration: number, now: Micros): Micros | null {
    let capture: number = now;
    if (time !== null) {
      const step = this.#time === undefined ? 0 : time - this.#time;
      const late = this.#offset === undefined ? 0 : now - (time + this.#offset);
      this.#follow(time, now, late, step < 0);
      this.#time = time;
      // Much faster than its own time: a backlog (what a server had stored, what piled up behind a pause). Only its end is live.
      if (step > 0 && -late > Math.max(MAX_EARLY_US, step / 2)) return null;
      capture = Math.round(time + this.#offset!);
    }
    this.#last = Math.max(capture, this.#last + MIN_STEP_US);
    return this.#last as Micros;
  }

  #follow(time: number, now: number, late: number, broken: boolean): void {
    if (this.#offset === undefined || broken || late > MAX_LATE_US || late < -MAX_EARLY_US) {
      this.#offset = now - time;
      this.#startWindow(now, FIRST_WINDOW_US);
      return;
    }
    if (this.#windowEnd === 0) this.#startWindow(now, FIRST_WINDOW_US);
    this.#leastLate = Math.min(this.#leastLate, late);
    if (now < this.#windowEnd) return;
    if (Math.abs(this.#leastLate) > DEAD_ZONE_US) this.#offset += this.#leastLate;
    this.#startWindow(now, WINDOW_US);
  }

  #startWindow(now: number, length: number): void {
    this.#windowEnd = now + length;
    this.#leastLate = Number.POSITIVE_INFINITY;
  }

  at(time: number): Micros | null {
    return this.#offset === undefined || this.#time === undefined ? null : (Math.round(time + this.#offset) as Micros);
  }

  restart(time: number | null, sent: Micros): void {
    this.#time = undefined;
    this.#offset = time === null ? undefined : sent - time;
    this.#windowEnd = 0;
    this.#leastLate = Number.POSITIVE_INFINITY;
  }
}

/** Thins pictures out to a rate by their capture times. */
export class Thinner {
  readonly #interval: number;
  #due = 0;

  constructor(fps: number) {
    this.#interval = 1_000_000 / fps;
  }

  /** Whether this picture is wanted. */
  take(capture: Micros): boolean {
    // A tenth of jitter, so that an input of the same rate loses nothing.
    if (capture < this.#due - this.#interval / 10) return false;
    this.#due = (capture - this.#due > this.#interval ? capture : this.#due) + this.#interval;
    return true;
  }
}
