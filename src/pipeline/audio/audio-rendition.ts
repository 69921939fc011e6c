// One encoded form of a stream's sound: encoded once for all its readers, started by the first and stopped a while after the last.
import type { Clock } from '../../core/clock.ts';
import type { SluiceError } from '../../core/errors.ts';
import { Fanout, type Subscription } from '../../core/fanout.ts';
import type { Logger } from '../../core/log.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import type { QueuePolicy } from '../../core/queue.ts';
import type { Micros, Ticks } from '../../core/time.ts';
import type { AudioSettings } from '../../encoders/encoder.ts';
import type { Job, MediaPool } from '../media-pool.ts';
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

/** Packets are as those of pictures, each a key; `track.audio` says what the sound is like. */
export class AudioRendition {
  readonly settings: AudioSettings;
  readonly #host: AudioRenditionHost;
  readonly #fanout: Fanout<Packet>;
  #run: { job: Job; blocks: Subscription<AudioBlock>; demand: Disposable; alive: NodeJS.Timeout } | null = null;
  #starting = false;
  #linger: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;
  #versions = 0;
  #track: TrackInfo | null = null;
  /** No packet before this media time: earlier segments are closed. */
  notBefore = 0;
  error: SluiceError | null = null;

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
    this.#fanout = new Fanout((readers) => this.#onReaders(readers));
  }

  get running(): boolean {
    return this.#run !== null;
  }

  /** `null` before the first packet. */
  get track(): TrackInfo | null {
    return this.#track;
  }

  /** Reads packets through a queue of its own. The first reader starts the encoder. */
  subscribe(name: string, limit: number, policy: QueuePolicy, onDrop?: (packet: Packet) => void): Subscription<Packet> {
    return this.#fanout.subscribe(name, limit, policy, onDrop);
  }

  #onReaders(readers: number): void {
    clearTimeout(this.#linger);
    if (readers > 0) {
      if (!this.#run && !this.#starting && !this.#closed) this.#start();
    } else if (this.#run || this.#restart) {
      this.#linger = setTimeout(() => void this.#stop(), this.#host.lingerMs);
      this.#linger.unref();
    }
  }

  #start(): void {
    const { pool, clock, audio } = this.#host;
    clearTimeout(this.#restart);
    this.#restart = undefined;
    // Waking the source tells listeners, and one of them may subscribe in turn.
    this.#starting = true;
    const demand = this.#host.demand();
    const blocks = audio.subscribe(`encoder ${this.settings.codec}`, QUEUE_LIMIT);
    const job = pool.run<AudioEvent>({ kind: 'audio', settings: this.settings, clock: clock.state, notBefore: this.notBefore }, (event) =>
      this.#onEvent(event),
    );
    const alive = setInterval(() => this.#host.live && job.send({ type: 'alive' }), ALIVE_MS).unref();
    const run = { job, blocks, demand, alive };
    this.#run = run;
    this.#starting = false;
    void this.#feed(run);
    void job.ended.then((error) => {
      this.#release(run);
      if (this.#closed) return;
      if (error) {
        this.#failures++;
        if (this.error?.message !== error.message) this.#host.log.warn({ error: error.message }, 'an encoder of sound failed');
        this.error = error;
      }
      if (!this.#fanout.size) return;
      if (!error) return this.#start();
      this.#restart = setTimeout(() => this.#fanout.size && !this.#run && this.#start(), Math.min(10_000, 250 * 2 ** this.#failures));
      this.#restart.unref();
    });
  }

  async #feed(run: { job: Job; blocks: Subscription<AudioBlock> }): Promise<void> {
    for (let block = await run.blocks.queue.take(); block; block = await run.blocks.queue.take()) {
      this.#sent++;
      run.job.send({ type: 'block', block });
      while (this.#run === run && this.#sent - this.#done - this.#failed >= CREDIT) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #release(run: { blocks: Subscription<AudioBlock>; demand: Disposable; alive: NodeJS.Timeout }): void {
    if (this.#run !== run) return;
    clearInterval(run.alive);
    this.#run = null;
    run.blocks.close();
    const { offered, dropped } = run.blocks.queue.stats;
    this.#past = { offered: this.#past.offered + offered, dropped: this.#past.dropped + dropped };
    // What the encoder still held went with it.
    this.#failed = this.#sent - this.#done;
    this.#wake?.();
    run.demand[Symbol.dispose]();
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart);
    this.#restart = undefined;
    await this.#run?.job.stop();
  }

  #onEvent(event: AudioEvent): void {
    if (event.type === 'track') this.#track = { ...event.track, version: ++this.#versions };
    else if (event.type === 'done') {
      this.#done++;
      this.#wake?.();
      this.#wake = null;
    } else if (event.type === 'packet') {
      this.#failures = 0;
      this.error = null;
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
    const now = this.#run?.blocks.queue.stats ?? { offered: 0, dropped: 0 };
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
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#fanout.close();
    await this.#stop();
  }
}
