// Pictures at full depth without loss, for measuring eyes: a whole SLF1 message per frame, compressed by Zstd or LZ4. 16-bit samples are
// filtered first: half as large, and faster. A part of the picture on request.
import { FORMATS, type FrameInfo, frameBytes } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import { writeFrame } from '../formats/frame-header.ts';
import { filterSamples } from '../formats/lossless.ts';
import { planRegion, type RegionPlan, RegionTaker } from '../formats/region.ts';
import { compressLz4, compressZstd } from '../native/compress.ts';
import type { EncodedPicture, EncoderSession, RenditionSettings } from './encoder.ts';

type Settings = Extract<RenditionSettings, { codec: 'lossless' }>;

/** Zstd level where none is asked for: with the filter, a higher one makes nothing smaller. */
const ZSTD_LEVEL = 1;

class LosslessSession implements EncoderSession {
  readonly #settings: Settings;
  #track: TrackInfo | null = null;
  readonly #region = new RegionTaker();
  #filtered = new Uint8Array(0);

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async encode(info: FrameInfo, pixels: Uint8Array): Promise<EncodedPicture> {
    const { compression } = this.#settings;
    const plan = planRegion(info.format, info.width, info.height, this.#settings);
    const samples = this.#take(info, pixels, plan);
    const filtered = this.#settings.filter && compression !== 'none' && FORMATS[info.format].depth === 16;
    const bytes = filtered ? this.#filter(info, samples, plan) : samples;
    const level = this.#settings.level ?? ZSTD_LEVEL;
    const payload = compression === 'zstd' ? compressZstd(bytes, level) : compression === 'lz4' ? compressLz4(bytes) : bytes;
    const data = writeFrame(
      {
        encoding: compression === 'none' ? 'raw' : compression,
        filtered,
        format: info.format,
        width: plan.width,
        height: plan.height,
        id: info.id,
        timestamp: info.timestamp,
        significantBits: info.significantBits,
        metadata: {
          ...(compression === 'zstd' ? { level } : {}),
          source: { width: info.width, height: info.height },
          region: plan.region,
          step: plan.step,
          ...(plan.binning ? { binning: true } : {}),
        },
      },
      payload,
    );
    if (this.#track?.width !== plan.width || this.#track.height !== plan.height) {
      const { width, height } = plan;
      this.#track = {
        codec: 'lossless',
        width,
        height,
        description: new Uint8Array(),
        version: (this.#track?.version ?? 0) + 1,
        bitrate: 0,
      };
    }
    return { data, key: true, track: this.#track };
  }

  /** The planned part of the picture, in memory that is no slot of the ring where the compression cannot take that. */
  #take(info: FrameInfo, pixels: Uint8Array, plan: RegionPlan): Uint8Array {
    const whole = pixels.subarray(0, frameBytes(info.format, info.width, info.height));
    return this.#region.take(whole, info.format, info.width, plan);
  }

  #filter(info: FrameInfo, samples: Uint8Array, plan: RegionPlan): Uint8Array {
    if (this.#filtered.length !== samples.length) this.#filtered = new Uint8Array(samples.length);
    const row = plan.width * FORMATS[info.format].channels;
    filterSamples(this.#filtered, new Uint16Array(samples.buffer, samples.byteOffset, samples.length >> 1), row);
    return this.#filtered;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Opens a session. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new LosslessSession(settings);
}
