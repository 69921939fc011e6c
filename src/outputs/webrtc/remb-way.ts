// What the way to a viewer carries, from its own estimate (REMB) and its receiver reports: for receivers without transport-cc.
import type { WayState, WayVerdict } from './way.ts';

const LOSS_BAD = 0.15;
const LOSS_UNEASY = 0.1;
/** An estimate below this share of what is sent means that it does not fit. */
const ROOM = 0.85;
/** Estimates begin low and rise with what arrives: until they have once reached it, or for so long, they say nothing. */
const RISE_MS = 15_000;
/** An estimate that was not repeated for so long says nothing any more. */
const STALE_MS = 3000;

export class RembWay {
  #remb: number | null = null;
  #rembAt = 0;
  #lost = 0;
  #since: number | null = null;
  #risen = false;

  /**
   * @param bitrate bit/s
   * @param now ms, monotonic
   */
  estimated(bitrate: number, now: number): void {
    this.#remb = bitrate;
    this.#rembAt = now;
  }

  /** Another rate is sent from now on: the estimate has to follow it first. */
  renew(): void {
    this.#since = null;
    this.#risen = false;
  }

  /** @param fractionLost 0..1 */
  reported(fractionLost: number): void {
    this.#lost = fractionLost;
  }

  /**
   * @param sending bit/s that are sent
   * @param now ms, monotonic
   */
  state(sending: number, now: number): WayState {
    this.#since ??= now;
    const remb = now - this.#rembAt > STALE_MS ? null : this.#remb;
    this.#risen ||= now - this.#since > RISE_MS || (remb !== null && sending > 0 && remb >= sending);
    const tight = this.#risen && remb !== null && remb < sending * ROOM;
    const lost = this.#lost;
    const verdict: WayVerdict = tight || lost > LOSS_BAD ? 'bad' : lost > LOSS_UNEASY ? 'uneasy' : 'fine';
    return { verdict, arriving: remb === null ? sending * (1 - lost) : Math.min(remb, sending), queueMs: 0, lost, burst: 0 };
  }
}
