// One rendition's encoder in a real media worker behind a real frame hub, without a server: frames in, packets out.

import type { FrameInfo, PixelFormat } from '../src/core/frame.ts';
import { silentLogger } from '../src/core/log.ts';
import type { TrackInfo } from '../src/core/packet.ts';
import type { Micros } from '../src/core/time.ts';
import { DEFAULT_VIEW } from '../src/core/view.ts';
import type { RenditionSettings } from '../src/encoders/encoder.ts';
import { ENCODERS } from '../src/encoders/index.ts';
import { startClock } from '../src/native/system-clock.ts';
import { FrameHub } from '../src/pipeline/frame-hub.ts';
import { type Job, MediaPool } from '../src/pipeline/media-pool.ts';
import type { EncodeEvent } from '../src/pipeline/messages.ts';

export type PacketEvent = Extract<EncodeEvent, { type: 'packet' }> & { readonly track: TrackInfo };

export const H264: Extract<RenditionSettings, { codec: 'h264' }> = {
  codec: 'h264',
  bitrate: null,
  preset: null,
  encoder: null,
  width: null,
  height: null,
  gop: null,
  options: {},
};
export const LOSSLESS: Extract<RenditionSettings, { codec: 'lossless' }> = {
  ...{ codec: 'lossless', compression: 'zstd', level: null, filter: true },
  ...{ crop: null, step: 1, binning: false, fps: null },
};

export const JPEG: Extract<RenditionSettings, { codec: 'jpeg' }> = { codec: 'jpeg', quality: 90, width: null, fps: null };

export class EncodeBench implements AsyncDisposable {
  readonly clock = startClock();
  readonly hub = new FrameHub(256 * 2 ** 20);
  readonly pool: MediaPool;
  readonly events: EncodeEvent[] = [];
  readonly packets: PacketEvent[] = [];
  readonly job: Job;
  readonly #ownPool: boolean;
  #track: TrackInfo | null = null;
  #waiters = new Set<() => void>();
  #id = 0;

  constructor(settings: RenditionSettings, options: { readonly notBefore?: number; readonly pool?: MediaPool } = {}) {
    this.#ownPool = options.pool === undefined;
    this.pool = options.pool ?? new MediaPool(silentLogger, 1);
    const seat = this.hub.seat(ENCODERS[settings.codec].depth, false, (ring) => this.job.send({ type: 'ring', ring }));
    this.job = this.pool.run<EncodeEvent>(
      {
        ...{ kind: 'encode', settings, view: DEFAULT_VIEW, clock: this.clock.state },
        ...{ reader: seat.number, ring: seat.ring, notBefore: options.notBefore ?? 0 },
      },
      (event) => {
        this.events.push(event);
        if (event.type === 'track') this.#track = event.track;
        if (event.type === 'packet') this.packets.push({ ...event, track: this.#track! });
        for (const check of [...this.#waiters]) check();
      },
    );
  }

  /** Puts a picture into the ring and does not wait. */
  publish(format: PixelFormat, width: number, height: number, pixels: Uint8Array, timestamp: number): FrameInfo {
    const ring = this.hub.ringFor(format, width, height);
    const slot = ring.claim();
    if (slot < 0) throw new Error('no slot is free');
    ring.pixels(slot).set(pixels);
    const info: FrameInfo = {
      id: ++this.#id,
      timestamp: timestamp as Micros,
      format,
      width,
      height,
      significantBits: 0,
      received: this.clock.now(),
    };
    ring.publish(slot, info);
    return info;
  }

  /** Puts a picture into the ring and waits for what becomes of it. */
  async encode(format: PixelFormat, width: number, height: number, pixels: Uint8Array, timestamp: number): Promise<PacketEvent> {
    const { id } = this.publish(format, width, height, pixels, timestamp);
    await this.until(() => this.events.some((event) => 'id' in event && event.id === id));
    const packet = this.packets.find((event) => event.id === id && !event.repeat);
    if (!packet) throw new Error(`frame ${id} became no packet: ${JSON.stringify(this.events.at(-1))}`);
    return packet;
  }

  /** Waits for a state of the events. */
  async until(done: () => boolean, timeoutMs = 15_000): Promise<void> {
    if (done()) return;
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!done()) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        reject(new Error(`waited ${timeoutMs} ms in vain; last event: ${JSON.stringify(this.events.at(-1))?.slice(0, 300)}`));
      }, timeoutMs);
      this.#waiters.add(check);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.job.stop();
    if (this.#ownPool) await this.pool.close();
  }
}
