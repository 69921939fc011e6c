// H.264 by FFmpeg. The encoder opens with the first picture, when its size is known. When the size changes in mid-stream, pictures are
// scaled to the old size until the next boundary of the 2 s grid, where a new encoder takes over: no frame is lost, no segment is cut.
import { FORMATS, type FrameInfo } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import { codecString, decoderConfiguration, splitAnnexB } from '../formats/h264.ts';
import { ToneMap } from '../formats/tone.ts';
import { H264Encoder, Scaler } from '../native/ffmpeg-encode.ts';
import type { EncodedPicture, EncodeRequest, EncoderSession, RenditionSettings } from './encoder.ts';

type Settings = Extract<RenditionSettings, { codec: 'h264' }>;

/** Smallest side that every decoder takes. */
const MIN_SIDE = 16;

/** Bits per second for a picture size where none are asked for: 2.5 Mbit/s at 1280x720. */
export function defaultBitrate(width: number, height: number): number {
  return Math.round(Math.min(25_000_000, Math.max(400_000, width * height * 2.7)) / 10_000) * 10_000;
}

function even(side: number): number {
  return Math.max(MIN_SIDE, side & ~1);
}

class H264Session implements EncoderSession {
  #settings: Settings;
  #open: { encoder: H264Encoder; scaler: Scaler; track: TrackInfo } | null = null;
  #last: ReturnType<Scaler['convert']> | null = null;
  readonly #tone = new ToneMap();
  #version = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
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
    const next = settings as Settings;
    const same = JSON.stringify({ ...next, bitrate: null }) === JSON.stringify({ ...this.#settings, bitrate: null });
    if (!same) return false;
    this.#settings = next;
    if (this.#open && next.bitrate) this.#open.encoder.bitrate = next.bitrate;
    return true;
  }

  #encode(request: EncodeRequest): EncodedPicture | null {
    const { encoder, track } = this.#open!;
    const packet = encoder.encode(this.#last!, request.pts, request.key);
    return packet && { data: packet.data, key: packet.key, track };
  }

  #target(info: FrameInfo): { width: number; height: number } {
    const { width, height } = this.#settings;
    return { width: even(width ?? info.width), height: even(height ?? info.height) };
  }

  async #reopen(width: number, height: number): Promise<void> {
    this.#close();
    const bitrate = this.#settings.bitrate ?? defaultBitrate(width, height);
    const encoder = await H264Encoder.open({
      width,
      height,
      bitrate,
      encoder: this.#settings.encoder ?? 'libx264',
      preset: this.#settings.preset ?? undefined,
      options: this.#settings.options,
    });
    const description = decoderConfiguration(splitAnnexB(encoder.extraData)) ?? new Uint8Array();
    this.#version++;
    const track = { codec: codecString(description), width, height, description, version: this.#version, bitrate };
    this.#open = { encoder, scaler: new Scaler('yuv420p', width, height), track };
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

/** Opens a session; errors about the settings come with the first picture. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new H264Session(settings);
}
