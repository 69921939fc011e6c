// Pictures as they are, for programs that compute with the pixels: a whole SLF1 message (frame header and uncompressed rows) per frame.
// Scaled down on request: 8-bit pictures by averaging, deep ones by leaving pixels out, so that every value is one that was captured.
import { FORMATS, type FrameInfo, frameBytes, type PixelFormat } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import { writeFrame } from '../formats/frame-header.ts';
import { Scaler } from '../native/ffmpeg-encode.ts';
import type { EncodedPicture, EncoderSession, RenditionSettings } from './encoder.ts';

type Settings = Extract<RenditionSettings, { codec: 'raw' }>;

class RawSession implements EncoderSession {
  readonly #settings: Settings;
  #scaler: Scaler | null = null;
  #track: TrackInfo | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async encode(info: FrameInfo, pixels: Uint8Array): Promise<EncodedPicture> {
    const { format, width, height, data } = this.#scaled(info, pixels);
    const { id, timestamp, significantBits } = info;
    const message = writeFrame({ format, width, height, id, timestamp, significantBits }, data);
    if (this.#track?.width !== width || this.#track.height !== height) {
      this.#track = { codec: 'raw', width, height, description: new Uint8Array(), version: (this.#track?.version ?? 0) + 1, bitrate: 0 };
    }
    return { data: message, key: true, track: this.#track };
  }

  #scaled(info: FrameInfo, pixels: Uint8Array): { format: PixelFormat; width: number; height: number; data: Uint8Array } {
    const data = pixels.subarray(0, frameBytes(info.format, info.width, info.height));
    const asked = this.#settings.width ?? info.width;
    // A mosaic has no smaller form that still is one.
    if (asked >= info.width || info.format === 'bayer_rggb16le') return { ...info, data };
    if (FORMATS[info.format].depth > 8) return thinned(info, data, asked);
    const format = info.format === 'gray' ? 'gray' : 'rgb24';
    const height = Math.max(1, Math.round((info.height * asked) / info.width));
    if (this.#scaler?.width !== asked || this.#scaler.height !== height || this.#scaler.format !== format) {
      this.#scaler?.[Symbol.dispose]();
      this.#scaler = new Scaler(format, asked, height);
    }
    this.#scaler.convert(info.format, info.width, info.height, pixels);
    return { format, width: asked, height, data: this.#scaler.pixels };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#scaler?.[Symbol.dispose]();
    this.#scaler = null;
  }
}

/** Every so many pixels, so that at most `width` columns are left. */
function thinned(
  info: FrameInfo,
  data: Uint8Array,
  width: number,
): { format: PixelFormat; width: number; height: number; data: Uint8Array } {
  const step = Math.ceil(info.width / width);
  const size = FORMATS[info.format].bytesPerPixel;
  const columns = Math.ceil(info.width / step);
  const rows = Math.ceil(info.height / step);
  const out = new Uint8Array(columns * rows * size);
  let to = 0;
  for (let y = 0; y < info.height; y += step) {
    for (let x = 0; x < info.width; x += step) {
      const from = (y * info.width + x) * size;
      for (let i = 0; i < size; i++) out[to++] = data[from + i]!;
    }
  }
  return { format: info.format, width: columns, height: rows, data: out };
}

/** Opens a session. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new RawSession(settings);
}
