// One encoded form of a stream: encoded once for all its readers, started by the first and stopped a while after the last.

import type { Clock } from '../core/clock.ts';
import { type SluiceError, toSluiceError } from '../core/errors.ts';
import { Fanout, type Subscription } from '../core/fanout.ts';
import type { Logger } from '../core/log.ts';
import type { Packet, TrackInfo } from '../core/packet.ts';
import type { QueuePolicy } from '../core/queue.ts';
import type { Micros, Ticks } from '../core/time.ts';
import type { ViewSettings } from '../core/view.ts';
import type { RenditionSettings } from '../encoders/encoder.ts';
import { ENCODERS } from '../encoders/index.ts';
import { EncoderLife, type EncoderRun } from './encoder-life.ts';
import type { FrameHub, ReaderSeat } from './frame-hub.ts';
import { Histogram, LATENCY_BUCKETS, WORK_BUCKETS } from './histogram.ts';
import type { Job, MediaPool } from './media-pool.ts';
import type { EncodeEvent } from './messages.ts';
import { Percentiles, RateMeter, Tally, WindowMeter } from './meters.ts';

/** Times of all frames that one codec of a stream has encoded, whichever renditions did it. */
export interface EncodeTimings {
  /** Encoding alone. */
  readonly encode: Histogram;
  /** From the capture until it was encoded. */
  readonly encoded: Histogram;
}

export function encodeTimings(): EncodeTimings {
  return { encode: new Histogram(WORK_BUCKETS), encoded: new Histogram(LATENCY_BUCKETS) };
}

/** What a rendition needs from its stream. */
export interface RenditionHost {
  readonly hub: FrameHub;
  readonly pool: MediaPool;
  readonly clock: Clock & { readonly state: BigInt64Array<SharedArrayBuffer> };
  readonly log: Logger;
  readonly lingerMs: number;
  /** Keeps the source awake until disposed. */
  demand(): Disposable;
  /** Whether the newest frame is still worth encoding for a late reader. */
  readonly replay: boolean;
  /** How deep pictures become lossy ones. */
  readonly view: ViewSettings;
  /** Where the times of each encoded frame are counted, in s. */
  readonly timings: EncodeTimings;
  /** Told when the encoder has stopped for good. */
  onIdle(rendition: Rendition): void;
  /** Told when the encoder failed for a new reason; it begins anew by itself. */
  onFailed(rendition: Rendition, error: SluiceError): void;
}

/** Settings as a key: the same settings, the same key. */
export function renditionKey(settings: RenditionSettings): string {
  const { codec, ...rest } = settings;
  const parts = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0))
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return [codec, ...parts].join(',');
}

interface PictureRun extends EncoderRun {
  readonly seat: ReaderSeat;
}

export class Rendition {
  readonly key: string;
  #settings: RenditionSettings;
  readonly #host: RenditionHost;
  readonly #fanout: Fanout<Packet>;
  readonly #life: EncoderLife<PictureRun>;
  #versions = 0;
  #track: TrackInfo | null = null;
  #past = { offered: 0, lost: 0 };

  /** The newest packet, for a viewer that comes while nothing moves (intra-coded renditions only). */
  newest: Packet | null = null;
  /** No packet before this media time (set by the recorder: earlier segments are closed). */
  notBefore = 0;

  readonly #skipped = new Tally();
  readonly #rate = new RateMeter();
  readonly #encodeMs = new Percentiles();
  readonly #latencyMs = new Percentiles();
  readonly #ages = new WindowMeter();
  #encoded = 0;
  #failed = 0;
  #repeats = 0;
  #keyframes = 0;
  #bytes = 0;

  constructor(key: string, settings: RenditionSettings, host: RenditionHost) {
    this.key = key;
    this.#settings = settings;
    this.#host = host;
    this.#life = new EncoderLife({
      get lingerMs() {
        return host.lingerMs;
      },
      readers: () => this.#fanout.size,
      start: () => this.#start(),
      onFailed: (error, news) => {
        if (!news) return;
        host.log.warn({ rendition: key, error: error.message }, 'an encoder failed');
        host.onFailed(this, error);
      },
      onIdle: () => host.onIdle(this),
    });
    this.#fanout = new Fanout((readers) => this.#life.onReaders(readers));
  }

  get settings(): RenditionSettings {
    return this.#settings;
  }

  get running(): boolean {
    return this.#life.run !== null;
  }

  /** Why it does not encode now. */
  get error(): SluiceError | null {
    return this.#life.error;
  }

  get track(): TrackInfo | null {
    return this.#track;
  }

  /** Frames that wait for the encoder. */
  get waiting(): number {
    return this.#life.run?.seat.counts().waiting ?? 0;
  }

  /** Frames that it was offered and whose fate is not known yet. */
  get pending(): number {
    const now = this.#life.run?.seat.counts() ?? { offered: 0, lost: 0 };
    const { offered, lost } = this.#past;
    return Math.max(0, offered + now.offered - lost - now.lost - this.#skipped.total - this.#encoded - this.#failed);
  }

  /** Reads packets through a queue of its own. The first reader starts the encoder. */
  subscribe(name: string, limit: number, policy: QueuePolicy, onDrop?: (packet: Packet) => void): Subscription<Packet> {
    return this.#fanout.subscribe(name, limit, policy, onDrop);
  }

  /** Asks for a key frame soon; the encoder grants at most one per 500 ms. */
  requestKey(): void {
    this.#life.run?.job.send({ type: 'key' });
  }

  /** Takes over settings that differ only in what can change in mid-stream (the bit rate). */
  change(settings: RenditionSettings): void {
    this.#settings = settings;
    this.#life.run?.job.send({ type: 'change', settings });
  }

  /** Tells the running encoder how deep pictures are shown from now on. */
  viewChanged(): void {
    this.#life.run?.job.send({ type: 'view', view: this.#host.view });
  }

  #start(): PictureRun {
    const { hub, pool, clock } = this.#host;
    const row = ENCODERS[this.#settings.codec];
    const demand = this.#host.demand();
    let job: Job | undefined;
    const seat = hub.seat(row.depth, this.#host.replay, (ring) => job?.send({ type: 'ring', ring }));
    job = pool.run<EncodeEvent>(
      {
        kind: 'encode',
        settings: this.#settings,
        view: this.#host.view,
        clock: clock.state,
        reader: seat.number,
        ring: seat.ring,
        notBefore: this.notBefore,
      },
      (event) => this.#onEvent(event),
    );
    const release = () => {
      seat[Symbol.dispose]();
      const { offered, lost } = seat.counts();
      this.#past = { offered: this.#past.offered + offered, lost: this.#past.lost + lost };
      demand[Symbol.dispose]();
    };
    return { job, seat, release };
  }

  #onEvent(event: EncodeEvent): void {
    if (event.type === 'track') {
      this.#versions++;
      this.#track = { ...event.track, version: this.#versions };
    } else if (event.type === 'packet') {
      const { id, data, key, repeat } = event;
      const packet: Packet = {
        track: this.#track!,
        id,
        timestamp: event.timestamp as Micros,
        pts: event.pts as Ticks,
        key,
        repeat,
        data,
        times: { received: event.received as Micros, encoded: event.encoded as Micros },
      };
      this.#life.worked();
      if (repeat) this.#repeats++;
      else {
        this.#encoded++;
        this.#encodeMs.add(event.encodeMs);
        this.#latencyMs.add((event.encoded - event.timestamp) / 1000);
        this.#ages.add(event.encoded, (event.encoded - event.timestamp) / 1000);
        this.#host.timings.encode.add(event.encodeMs / 1000);
        this.#host.timings.encoded.add((event.encoded - event.timestamp) / 1e6);
      }
      if (key) this.#keyframes++;
      this.#bytes += data.length;
      this.#rate.add(event.encoded, data.length);
      if (!ENCODERS[this.#settings.codec].interCoded) this.newest = packet;
      this.#fanout.publish(packet);
    } else if (event.type === 'skip') this.#skipped.add(event.policy);
    else if (event.type === 'failed') {
      this.#failed++;
      this.#life.failed(toSluiceError(event.error));
    }
  }

  /** Capture to encoded over the last 10 s, ms. */
  get ages() {
    const { mean, max } = this.#ages.figures(this.#host.clock.now());
    return { mean, max };
  }

  stats() {
    const now = this.#life.run?.seat.counts() ?? { offered: 0, lost: 0, waiting: 0 };
    const offered = this.#past.offered + now.offered;
    const lost = this.#past.lost + now.lost;
    const rates = this.#rate.rates(this.#host.clock.now());
    const dropped = { ...this.#skipped.counts, newest: lost };
    return {
      key: this.key,
      codec: this.#track?.codec ?? this.#settings.codec,
      width: this.#track?.width ?? 0,
      height: this.#track?.height ?? 0,
      running: this.running,
      readers: this.#fanout.size,
      offered,
      dropped,
      encoded: this.#encoded,
      failed: this.#failed,
      inFlight: Math.max(0, offered - lost - this.#skipped.total - this.#encoded - this.#failed),
      repeats: this.#repeats,
      keyframes: this.#keyframes,
      bytes: this.#bytes,
      bitrate: rates.amountPerSecond * 8,
      fps: rates.perSecond,
      encodeMs: this.#encodeMs.summary,
      latencyMs: this.#latencyMs.summary,
    };
  }

  async close(): Promise<void> {
    const stopped = this.#life.close();
    this.#fanout.close();
    await stopped;
  }
}
