// The rule of frames per second (ReRo-CCTV's), as it was meant.
import type { JpegStep, WayState } from './jpeg-rate.ts';

export const LEAST_QUALITY = 30;
export const MOST_QUALITY = 95;
const STEP = 5;
/** Window of the rule, ms. */
const WINDOW_MS = 5000;
const LOOK_MS = 1000;
/** Fewer than this share of the pictures lowers the quality (28 of 30), at least this share raises it: for a source of any rate. */
const TOO_FEW = 28 / 30;
const ALL = 0.985;
/** After a step up that had to be taken back the next one waits twice as long, at most so long, ms. */
const MAX_HOLD_MS = 60_000;

/**
 * The rule of frames per second: over the last 5 s, less than 28/30 of what the encoder had lowers the quality by 5, all of it raises it by
 * 5, between 30 and the wanted one (at most 95). After a change the window fills anew, so that a change is judged by itself.
 */
export class FpsRate {
  readonly #best: number;
  #quality: number;
  #acks = 0;
  #looks: { at: number; acks: number; offered: number }[] = [];
  #hold = WINDOW_MS;
  #quietSince = Number.NEGATIVE_INFINITY;
  #raised = false;

  /** @param quality the best that is wanted */
  constructor(quality = MOST_QUALITY) {
    this.#best = Math.min(MOST_QUALITY, Math.max(LEAST_QUALITY, quality));
    this.#quality = this.#best;
  }

  get step(): JpegStep {
    return { quality: this.#quality, scale: 1, fps: null };
  }

  flying(): number {
    return 3;
  }

  sent(): void {}

  acked(): void {
    this.#acks++;
  }

  update(now: number, { offered }: Pick<WayState, 'offered'>): JpegStep {
    const last = this.#looks.at(-1);
    if (last && now - last.at < LOOK_MS) return this.step;
    this.#looks.push({ at: now, acks: this.#acks, offered });
    while (this.#looks.length > 1 && now - this.#looks[1]!.at >= WINDOW_MS) this.#looks.shift();
    const first = this.#looks[0]!;
    if (now - first.at < WINDOW_MS || offered === first.offered) return this.step;
    const share = (this.#acks - first.acks) / (offered - first.offered);
    if (share < TOO_FEW) this.#lower(now);
    else if (share >= ALL) this.#raise(now);
    else this.#raised = false;
    return this.step;
  }

  #lower(now: number): void {
    if (this.#raised) this.#hold = Math.min(MAX_HOLD_MS, this.#hold * 2);
    this.#quietSince = now;
    this.#change(this.#quality - STEP, false);
  }

  #raise(now: number): void {
    // The step before went well.
    if (this.#raised) this.#hold = WINDOW_MS;
    this.#raised = false;
    if (now - this.#quietSince >= this.#hold) this.#change(this.#quality + STEP, true);
  }

  #change(quality: number, raised: boolean): void {
    const next = Math.min(this.#best, Math.max(LEAST_QUALITY, quality));
    if (next === this.#quality) return;
    this.#quality = next;
    this.#raised = raised;
    this.#looks = [];
  }
}
