// What encoders of video by FFmpeg have in common. The encoder opens with the first picture, when its size is known. When the size changes in
// mid-stream, pictures are scaled to the old size until the next boundary of the 2 s grid, where a new encoder takes over: no frame is lost, no
// segment is cut.
import { FORMATS, type FrameInfo } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import type { ViewSettings } from '../core/view.ts';
import { ToneMap } from '../formats/tone.ts';
import { Scaler, type VideoEncoder } from '../native/ffmpeg-encode.ts';

import type { EncodedPicture, EncodeRequest, EncoderSession } from './encoder.ts';

/** What the settings of all of them have. */
interface Settings {
  /** bit/s; `null`: by the size of the picture. */
  readonly bitrate: number | null;
  /** Pixels; `null` = as captured. A width alone is never scaled up and keeps the shape. */
  readonly width: number | null;
  readonly height: number | null;
  /** The size of the first picture holds. */
  readonly hold?: true;
}

export interface OpenedEncoder {
  readonly encoder: VideoEncoder;
  /** As in `TrackInfo`. */
  readonly codec: string;
  readonly description: Uint8Array;
}

/** Smallest side that every decoder takes. */
const MIN_SIDE = 16;

/** Bits per second for a picture size where none are asked for: 2.5 Mbit/s at 1280x720. */
export function defaultBitrate(width: number, height: number): number {
  return Math.round(Math.min(25_000_000, Math.max(400_000, width * height * 2.7)) / 10_000) * 10_000;
}

function even(side: number): number {
  return Math.max(MIN_SIDE, side & ~1);
}

export class VideoSession<S extends Settings> implements EncoderSession {
  #settings: S;
  readonly #opener: (settings: S, size: { width: number; height: number; bitrate: number }) => Promise<OpenedEncoder>;
  #open: { encoder: VideoEncoder; scaler: Scaler; track: TrackInfo } | null = null;
  #last: ReturnType<Scaler['convert']> | null = null;
  readonly #tone = new ToneMap();
  #version = 0;

  /** @param opener opens the encoder for even sides in pixels and a rate in bit/s */
  constructor(settings: S, opener: (settings: S, size: { width: number; height: number; bitrate: number }) => Promise<OpenedEncoder>) {
    this.#settings = settings;
    this.#opener = opener;
  }

  async encode(info: FrameInfo, pixels: Uint8Array, request: EncodeRequest): Promise<EncodedPicture | null> {
    const { width, height } = this.#target(info);
    const track = this.#open?.track;
    if (!track || ((track.width !== width || track.height !== height) && request.boundary)) await this.#reopen(width, height);
    const { scaler } = this.#open!;
    if (FORMATS[info.format].depth > 8) {
      const mapped = this.#tone.map({
        format: info.format,
        width: info.width,
        height: info.height,
        data: pixels,
        significantBits: info.significantBits || FORMATS[info.format].depth,
      });
      this.#last = scaler.convert(mapped.format, mapped.width, mapped.height, mapped.data);
    } else this.#last = scaler.convert(info.format, info.width, info.height, pixels);
    return this.#encode(request);
  }

  async repeat(request: EncodeRequest): Promise<EncodedPicture | null> {
    return this.#last ? this.#encode(request) : null;
  }

  change(settings: unknown): boolean {
    const next = settings as S;
    const same = JSON.stringify({ ...next, bitrate: null }) === JSON.stringify({ ...this.#settings, bitrate: null });
    // libvpx keeps its rate.
    if (!same || this.#open?.encoder.name === 'libvpx') return false;
    this.#settings = next;
    if (this.#open && next.bitrate) this.#open.encoder.bitrate = next.bitrate;
    return true;
  }

  setView(view: ViewSettings): void {
    this.#tone.view = view;
  }

  #encode(request: EncodeRequest): EncodedPicture | null {
    const { encoder, track } = this.#open!;
    const packet = encoder.encode(this.#last!, request.pts, request.key);
    return packet && { data: packet.data, key: packet.key, track };
  }

  #target(info: FrameInfo): { width: number; height: number } {
    const { width, height, hold } = this.#settings;
    if (hold && this.#open) return this.#open.track;
    if (width !== null && height === null) {
      const scale = Math.min(1, width / info.width);
      return { width: even(Math.round(info.width * scale)), height: even(Math.round(info.height * scale)) };
    }
    return { width: even(width ?? info.width), height: even(height ?? info.height) };
  }

  async #reopen(width: number, height: number): Promise<void> {
    this.#close();
    const bitrate = this.#settings.bitrate ?? defaultBitrate(width, height);
    const { encoder, codec, description } = await this.#opener(this.#settings, { width, height, bitrate });
    this.#version++;
    const track = { codec, width, height, description, version: this.#version, bitrate };
    this.#open = { encoder, scaler: new Scaler('yuv420p', width, height, codec === 'vp8' ? 'bt601' : 'bt709'), track };
  }

  #close(): void {
    this.#last = null;
    this.#open?.scaler[Symbol.dispose]();
    this.#open?.encoder[Symbol.dispose]();
    this.#open = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }
}
