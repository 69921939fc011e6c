// What quality, size and rate of JPEG a viewer's way carries, from its acknowledgements: how long the way is busy with what it gets
// says what more it could take; too much is taken back at once, more is given when it surely fits, and tried seldom when it may.

/** Settings of a step. `scale` is a share of the width, `fps` at most so many pictures per second. */
export interface JpegStep {
  readonly quality: number;
  readonly scale: number;
  readonly fps: number | null;
}

/** What is known of a viewer at one moment. */
export interface WayState {
  /** Pictures that the encoder had for this viewer since it came. */
  readonly offered: number;
  /** Those of them that gave way to newer ones, because the viewer was not ready. */
  readonly skipped: number;
  /** Bytes that wait in the socket. */
  readonly backlog: number;
  /** Shortest way there and back of late, ms; 0 = not known. */
  readonly rtt: number;
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

const LOOK_MS = 500;
const WINDOW_MS = 1500;
/** After a change, what was sent before it has to arrive first; longer than this is not waited. */
const SETTLE_MS = 2000;
/** No verdict before: the beginning of a connection says little. */
const GRACE_MS = 1000;
const GRACE_ACKS = 3;
/** A picture on its way for longer than this, ms, beyond the way itself: it is stuck. */
const STUCK_MS = 700;
/** Pictures usually this late, ms, beyond the way itself: too much for it. */
const LATE_MS = 300;
/** Fewer of the offered pictures than this share get through: too much; and while a step up is on trial. */
const ENOUGH = 0.85;
const ENOUGH_ON_TRIAL = 0.95;
/** Bad looks in a row that lead down; more of them where the figures say that it should fit, as behind a busy machine. */
const PATIENCE = 2;
const PATIENCE_FITS = 6;
/** The way may be busy for this share of the time with what a step down sends, and with what a step up surely can. */
const USE_DOWN = 0.75;
const USE_UP = 0.65;
/** A quiet time before a step up that surely fits, and how much larger its pictures may be: short bursts go through faster than long ones. */
const SURE_MS = 1000;
const SURE_GROWTH = 2.2;
/** And before one that may fit, or that did not before: an attempt. Doubled by each that fails. */
const TRY_MS = 6000;
const MAX_TRY_MS = 30_000;
/** A step up is on trial for so long: if it has to be taken back, the attempt has failed. */
const TRIAL_MS = 5000;
/** A step up that went well through a way so many times wider than the one that was full: it is another way now. */
const WIDER = 1.5;
/** What is on its way shall not take longer than this, ms. */
const FLIGHT_MS = 250;
const MAX_FLYING = 12;

interface Ack {
  readonly at: number;
  readonly bytes: number;
  readonly delay: number;
  /** How long the way was busy with it, ms. */
  readonly busy: number;
  /** Whether it was made by the present step. */
  readonly own: boolean;
}

/** Settings for one viewer. All times in ms, monotonic. */
export class JpegRate {
  /** The best step that is wanted. */
  readonly #best: number;
  #index: number;
  #acks: Ack[] = [];
  #flying = new Map<number, { at: number; bytes: number }>();
  #ackedAt = Number.NEGATIVE_INFINITY;
  #total = 0;
  #rtt = 0;
  #looks: { at: number; offered: number; skipped: number }[] = [];
  #began: number | null = null;
  /** When the present step began. */
  #since = 0;
  #settled = true;
  #bad = 0;
  #quietSince = 0;
  /** The step up that is on trial. */
  #raised: { at: number; from: number } | null = null;
  #tryMs = TRY_MS;
  /** bit/s at which the way was full last; `null` = never, or not any more. */
  #ceiling: number | null = null;
  /** How much stronger (> 1) the bytes follow the quality than in typical pictures. */
  #gamma = 1;
  #before: { index: number; bytes: number } | null = null;

  /** @param quality the best that is wanted */
  constructor(quality = 90) {
    this.#best = Math.max(
      0,
      STEPS.findLastIndex((candidate) => candidate.scale === 1 && candidate.quality >= quality),
    );
    this.#index = this.#best;
  }

  get step(): JpegStep {
    return STEPS[this.#index]!;
  }

  /** bit/s that the way carries at least, by the newest acknowledgements; `null` = not known yet. */
  get capacity(): number | null {
    const busy = this.#acks.reduce((sum, ack) => sum + ack.busy, 0);
    return this.#acks.length < 2 || busy === 0 ? null : (this.#acks.reduce((sum, ack) => sum + ack.bytes, 0) * 8000) / busy;
  }

  /** Pictures that may be on their way at once: enough to fill it, and not more. */
  flying(fps: number): number {
    const most = Math.min(MAX_FLYING, 3 + Math.floor((this.#rtt * fps) / 1000));
    const { capacity } = this;
    if (capacity === null) return most;
    const bytes = this.#bytes() ?? 1;
    return Math.max(1, Math.min(most, Math.round((capacity * (FLIGHT_MS + this.#rtt)) / 8000 / bytes)));
  }

  sent(id: number, bytes: number, now: number): void {
    this.#flying.set(id, { at: now, bytes });
    if (this.#flying.size > 100) this.#flying.delete(this.#flying.keys().next().value!);
  }

  acked(id: number, now: number): void {
    const entry = this.#flying.get(id);
    if (!entry) return;
    let bytes = 0;
    let first = entry.at;
    // Those before it were acknowledged with it.
    for (const [known, { at, bytes: size }] of this.#flying) {
      if (known > id) continue;
      this.#flying.delete(known);
      bytes += size;
      first = Math.min(first, at);
    }
    // The way was busy with it since the one before was through; what there and back takes is no work.
    const busy = Math.max(0.5, Math.min(now - this.#ackedAt, now - first - this.#rtt));
    this.#ackedAt = now;
    this.#total++;
    this.#acks.push({ at: now, bytes, delay: now - entry.at, busy, own: entry.at >= this.#since });
  }

  /** The step to be on. */
  update(now: number, way: WayState): JpegStep {
    this.#began ??= now;
    this.#rtt = way.rtt;
    const last = this.#looks.at(-1);
    if (last && now - last.at < LOOK_MS) return this.step;
    this.#looks.push({ at: now, offered: way.offered, skipped: way.skipped });
    while (this.#looks.length > 1 && now - this.#looks[1]!.at >= WINDOW_MS) this.#looks.shift();
    while (this.#acks.length && now - this.#acks[0]!.at > WINDOW_MS) this.#acks.shift();
    if (!this.#settled) {
      const old = [...this.#flying.values()].some(({ at }) => at < this.#since);
      if (old && now - this.#since < SETTLE_MS) return this.step;
      this.#settled = true;
      this.#looks = this.#looks.slice(-1);
      this.#quietSince = now;
    }
    this.#judge(now, way);
    return this.step;
  }

  #judge(now: number, { backlog }: WayState): void {
    const from = this.#looks[0]!;
    const to = this.#looks.at(-1)!;
    const offered = to.offered - from.offered;
    const span = to.at - from.at;
    const stuck = this.#oldest(now) > STUCK_MS + this.#rtt;
    if (!stuck && (span < LOOK_MS || offered === 0)) return;
    if (now - this.#began! < GRACE_MS || (this.#total < GRACE_ACKS && !stuck)) return;
    this.#learn();
    const fps = span > 0 ? (offered * 1000) / span : 0;
    const delays = this.#acks.map(({ delay }) => delay).sort((a, b) => a - b);
    const late = (delays[delays.length >> 1] ?? 0) > LATE_MS + this.#rtt;
    const bytes = this.#bytes() ?? 0;
    const { capacity } = this;
    // What it would carry, were it busy all the time, and which share of that the present step takes.
    const limit = stuck ? Math.min(capacity ?? Number.POSITIVE_INFINITY, this.#stuckLimit(now)) : capacity;
    const use = limit === null || limit === 0 ? 1 : (bytes * 8 * fps) / limit;
    const enough = this.#raised && use > USE_DOWN ? ENOUGH_ON_TRIAL : ENOUGH;
    const bad = stuck || late || 1 - (to.skipped - from.skipped) / offered < enough || (bytes > 0 && backlog > 2 * bytes);
    if (bad) this.#onBad(now, use, stuck, limit);
    else this.#onGood(now, use, bytes * 8 * fps);
  }

  #onBad(now: number, use: number, stuck: boolean, limit: number | null): void {
    this.#bad++;
    this.#quietSince = now;
    if (this.#bad < (stuck ? 1 : use <= USE_DOWN ? PATIENCE_FITS : this.#raised ? 1 : PATIENCE)) return;
    this.#bad = 0;
    if (this.#index >= STEPS.length - 1) return;
    if (this.#raised) this.#tryMs = Math.min(MAX_TRY_MS, this.#tryMs * 2);
    if (limit !== null && use > USE_DOWN) this.#ceiling = limit;
    // What went well before does so again.
    const back = this.#raised && use * this.#relative(this.#raised.from) <= 1 ? this.#raised.from : null;
    const fitting = back ?? STEPS.findIndex((_, i) => i > this.#index && use * this.#relative(i) <= USE_DOWN);
    this.#go(fitting < 0 ? STEPS.length - 1 : fitting, now);
    this.#raised = null;
  }

  /** @param rate bit/s that are sent */
  #onGood(now: number, use: number, rate: number): void {
    this.#bad = 0;
    if (this.#raised && now - this.#raised.at > TRIAL_MS) {
      this.#raised = null;
      if (this.#ceiling !== null && Math.max(rate, (this.capacity ?? 0) / WIDER) > this.#ceiling) {
        this.#ceiling = null;
        this.#tryMs = TRY_MS;
      }
    }
    if (this.#index <= this.#best || this.#acks.length === 0 || (this.#raised && this.#ceiling !== null)) return;
    const quiet = now - this.#quietSince;
    const known = this.#ceiling === null ? Number.POSITIVE_INFINITY : (this.#ceiling * USE_DOWN) / Math.max(1, rate);
    const sure = STEPS.findIndex((_, i) => {
      if (i < this.#best || i >= this.#index) return false;
      const relative = this.#relative(i);
      return use * relative <= USE_UP && relative <= Math.min(SURE_GROWTH, known);
    });
    if (sure >= 0 && quiet >= SURE_MS) this.#raise(sure, now);
    else if (quiet >= this.#tryMs && use * this.#relative(this.#index - 1) <= 1) this.#raise(this.#index - 1, now);
  }

  #raise(index: number, now: number): void {
    this.#raised = { at: now, from: this.#index };
    this.#go(index, now);
  }

  #go(index: number, now: number): void {
    const bytes = this.#bytes();
    this.#before = bytes === null ? null : { index: this.#index, bytes };
    this.#index = index;
    this.#since = now;
    this.#settled = false;
    this.#quietSince = now;
    this.#acks = this.#acks.map((ack) => ({ ...ack, own: false }));
  }

  /** How much the sizes before and after the last change differ tells how this content follows the quality. */
  #learn(): void {
    const own = this.#acks.filter((ack) => ack.own);
    if (!this.#before || own.length < 5) return;
    const typical = Math.log(weight(this.step) / weight(STEPS[this.#before.index]!));
    const seen = Math.log(this.#bytes()! / this.#before.bytes);
    this.#before = null;
    if (Math.abs(typical) > 0.1) this.#gamma = Math.min(2, Math.max(0.6, seen / typical));
  }

  /** Bytes of a picture of the present step; `null` = none has been seen. */
  #bytes(): number | null {
    const own = this.#acks.filter((ack) => ack.own);
    const known = own.length ? own : this.#acks;
    return known.length ? known.reduce((sum, ack) => sum + ack.bytes, 0) / known.length : null;
  }

  #oldest(now: number): number {
    const first = this.#flying.values().next().value;
    return first ? now - Math.max(first.at, this.#ackedAt) : 0;
  }

  /** bit/s that a way on which something is stuck carries at most. */
  #stuckLimit(now: number): number {
    const first = this.#flying.values().next().value;
    return first ? (first.bytes * 8000) / Math.max(1, this.#oldest(now) - this.#rtt) : Number.POSITIVE_INFINITY;
  }

  /** bit/s of a step, relative to the present one. */
  #relative(index: number): number {
    const there = STEPS[index]!;
    const rate = (there.fps ?? 30) / (this.step.fps ?? 30);
    return (weight(there) / weight(this.step)) ** this.#gamma * rate;
  }
}

function weight({ quality, scale }: JpegStep): number {
  return SIZE_BY_QUALITY[quality]! * scale ** 2;
}
