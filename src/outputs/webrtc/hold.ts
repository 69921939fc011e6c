// How long a viewer's browser should hold pictures back (playout-delay). Nothing on a clean way; where packets are lost, as long as a resend
// takes, because a picture that waits for a packet stops all behind it.
import type { PlayoutDelay } from './messages.ts';

/** Share of packets asked for again that counts as a lossy way, and the share that ends it. */
const LOSSY = 0.01;
const CLEAN = 0.003;
/** The way must be clean for so long. */
const CLEAN_MS = 30_000;
/** Time in which shares are counted, in steps of `update`. */
const STEPS = 3;
/** Packets below which a share says nothing. */
const MIN_PACKETS = 100;
/** The next packet shows the loss, at the latest that of the next picture; then request, resend and the timers at both ends. */
const NOTICE_MS = 60;
const TRIPS = 1.5;
/** Steps of the delay: small changes are not worth a change of pace. */
const STEP_MS = 50;
/** What was wanted in so many updates holds. */
const DOWN_STEPS = 10;

export class Hold {
  readonly #limits: PlayoutDelay;
  readonly #counts: { packets: number; resends: number }[] = [];
  #lossyAt = Number.NEGATIVE_INFINITY;
  #min: number;
  readonly #wanted: number[] = [];

  constructor(limits: PlayoutDelay) {
    this.#limits = limits;
    this.#min = limits.min;
  }

  /** Whether packets are lost. */
  get lossy(): boolean {
    return this.#lossyAt > Number.NEGATIVE_INFINITY;
  }

  /** What to tell the browser. */
  get delay(): PlayoutDelay {
    return this.lossy ? { min: this.#min, max: this.#limits.max } : { min: this.#limits.min, max: this.#limits.min };
  }

  /**
   * About once a second.
   *
   * @param packets sent in all
   * @param resends asked for in all
   * @param rttMs round trip; `null` = unknown
   * @param now ms, monotonic
   */
  update(packets: number, resends: number, rttMs: number | null, now: number): void {
    this.#counts.push({ packets, resends });
    if (this.#counts.length > STEPS + 1) this.#counts.shift();
    const first = this.#counts[0]!;
    const sent = packets - first.packets;
    const share = (resends - first.resends) / Math.max(MIN_PACKETS, sent);
    if (share > LOSSY || (this.lossy && share > CLEAN)) this.#lossyAt = now;
    else if (now - this.#lossyAt > CLEAN_MS) this.#lossyAt = Number.NEGATIVE_INFINITY;
    if (!this.lossy) {
      this.#min = this.#limits.min;
      this.#wanted.length = 0;
      return;
    }
    const wanted = Math.ceil((NOTICE_MS + TRIPS * (rttMs ?? 50)) / STEP_MS) * STEP_MS;
    // Up at once, down late: each change is a change of pace.
    this.#wanted.push(wanted);
    if (this.#wanted.length > DOWN_STEPS) this.#wanted.shift();
    this.#min = Math.max(this.#limits.min, Math.min(this.#limits.max, Math.max(...this.#wanted)));
  }
}
