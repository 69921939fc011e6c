// JPEG by libjpeg-turbo: as captured, a part of it, or scaled down first. Deep pictures are mapped to 8 bits.
import { FORMATS, type FrameInfo, type PixelFormat } from '../core/frame.ts';
import type { TrackInfo } from '../core/packet.ts';
import type { ViewSettings } from '../core/view.ts';
import { middleSquare, planRegion, RegionTaker } from '../formats/region.ts';
import { ToneMap } from '../formats/tone.ts';
import { Scaler } from '../native/ffmpeg-encode.ts';
import { encodeJpegSync } from '../native/jpeg.ts';
import type { EncodedPicture, EncodeRequest, EncoderSession, RenditionSettings } from './encoder.ts';

type Settings = Extract<RenditionSettings, { codec: 'jpeg' }>;
type Pixels = { format: PixelFormat; width: number; height: number; data: Uint8Array };

class JpegSession implements EncoderSession {
  readonly #settings: Settings;
  readonly #tone = new ToneMap();
  #scaler: Scaler | null = null;
  #track: TrackInfo | null = null;
  readonly #region = new RegionTaker();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async encode(info: FrameInfo, pixels: Uint8Array, _request: EncodeRequest): Promise<EncodedPicture> {
    let picture = this.#part(info, pixels);
    if (FORMATS[info.format].depth > 8)
      picture = this.#tone.map({ ...picture, significantBits: info.significantBits || FORMATS[info.format].depth });
    const planar = !FORMATS[picture.format].bytesPerPixel;
    // Of planar pictures no single pixels can be taken: they are scaled to that size.
    const whole = planar ? Math.ceil(picture.width / (this.#settings.step ?? 1)) : picture.width;
    const width = Math.min(whole, this.#settings.width ?? whole);
    const height = Math.max(1, Math.round((picture.height * width) / picture.width));
    // libjpeg reads packed pixels only; planar ones and other sizes go through the scaler.
    if (width !== picture.width || planar) {
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

  /** The wanted part of the picture, tightly packed. */
  #part({ format, width, height }: FrameInfo, pixels: Uint8Array): Pixels {
    const { crop = null, step = 1 } = this.#settings;
    const plan = planRegion(format, width, height, { crop: middleSquare(crop, width, height), step, binning: false });
    return { format, width: plan.width, height: plan.height, data: this.#region.take(pixels, format, width, plan) };
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
