// Pictures without loss as ImSwitch's clients read them: 16 bits a sample, one channel, the middle of the picture and every so many pixels
// on request. LZ4 frames are what its viewer decodes.
import { FORMATS, type FrameInfo } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import { middleSquare, planRegion, RegionTaker } from '../formats/region.ts';
import { uc2fMapping, uc2fSamples, writeUc2f } from '../formats/uc2f.ts';
import { compressLz4Frame, compressZstd } from '../native/compress.ts';
import type { EncodedPicture, EncoderSession, RenditionSettings } from './encoder.ts';

type Settings = Extract<RenditionSettings, { codec: 'uc2f' }>;

class Uc2fSession implements EncoderSession {
  readonly #settings: Settings;
  #track: TrackInfo | null = null;
  #described = '';
  readonly #region = new RegionTaker();
  #samples = new Uint16Array(0);

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async encode(info: FrameInfo, pixels: Uint8Array): Promise<EncodedPicture> {
    const { compression, level } = this.#settings;
    // Of planar pictures the luma plane, which comes first, is a gray picture.
    const format = FORMATS[info.format].bytesPerPixel ? info.format : 'gray';
    const { width, height, region, step } = this.#take(info, pixels, format);
    const { pixels: layout, shift, gray } = uc2fMapping(info.format);
    const bytes = new Uint8Array(this.#samples.buffer);
    const payload = compression === 'lz4' ? compressLz4Frame(bytes) : compression === 'zstd' ? compressZstd(bytes, level ?? 1) : bytes;
    const depth = info.significantBits || FORMATS[info.format].depth;
    const bitDepth = Math.min(16, depth + shift);
    const data = writeUc2f({ width, height, bitDepth, channels: 1, pixels: layout, timestamp: BigInt(info.timestamp) * 1000n }, payload);
    const described = JSON.stringify({
      width,
      height,
      original_width: region.width,
      original_height: region.height,
      subsampling_factor: step,
      compression_algorithm: compression,
      compression_level: compression === 'zstd' ? (level ?? 1) : 0,
      raw_bytes: bytes.length,
      bit_depth: bitDepth,
      value_shift: shift,
      source_format: info.format,
      converted_to_gray: gray,
    });
    if (!this.#track || described !== this.#described) {
      this.#described = described;
      const version = (this.#track?.version ?? 0) + 1;
      this.#track = { codec: 'uc2f', width, height, description: new TextEncoder().encode(described), version, bitrate: 0 };
    }
    return { data, key: true, track: this.#track };
  }

  /** Puts the wanted part as samples into `#samples`. */
  #take(info: FrameInfo, pixels: Uint8Array, format: FrameInfo['format']) {
    const { crop, step } = this.#settings;
    const plan = planRegion(format, info.width, info.height, { crop: middleSquare(crop, info.width, info.height), step, binning: false });
    const count = plan.width * plan.height;
    if (this.#samples.length !== count) this.#samples = new Uint16Array(count);
    uc2fSamples(this.#samples, this.#region.take(pixels, format, info.width, plan), format, count);
    return plan;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Opens a session. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new Uc2fSession(settings);
}
