// JPEG by libjpeg-turbo: as captured, or scaled down first. Deep pictures are mapped to 8 bits.
import { FORMATS, type FrameInfo, type PixelFormat } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import type { ViewSettings } from '../core/view.ts';
import { ToneMap } from '../formats/tone.ts';
import { Scaler } from '../native/ffmpeg-encode.ts';
import { encodeJpegSync } from '../native/jpeg.ts';
import type { EncodedPicture, EncodeRequest, EncoderSession, RenditionSettings } from './encoder.ts';

type Settings = Extract<RenditionSettings, { codec: 'jpeg' }>;

class JpegSession implements EncoderSession {
  readonly #settings: Settings;
  readonly #tone = new ToneMap();
  #scaler: Scaler | null = null;
  #track: TrackInfo | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async encode(info: FrameInfo, pixels: Uint8Array, _request: EncodeRequest): Promise<EncodedPicture> {
    let picture: { format: PixelFormat; width: number; height: number; data: Uint8Array } = { ...info, data: pixels };
    if (FORMATS[info.format].depth > 8)
      picture = this.#tone.map({
        format: info.format,
        width: info.width,
        height: info.height,
        data: pixels,
        significantBits: info.significantBits || FORMATS[info.format].depth,
      });
    const width = Math.min(info.width, this.#settings.width ?? info.width);
    const height = Math.max(1, Math.round((info.height * width) / info.width));
    // libjpeg reads packed pixels only; planar ones and other sizes go through the scaler.
    if (width !== info.width || !FORMATS[picture.format].bytesPerPixel) {
      const format = picture.format === 'gray' ? 'gray' : 'rgb24';
      if (this.#scaler?.width !== width || this.#scaler.height !== height || this.#scaler.format !== format) {
        this.#scaler?.[Symbol.dispose]();
        this.#scaler = new Scaler(format, width, height);
      }
      this.#scaler.convert(picture.format, picture.width, picture.height, picture.data);
      picture = { format, width, height, data: this.#scaler.pixels };
    }
    if (this.#track?.width !== width || this.#track.height !== height) {
      this.#track = { codec: 'jpeg', width, height, description: new Uint8Array(), version: (this.#track?.version ?? 0) + 1, bitrate: 0 };
    }
    return { data: encodeJpegSync(picture, this.#settings.quality), key: true, track: this.#track };
  }

  setView(view: ViewSettings): void {
    this.#tone.view = view;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#scaler?.[Symbol.dispose]();
    this.#scaler = null;
  }
}

/** Opens a session. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new JpegSession(settings);
}
