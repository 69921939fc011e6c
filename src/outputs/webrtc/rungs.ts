// Which of the rungs (whole, half, quarter of the bit rate) a viewer gets, from what is known of its way.
import { Ladder } from '../../core/ladder.ts';
import type { WayState } from './way.ts';

/** Share of the main bit rate by rung: half and quarter, less what headers, resends and key frames take on the way. */
export const RUNGS = [1, 0.45, 0.21] as const;

/** Share of what a full way carries that a rung may have. */
const FIT = 0.9;
/** After a change, what is reported speaks of what was sent before it. */
const SETTLE_MS = 2000;
/** Bad for so long leads down: two reports in a row. */
const PATIENCE_MS = 200;
/** A rung up must fit with so much to spare. */
const SPARE = 1.1;

export interface WayReport {
  readonly way: Pick<WayState, 'verdict' | 'arriving'>;
  /** bit/s */
  readonly sending: number;
  /** Whether `room` answers to what `wanted` asks. */
  readonly probes: boolean;
}

export class RungChoice {
  // DESIGN 6: 10 s hysteresis. Patience is counted here, because reports come more often while the way is bad.
  readonly #ladder = new Ladder({ steps: RUNGS.length, patience: 1, holdMs: 10_000, maxHoldMs: 40_000, trialMs: 8000 });
  #badSince: number | null = null;
  #changedAt = Number.NEGATIVE_INFINITY;
  #wanted: number | null = null;
  #proven = false;

  get rung(): number {
    return this.#ladder.step;
  }

  /** bit/s that the way must be shown to carry before the next rung up is tried; `null` = nothing to show now. */
  get wanted(): number | null {
    return this.#wanted;
  }

  /**
   * Takes a report and gives the rung to be on.
   *
   * @param now ms, monotonic
   */
  update({ way, sending, probes }: WayReport, now: number): number {
    if (now - this.#changedAt < SETTLE_MS) return this.rung;
    const before = this.rung;
    if (way.verdict !== 'bad') this.#badSince = null;
    else this.#badSince ??= now;
    const bad = this.#badSince !== null && now - this.#badSince >= PATIENCE_MS;
    // Straight to the rung that the way carries.
    const whole = sending / RUNGS[before]!;
    let down = before + 1;
    while (down < RUNGS.length - 1 && way.arriving * FIT < whole * RUNGS[down]!) down++;
    const verdict = bad ? 'bad' : way.verdict === 'fine' ? 'fine' : 'uneasy';
    const rung = this.#ladder.update(verdict, now, down, this.#proven || !probes);
    if (rung !== before) {
      this.#changedAt = now;
      this.#badSince = null;
      this.#proven = false;
      this.#wanted = null;
    } else if (probes && this.#ladder.ready(now)) {
      if (!this.#proven) this.#wanted ??= whole * RUNGS[rung - 1]! * SPARE;
    } else {
      this.#wanted = null;
      this.#proven = false;
    }
    return rung;
  }

  /** The way was filled up as `wanted` asked: so many bit/s fit. */
  room(rate: number, now: number): void {
    if (this.#wanted === null) return;
    this.#proven = rate >= this.#wanted;
    if (!this.#proven) this.#ladder.refuse(now);
    this.#wanted = null;
  }
}
