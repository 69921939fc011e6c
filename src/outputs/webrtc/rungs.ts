// Which of the rungs (whole, half, quarter of the bit rate) a viewer's way carries, from what it reports. Down at once, up only after a quiet
// time that grows with every failed attempt, so that nothing swings.

/** Share of the main bit rate by rung. */
export const RUNGS = [1, 1 / 2, 1 / 4] as const;

/** Losing more than this share of packets is more than resending mends. */
const LOSS_DOWN = 0.1;
const LOSS_UP = 0.02;
/** An estimate below this share of the rung's rate means that it does not fit. */
const ROOM_DOWN = 0.85;
/** Reports in a row that must say so. */
const BAD_REPORTS = 2;
/** Quiet time before the next rung up is tried, ms; doubled by each attempt that failed. */
const HOLD_MS = 10_000;
const MAX_HOLD_MS = 120_000;
/** An attempt has failed if the way down follows within this time. */
const TRIAL_MS = 8000;

export interface WayReport {
  /** 0..1 */
  readonly fractionLost: number;
  /** bit/s; `null` = not said. */
  readonly remb: number | null;
}

export class RungChoice {
  #rung = 0;
  #bad = 0;
  #quietSince = 0;
  #raisedAt: number | null = null;
  #hold = HOLD_MS;

  get rung(): number {
    return this.#rung;
  }

  /**
   * Takes a report of about once a second and gives the rung to be on.
   *
   * @param sentBitrate bit/s that were sent on this rung since the report before: receivers estimate no more than about what comes
   * @param now ms, monotonic
   */
  update(report: WayReport, sentBitrate: number, now: number): number {
    const tight = report.remb !== null && report.remb < sentBitrate * ROOM_DOWN;
    const lossy = report.fractionLost > LOSS_DOWN;
    if (tight || lossy) {
      this.#quietSince = now;
      if (++this.#bad >= BAD_REPORTS) this.#down(report, sentBitrate, now);
      return this.#rung;
    }
    this.#bad = 0;
    if (report.fractionLost > LOSS_UP) this.#quietSince = now;
    if (this.#raisedAt !== null && now - this.#raisedAt > TRIAL_MS) {
      this.#raisedAt = null;
      this.#hold = HOLD_MS;
    }
    if (this.#rung > 0 && now - this.#quietSince >= this.#hold) {
      this.#rung--;
      this.#raisedAt = now;
      this.#quietSince = now;
    }
    return this.#rung;
  }

  #down(report: WayReport, sentBitrate: number, now: number): void {
    this.#bad = 0;
    if (this.#rung >= RUNGS.length - 1) return;
    if (this.#raisedAt !== null) this.#hold = Math.min(MAX_HOLD_MS, this.#hold * 2);
    this.#raisedAt = null;
    this.#quietSince = now;
    const whole = sentBitrate / RUNGS[this.#rung]!;
    this.#rung++;
    // Straight to the rung that the estimate carries.
    while (this.#rung < RUNGS.length - 1 && report.remb !== null && report.remb < whole * RUNGS[this.#rung]! * ROOM_DOWN) this.#rung++;
  }
}
