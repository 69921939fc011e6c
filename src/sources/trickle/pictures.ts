// The pictures of a channel: decoded, thinned out, cut to size and brought into the ring, each with its time. A unit that cannot be decoded
// costs itself; a decoder that fails for good is made anew some times.

import { SluiceError } from '../../core/errors.ts';
import type { Micros } from '../../core/time.ts';
import type { Identity } from '../../formats/identity.ts';
import type { TsCodec, TsUnit } from '../../formats/mpegts.ts';
import { UnitDecoder } from '../../native/ffmpeg-unit-decode.ts';
import type { SourceContext } from '../source.ts';
import type { AvGuard } from './av-guard.ts';
import type { CaptureTimes } from './capture-times.ts';
import { PtsThinner } from './pts-thinner.ts';
import { identityOf } from './unit-identity.ts';

/** What becomes of pictures, beside what the source tells anyway. */
export interface PictureSettings {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fps?: number | undefined;
}

export interface PictureCounts {
  /** Whole pictures that came. */
  received: number;
  decoded: number;
  /** Units that gave no picture because they could not be decoded. */
  failed: number;
  /** Left out before the first key picture. */
  withoutKey: number;
  /** Left out by `fps`. */
  thinned: number;
  /** Left out because they had waited too long. */
  late: number;
  /** Came at the beginning of the connection and had been shown before it. */
  seen: number;
  /** The picture before once more. */
  repeats: number;
  /** Left out because they lay far behind the sound. */
  behindSound: number;
  /** Decoders that failed and were made anew. */
  restarts: number;
}

/** So many units in a row that a decoder refuses, and it is made anew. */
const MAX_REFUSED = 30;
/** So often in so long a time, ms; then it is given up. */
const MAX_RESTARTS = 3;
const RESTART_SPAN_MS = 120_000;
/** Pictures that are between their unit and their showing. */
const MAX_REORDERED = 64;
/** What comes within so long a time after the first unit may be what a late reader is given, µs. */
const JOIN_US = 1_000_000;
/** Of pictures that came in a burst: so long each may wait for its readers, ms; and of one that came just now. */
const BURST_PATIENCE_MS = 500;
const LIVE_PATIENCE_MS = 40;

interface Pending {
  readonly time: Micros;
  readonly arrival: Micros;
  readonly identity: Identity | null;
}

export class Pictures implements Disposable {
  readonly counts: PictureCounts = {
    received: 0,
    decoded: 0,
    failed: 0,
    withoutKey: 0,
    thinned: 0,
    late: 0,
    seen: 0,
    repeats: 0,
    behindSound: 0,
    restarts: 0,
  };
  readonly #context: SourceContext<unknown>;
  readonly #times: CaptureTimes;
  readonly #guard: AvGuard;
  readonly #thinner = new PtsThinner();
  #settings: PictureSettings = {};
  #size: { width: number; height: number } | null = null;
  #decoder: UnitDecoder | null = null;
  #codec: TsCodec | null = null;
  #needKey = true;
  /** When the first unit came. */
  #begun: Micros | null = null;
  #refused = 0;
  #restarts: number[] = [];
  readonly #pending = new Map<number, Pending>();
  #sent: { width: number; height: number } | null = null;

  constructor(context: SourceContext<unknown>, times: CaptureTimes, guard: AvGuard, settings: PictureSettings) {
    this.#context = context;
    this.#times = times;
    this.#guard = guard;
    this.set(settings);
  }

  /** Holds from the next picture on. */
  set(settings: PictureSettings): void {
    const { width, height, fps } = settings;
    if (fps !== this.#settings.fps) this.#thinner.setRate(fps);
    this.#settings = settings;
    this.#size = width && height ? { width, height } : null;
    this.#decoder?.setSize(this.#size);
  }

  get codec(): TsCodec | null {
    return this.#codec;
  }

  /** Size of the newest picture as it was sent, pixels. */
  get sent(): { width: number; height: number } | null {
    return this.#sent;
  }

  /** Something is missing: goes on with the next key picture. */
  lost(count: number): void {
    this.counts.received += count;
    this.counts.late += count;
    this.#needKey = true;
  }

  /** Takes a unit. `burst`: more wait behind it. Throws `source-failed` if decoders fail again and again. */
  async take(unit: TsUnit, arrival: Micros, burst: boolean): Promise<void> {
    this.counts.received++;
    this.#begun ??= arrival;
    const { codec } = unit.track;
    const identity = identityOf(unit, arrival);
    const time = this.#times.of(unit.dts, unit.pts, arrival, identity);
    if (codec !== this.#codec) await this.#open(codec);
    if (this.#needKey && !unit.key) {
      this.counts.withoutKey++;
      return;
    }
    this.#needKey = false;
    this.#pending.set(unit.pts, { time, arrival, identity });
    for (const pts of this.#pending.keys()) {
      if (this.#pending.size <= MAX_REORDERED) break;
      this.#pending.delete(pts);
    }
    try {
      if (!this.#decoder!.send(unit.data, unit.pts)) return await this.#failed(unit.pts);
      await this.#show(burst);
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'frame-too-large') throw error;
      this.#context.log.warn({ error: String(error) }, 'a picture could not be decoded');
      await this.#restart();
    }
  }

  /** The channel is over: what the decoder still holds. */
  async finish(): Promise<void> {
    if (!this.#decoder) return;
    this.#decoder.drain();
    await this.#show(true);
    this.#close();
  }

  async #failed(pts: number): Promise<void> {
    this.counts.failed++;
    this.#pending.delete(pts);
    if (++this.#refused >= MAX_REFUSED) await this.#restart();
  }

  async #show(burst: boolean): Promise<void> {
    const decoder = this.#decoder!;
    for (let got = decoder.receive(); got !== 'none' && !this.#context.signal.aborted; got = decoder.receive()) {
      if (got === 'broken') {
        this.counts.failed++;
        if (++this.#refused >= MAX_REFUSED) return this.#restart();
        continue;
      }
      this.#refused = 0;
      this.counts.decoded++;
      const { pts } = decoder;
      const pending = pts === null ? undefined : this.#pending.get(pts);
      // Without a time of its own it cannot be shown at the right moment.
      if (pts === null || !pending) continue;
      this.#pending.delete(pts);
      await this.#publish(decoder, pts, pending, burst);
    }
  }

  async #publish(decoder: UnitDecoder, pts: number, { time, arrival, identity }: Pending, burst: boolean): Promise<void> {
    if (identity?.repeat) {
      this.counts.repeats++;
      return;
    }
    // Who comes back within a segment is given it from its first byte.
    if (time <= this.#context.last && this.#begun !== null && arrival - this.#begun < JOIN_US) {
      this.counts.seen++;
      return;
    }
    if (!this.#guard.picture(pts)) {
      this.counts.behindSound++;
      return;
    }
    if (!this.#thinner.take(pts)) {
      this.counts.thinned++;
      return;
    }
    this.#sent = decoder.sent;
    const { shape } = decoder;
    const { format, width, height } = shape;
    const patience = burst ? BURST_PATIENCE_MS : LIVE_PATIENCE_MS;
    const draft = await this.#context.begin(format, width, height, { patience });
    if (!draft) return;
    try {
      decoder.write(shape, draft.pixels);
    } catch (error) {
      draft.discard();
      throw error;
    }
    const timestamp = identity ? identity.timestamp : this.#times.rising(time);
    draft.publish(timestamp, { significantBits: shape.significantBits, mediaTime: pts });
  }

  async #open(codec: TsCodec | null): Promise<void> {
    this.#close();
    this.#codec = codec;
    if (codec !== 'h264' && codec !== 'hevc' && codec !== 'mpeg2video') {
      throw new SluiceError('source-failed', `pictures of ${codec ?? 'an unknown codec'} received; expected h264, hevc or mpeg2video`);
    }
    this.#decoder = await UnitDecoder.open(codec);
    this.#decoder.setSize(this.#size);
  }

  async #restart(): Promise<void> {
    const now = performance.now();
    this.#restarts = this.#restarts.filter((at) => now - at < RESTART_SPAN_MS);
    if (this.#restarts.length >= MAX_RESTARTS) {
      throw new SluiceError('source-failed', `its pictures cannot be decoded: ${MAX_RESTARTS} decoders failed within 2 minutes`);
    }
    this.#restarts.push(now);
    this.counts.restarts++;
    await this.#open(this.#codec);
  }

  #close(): void {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = null;
    this.#pending.clear();
    this.#needKey = true;
    this.#refused = 0;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
