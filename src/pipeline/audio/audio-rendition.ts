// One encoded form of a stream's sound: encoded once for all its readers, started by the first and stopped a while after the last.
import type { Clock } from '../../core/clock.ts';
import type { SluiceError } from '../../core/errors.ts';
import { Fanout, type Subscription } from '../../core/fanout.ts';
import type { Logger } from '../../core/log.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import type { QueuePolicy } from '../../core/queue.ts';
import type { Micros, Ticks } from '../../core/time.ts';
import type { AudioSettings } from '../../encoders/encoder.ts';
import { EncoderLife, type EncoderRun } from '../encoder-life.ts';
import type { MediaPool } from '../media-pool.ts';
import type { AudioEvent } from '../messages.ts';
import { Percentiles, RateMeter } from '../meters.ts';
import type { AudioBlock, AudioHub } from './audio-hub.ts';

/** Blocks that may wait for the encoder: two seconds of 20 ms. */
const QUEUE_LIMIT = 100;
/** How often the encoder hears that the stream lives. */
const ALIVE_MS = 1000;
/** Blocks that the encoder may hold; each is acknowledged. */
const CREDIT = 8;

export interface AudioRenditionHost {
  readonly audio: AudioHub;
  readonly pool: MediaPool;
  readonly clock: Clock & { readonly state: BigInt64Array<SharedArrayBuffer> };
  readonly log: Logger;
  readonly lingerMs: number;
  /** Pictures or sound come now: where sound fails to come, silence takes its place. */
  readonly live: boolean;
  /** Keeps the source awake until disposed. */
  demand(): Disposable;
}

interface SoundRun extends EncoderRun {
  readonly blocks: Subscription<AudioBlock>;
}

/** Packets are as those of pictures, each a key; `track.audio` says what the sound is like. */
export class AudioRendition {
  readonly settings: AudioSettings;
  readonly #host: AudioRenditionHost;
  readonly #fanout: Fanout<Packet>;
  readonly #life: EncoderLife<SoundRun>;
  #versions = 0;
  #track: TrackInfo | null = null;
  /** No packet before this media time: earlier segments are closed. */
  notBefore = 0;

  readonly #rate = new RateMeter();
  readonly #encodeMs = new Percentiles();
  readonly #latencyMs = new Percentiles();
  #past = { offered: 0, dropped: 0 };
  /** Blocks that went to the encoder, and those that it has taken in. */
  #sent = 0;
  #done = 0;
  #failed = 0;
  #packets = 0;
  #bytes = 0;
  #wake: (() => void) | null = null;

  constructor(settings: AudioSettings, host: AudioRenditionHost) {
    this.settings = settings;
    this.#host = host;
    this.#life = new EncoderLife({
      get lingerMs() {
        return host.lingerMs;
      },
      readers: () => this.#fanout.size,
      start: () => this.#start(),
      onFailed: (error, news) => news && host.log.warn({ error: error.message }, 'an encoder of sound failed'),
      onIdle: () => {},
    });
    this.#fanout = new Fanout((readers) => this.#life.onReaders(readers));
  }

  get running(): boolean {
    return this.#life.run !== null;
  }

  /** Why it does not encode now. */
  get error(): SluiceError | null {
    return this.#life.error;
  }

  /** `null` before the first packet. */
  get track(): TrackInfo | null {
    return this.#track;
  }

  /** Reads packets through a queue of its own. The first reader starts the encoder. */
  subscribe(name: string, limit: number, policy: QueuePolicy, onDrop?: (packet: Packet) => void): Subscription<Packet> {
    return this.#fanout.subscribe(name, limit, policy, onDrop);
  }

  #start(): SoundRun {
    const { pool, clock, audio } = this.#host;
    const demand = this.#host.demand();
    const blocks = audio.subscribe(`encoder ${this.settings.codec}`, QUEUE_LIMIT);
    const job = pool.run<AudioEvent>({ kind: 'audio', settings: this.settings, clock: clock.state, notBefore: this.notBefore }, (event) =>
      this.#onEvent(event),
    );
    const alive = setInterval(() => this.#host.live && job.send({ type: 'alive' }), ALIVE_MS).unref();
    const release = () => {
      clearInterval(alive);
      blocks.close();
      const { offered, dropped } = blocks.queue.stats;
      this.#past = { offered: this.#past.offered + offered, dropped: this.#past.dropped + dropped };
      // What the encoder still held went with it.
      this.#failed = this.#sent - this.#done;
      this.#wake?.();
      demand[Symbol.dispose]();
    };
    const run = { job, blocks, release };
    void this.#feed(run);
    return run;
  }

  async #feed(run: SoundRun): Promise<void> {
    for (let block = await run.blocks.queue.take(); block; block = await run.blocks.queue.take()) {
      this.#sent++;
      run.job.send({ type: 'block', block });
      while (this.#life.run === run && this.#sent - this.#done - this.#failed >= CREDIT) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #onEvent(event: AudioEvent): void {
    if (event.type === 'track') this.#track = { ...event.track, version: ++this.#versions };
    else if (event.type === 'done') {
      this.#done++;
      this.#wake?.();
      this.#wake = null;
    } else if (event.type === 'packet') {
      this.#life.worked();
      this.#packets++;
      this.#bytes += event.data.length;
      this.#rate.add(event.encoded, event.data.length);
      this.#encodeMs.add(event.encodeMs);
      this.#latencyMs.add((event.encoded - event.timestamp) / 1000);
      this.#fanout.publish({
        track: this.#track!,
        id: event.id,
        timestamp: event.timestamp as Micros,
        pts: event.pts as Ticks,
        key: true,
        repeat: false,
        data: event.data,
        times: { received: event.received as Micros, encoded: event.encoded as Micros },
      });
    }
  }

  stats() {
    const now = this.#life.run?.blocks.queue.stats ?? { offered: 0, dropped: 0 };
    const offered = this.#past.offered + now.offered;
    const dropped = this.#past.dropped + now.dropped;
    const rates = this.#rate.rates(this.#host.clock.now());
    return {
      codec: this.settings.codec,
      rate: this.#track?.audio?.rate ?? null,
      channels: this.#track?.audio?.channels ?? null,
      running: this.running,
      readers: this.#fanout.size,
      offered,
      dropped,
      encoded: this.#done,
      failed: this.#failed,
      inFlight: Math.max(0, offered - dropped - this.#done - this.#failed),
      packets: this.#packets,
      bytes: this.#bytes,
      bitrate: rates.amountPerSecond * 8,
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
