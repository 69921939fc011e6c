// What quality, size and rate of JPEG a viewer's way carries, from its acknowledgements. `auto`: how fast pictures get through says what the
// way carries; settings below that are taken at once, settings above only after a quiet time. `fps`: the rule of frames per second alone.
import { Ladder } from '../../core/ladder.ts';

export type AdaptMode = 'auto' | 'fps';

/** Settings of a step. `scale` is a share of the width, `fps` at most so many pictures per second. */
export interface JpegStep {
  readonly quality: number;
  readonly scale: number;
  readonly fps: number | null;
}

const step = (quality: number, scale = 1, fps: number | null = null): JpegStep => ({ quality, scale, fps });

/** Few steps, so that viewers share encoders. Sharpness goes first, then size, then smoothness. */
export const STEPS: readonly JpegStep[] = [
  step(90),
  step(80),
  step(70),
  step(55),
  step(40),
  step(45, 0.75),
  step(35, 0.75),
  step(40, 0.5),
  step(30, 0.5),
  step(30, 0.375),
  step(30, 0.25),
  step(30, 0.25, 15),
  step(30, 0.25, 8),
];

/** Bytes of a picture by quality, as shares of those at 90 (typical pictures). */
const SIZE_BY_QUALITY: Readonly<Record<number, number>> = { 90: 1, 80: 0.66, 70: 0.53, 55: 0.41, 45: 0.35, 40: 0.32, 35: 0.29, 30: 0.26 };

const UPDATE_MS = 500;
const WINDOW_MS = 2000;
/** After a change the first pictures are those from before it. */
const SETTLE_MS = 1000;
/** No verdict before so many acknowledgements: the beginning of a connection says little. */
const GRACE_ACKS = 15;
/** What is sent may take this share of what the way carries. */
const USE = 0.7;
/** Acknowledged pictures below this share of those that could have come mean that it does not fit. */
const ENOUGH = 0.85;
/** Longer on the way than this, ms, beyond the shortest time ever. */
const LATE_MS = 250;
/** So many times more than at the last failure: another way than before. */
const CHANGED = 2.5;

interface Ack {
  readonly at: number;
  readonly bytes: number;
  readonly delay: number;
}

/** Settings for one viewer. All times in ms, monotonic. */
export class JpegRate {
  readonly #ladder: Ladder;
  #acks: Ack[] = [];
  #sent = new Map<number, { at: number; bytes: number }>();
  #total = 0;
  #shortest = Number.POSITIVE_INFINITY;
  #updated = 0;
  /** When the present step began; what came before says nothing about it. */
  #since: number | null = null;
  #capacityAtFailure = 0;

  /** @param quality the best that is wanted */
  constructor(quality = 90) {
    const start = Math.max(
      0,
      STEPS.findIndex((candidate) => candidate.quality <= quality),
    );
    this.#ladder = new Ladder({ steps: STEPS.length, start, patience: 2, holdMs: 3000, maxHoldMs: 60_000, trialMs: 5000 });
  }

  get step(): JpegStep {
    return STEPS[this.#ladder.step]!;
  }

  /** bit/s that the way carries by the newest acknowledgements; `null` = not known yet. */
  get capacity(): number | null {
    if (this.#acks.length < 3) return null;
    const rates = this.#acks.map(({ bytes, delay }) => (bytes * 8000) / Math.max(0.5, delay - this.#shortest * 0.5)).sort((a, b) => a - b);
    return rates[Math.floor(rates.length / 2)]!;
  }

  sent(id: number, bytes: number, now: number): void {
    this.#sent.set(id, { at: now, bytes });
    if (this.#sent.size > 100) this.#sent.delete(this.#sent.keys().next().value!);
  }

  acked(id: number, now: number): void {
    const entry = this.#sent.get(id);
    if (!entry) return;
    // Those before it were acknowledged with it.
    for (const known of this.#sent.keys()) if (known <= id) this.#sent.delete(known);
    const delay = now - entry.at;
    this.#shortest = Math.min(this.#shortest, delay);
    this.#acks.push({ at: now, bytes: entry.bytes, delay });
    this.#total++;
  }

  /**
   * The step to be on.
   *
   * @param sourceFps pictures per second that could have been sent
   * @param backlog bytes that wait in the socket
   */
  update(now: number, sourceFps: number, backlog: number): JpegStep {
    this.#since ??= now;
    if (now - this.#updated < UPDATE_MS) return this.step;
    this.#updated = now;
    const before = this.#ladder.step;
    this.#judge(now, sourceFps, backlog);
    if (this.#ladder.step !== before) {
      this.#since = now;
      this.#acks = [];
    }
    return this.step;
  }

  #judge(now: number, sourceFps: number, backlog: number): void {
    const span = Math.min(WINDOW_MS, now - this.#since!);
    const window = this.#acks.filter(({ at }) => at > now - WINDOW_MS);
    this.#acks = window;
    const stuck = this.#oldest(now) > 1000 + this.#shortest;
    if ((this.#total < GRACE_ACKS || span < SETTLE_MS) && !stuck) return;
    const fps = (window.length * 1000) / span;
    const wanted = Math.min(sourceFps, this.step.fps ?? Number.POSITIVE_INFINITY);
    const delays = window.map(({ delay }) => delay).sort((a, b) => a - b);
    const median = delays[Math.floor(delays.length / 2)] ?? 0;
    const late = median > this.#shortest + LATE_MS || stuck;
    const capacity = this.capacity;
    const bytes = window.reduce((sum, ack) => sum + ack.bytes, 0) / Math.max(1, window.length);
    const rate = bytes * 8 * wanted;
    const bad = late || fps < wanted * ENOUGH || backlog > bytes * 4;
    if (bad) {
      if (capacity !== null) this.#capacityAtFailure = capacity;
      // What gets through while it is full is what the way carries.
      const through = window.reduce((sum, ack) => sum + ack.bytes, 0) * 8 * (1000 / span);
      this.#ladder.update('bad', now, this.#fitting(through * USE * 1.2, bytes, sourceFps));
      return;
    }
    if (capacity !== null && this.#capacityAtFailure > 0 && capacity > this.#capacityAtFailure * CHANGED) {
      this.#ladder.forgive();
      this.#capacityAtFailure = 0;
    }
    const easy = capacity === null || rate < capacity * USE;
    this.#ladder.update(easy ? 'fine' : 'uneasy', now, undefined, this.#nextFits(bytes, sourceFps, capacity));
  }

  #oldest(now: number): number {
    const first = this.#sent.values().next().value;
    return first ? now - first.at : 0;
  }

  /** The best step whose rate lies below a limit, bit/s. */
  #fitting(limit: number, bytes: number, sourceFps: number): number {
    const found = STEPS.findIndex((_, i) => i > this.#ladder.step && this.#rateOf(i, bytes, sourceFps) <= limit);
    return found < 0 ? Math.min(STEPS.length - 1, this.#ladder.step + 2) : found;
  }

  #nextFits(bytes: number, sourceFps: number, capacity: number | null): boolean {
    const next = this.#ladder.step - 1;
    return next >= 0 && (capacity === null || this.#rateOf(next, bytes, sourceFps) <= capacity * USE);
  }

  /** Expected bit/s of a step, from the size of pictures now. */
  #rateOf(index: number, bytes: number, sourceFps: number): number {
    const there = STEPS[index]!;
    const weight = (entry: JpegStep) => SIZE_BY_QUALITY[entry.quality]! * entry.scale ** 2;
    return ((bytes * weight(there)) / weight(this.step)) * 8 * Math.min(sourceFps, there.fps ?? Number.POSITIVE_INFINITY);
  }
}

/** Window of the rule of frames per second, ms. */
const FPS_WINDOW_MS = 5000;
const FPS_EVERY_MS = 1000;

/**
 * The rule of frames per second: over the last 5 s, less than 28/30 of what the source gives lowers the quality by 5, all of it raises it by 5,
 * between 30 and 95. After a change the window fills anew before the next one, so that a change is judged by itself.
 */
export class FpsRate {
  #quality: number;
  #acks: number[] = [];
  #since: number | null = null;
  #updated = 0;

  constructor(quality = 95) {
    this.#quality = Math.min(95, Math.max(30, quality));
  }

  get step(): JpegStep {
    return { quality: this.#quality, scale: 1, fps: null };
  }

  sent(): void {}

  acked(_id: number, now: number): void {
    this.#acks.push(now);
  }

  update(now: number, sourceFps: number): JpegStep {
    this.#since ??= now;
    if (now - this.#updated < FPS_EVERY_MS || now - this.#since < FPS_WINDOW_MS) return this.step;
    this.#updated = now;
    this.#acks = this.#acks.filter((at) => at > now - FPS_WINDOW_MS);
    const fps = (this.#acks.length * 1000) / FPS_WINDOW_MS;
    const before = this.#quality;
    if (fps < (sourceFps * 28) / 30) this.#quality = Math.max(30, before - 5);
    else if (fps >= sourceFps * 0.985) this.#quality = Math.min(95, before + 5);
    if (this.#quality !== before) this.#since = now;
    return this.step;
  }
}
