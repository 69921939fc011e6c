// Which of the rungs (whole, half, quarter of the bit rate) a viewer's way carries, from what it reports.
import { Ladder, type Verdict } from '../../core/ladder.ts';

/** Share of the main bit rate by rung. */
export const RUNGS = [1, 1 / 2, 1 / 4] as const;

/** Losing more than this share of packets is more than resending mends. */
const LOSS_DOWN = 0.1;
const LOSS_UP = 0.02;
/** An estimate below this share of what is sent means that it does not fit. */
const ROOM_DOWN = 0.85;

export interface WayReport {
  /** 0..1 */
  readonly fractionLost: number;
  /** bit/s; `null` = not said. */
  readonly remb: number | null;
}

export class RungChoice {
  // Reports come once a second (DESIGN 6: 10 s hysteresis).
  readonly #ladder = new Ladder({ steps: RUNGS.length, patience: 2, holdMs: 10_000, maxHoldMs: 120_000, trialMs: 8000 });

  get rung(): number {
    return this.#ladder.step;
  }

  /**
   * Takes a report of about once a second and gives the rung to be on.
   *
   * @param sentBitrate bit/s that were sent on this rung since the report before: receivers estimate no more than about what comes
   * @param now ms, monotonic
   */
  update(report: WayReport, sentBitrate: number, now: number): number {
    const tight = report.remb !== null && report.remb < sentBitrate * ROOM_DOWN;
    const verdict: Verdict = tight || report.fractionLost > LOSS_DOWN ? 'bad' : report.fractionLost > LOSS_UP ? 'uneasy' : 'fine';
    // Straight to the rung that the estimate carries.
    const whole = sentBitrate / RUNGS[this.rung]!;
    let down = this.rung + 1;
    while (down < RUNGS.length - 1 && report.remb !== null && report.remb < whole * RUNGS[down]! * ROOM_DOWN) down++;
    return this.#ladder.update(verdict, now, down);
  }
}
