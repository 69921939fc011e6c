// When the silence of a way is long enough to bring up another one beside it. A false alarm, as with a source that pauses, makes it more
// patient. Pure but for the clock that it is given.
import type { Session } from './session.ts';

/** No picture for so long, not even a repeated one. */
const QUIET_MS = 1000;
/** The same where media is buffered in front of the picture. */
const QUIET_BUFFERED_MS = 2000;
/** Another way that brings nothing newer within this time shows that it is the source that is silent. */
const DOUBT_MS = 30_000;
const MOST_PATIENT = 16;

export type Verdict = 'fine' | 'suspect' | 'waiting' | 'false-alarm';

export class Silence {
  readonly #now: () => number;
  #patience = 1;
  #suspectedMs: number | null = null;
  /** The way that was brought up for the doubt. */
  rival: Session | null = null;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether the way in use is in doubt. */
  get doubted(): boolean {
    return this.#suspectedMs !== null;
  }

  /**
   * @param quietMs since the last picture; @param intervalMs between two frames of the source; @param buffered whether media lies in front
   *   of the picture
   */
  look(quietMs: number, intervalMs: number, buffered: boolean): Verdict {
    if (this.#suspectedMs !== null) {
      const again = quietMs < QUIET_MS / 2;
      if (!again && this.#now() - this.#suspectedMs < DOUBT_MS) return 'waiting';
      this.#patience = Math.min(MOST_PATIENT, this.#patience * 2);
      this.#suspectedMs = null;
      return 'false-alarm';
    }
    if (quietMs <= Math.max(buffered ? QUIET_BUFFERED_MS : QUIET_MS, 4 * intervalMs) * this.#patience) return 'fine';
    this.#suspectedMs = this.#now();
    return 'suspect';
  }

  /** Another way is in use. */
  over(): void {
    this.#suspectedMs = null;
    this.rival = null;
  }

  /** Network or server are another: no patience from before counts. */
  fresh(): void {
    this.#patience = 1;
  }
}
