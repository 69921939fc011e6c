// The rule of frames per second (ReRo-CCTV's), as it was meant.
import type { JpegStep, WayState } from './jpeg-rate.ts';

/** Window of the rule of frames per second, ms. */
const FPS_WINDOW_MS = 5000;
const FPS_EVERY_MS = 1000;

/**
 * The rule of frames per second: over the last 5 s, less than 28/30 of what the encoder had lowers the quality by 5, all of it raises it by
 * 5, between 30 and 95. After a change the window fills anew before the next one, so that a change is judged by itself.
 */
export class FpsRate {
  #quality: number;
  #acks = 0;
  #looks: { at: number; acks: number; offered: number }[] = [];

  constructor(quality = 95) {
    this.#quality = Math.min(95, Math.max(30, quality));
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
    if (last && now - last.at < FPS_EVERY_MS) return this.step;
    this.#looks.push({ at: now, acks: this.#acks, offered });
    while (this.#looks.length > 1 && now - this.#looks[1]!.at >= FPS_WINDOW_MS) this.#looks.shift();
    const first = this.#looks[0]!;
    if (now - first.at < FPS_WINDOW_MS || offered === first.offered) return this.step;
    const share = (this.#acks - first.acks) / (offered - first.offered);
    const before = this.#quality;
    if (share < 28 / 30) this.#quality = Math.max(30, before - 5);
    else if (share >= 0.985) this.#quality = Math.min(95, before + 5);
    if (this.#quality !== before) this.#looks = [];
    return this.step;
  }
}
