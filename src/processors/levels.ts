// Reads pictures of every format as levels (one number per pixel) or colours (8-bit red, green, blue), row by row and only where asked:
// detectors look at some ten thousand pixels of a picture, so converting all of it would cost more than looking.
import { FORMATS, type FrameInfo, type Plane, planesOf } from '../core/frame.ts';
import type { ProcessorFrame } from './processor.ts';

/** A rectangle in source pixels, 0-based from the top left. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The part of the picture that a region covers; without one all of it, and so for one that lies outside. */
export function clipRegion(region: Region | undefined, width: number, height: number): Region {
  if (!region) return { x: 0, y: 0, w: width, h: height };
  const x = Math.min(region.x, width);
  const y = Math.min(region.y, height);
  const w = Math.min(region.w, width - x);
  const h = Math.min(region.h, height - y);
  return w > 0 && h > 0 ? { x, y, w, h } : { x: 0, y: 0, w: width, h: height };
}

/** Every so many pixels in both directions, so that about `count` of a region are looked at. */
export function stepFor(region: Region, count: number): number {
  return Math.max(1, Math.round(Math.sqrt((region.w * region.h) / count)));
}

/** Weights of red and blue in what people see as light (ITU-R BT.709-6 3.2). */
const RED = 0.2126;
const BLUE = 0.0722;
const GREEN = 1 - RED - BLUE;

/** Highest value of a sample: 255, 4095 for 12 bits in gray16le, 1 for floats (whose range nobody states). */
export function fullScale({ format, significantBits }: Pick<FrameInfo, 'format' | 'significantBits'>): number {
  const { depth } = FORMATS[format];
  if (depth === 8) return 255;
  return depth === 32 ? 1 : 2 ** Math.min(16, significantBits || 16) - 1;
}

/** A picture as one level per pixel, in the picture's own unit (0 to `fullScale`; limited-range luma is spread to 0..255). */
export class Levels {
  readonly width: number;
  readonly height: number;
  readonly #pixels: Uint8Array;
  readonly #view: DataView;
  readonly #format: FrameInfo['format'];
  readonly #stride: number;

  /** A mosaic (bayer) is seen as a picture of its 2x2 blocks, so of half the size. */
  constructor({ info, pixels }: ProcessorFrame) {
    const half = info.format === 'bayer_rggb16le' && info.width > 1 && info.height > 1;
    this.width = half ? info.width >> 1 : info.width;
    this.height = half ? info.height >> 1 : info.height;
    this.#format = info.format;
    this.#pixels = pixels;
    this.#view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    this.#stride = planesOf(info.format, info.width, info.height)[0]!.stride;
  }

  /** Levels of `out.length` pixels of row `y`, from column `x` on, every `step`. Floats may be NaN or infinite. */
  row(out: Float32Array, y: number, x: number, step: number): Float32Array {
    const pixels = this.#pixels;
    const count = out.length;
    const at = y * this.#stride;
    switch (this.#format) {
      case 'gray':
        for (let i = 0, p = at + x; i < count; i++, p += step) out[i] = pixels[p]!;
        break;
      case 'yuv420p':
      case 'nv12':
        for (let i = 0, p = at + x; i < count; i++, p += step) out[i] = ((pixels[p]! - 16) * 255) / 219;
        break;
      case 'rgb24':
      case 'bgr24':
      case 'rgba': {
        const size = this.#format === 'rgba' ? 4 : 3;
        const [first, third] = this.#format === 'bgr24' ? [BLUE, RED] : [RED, BLUE];
        for (let i = 0, p = at + x * size; i < count; i++, p += step * size)
          out[i] = pixels[p]! * first + pixels[p + 1]! * GREEN + pixels[p + 2]! * third;
        break;
      }
      case 'gray16le':
        for (let i = 0, p = at + x * 2; i < count; i++, p += step * 2) out[i] = pixels[p]! | (pixels[p + 1]! << 8);
        break;
      case 'rgb48le':
        for (let i = 0, p = at + x * 6; i < count; i++, p += step * 6)
          out[i] =
            (pixels[p]! | (pixels[p + 1]! << 8)) * RED +
            (pixels[p + 2]! | (pixels[p + 3]! << 8)) * GREEN +
            (pixels[p + 4]! | (pixels[p + 5]! << 8)) * BLUE;
        break;
      case 'bayer_rggb16le':
        this.#mosaicRow(out, y, x, step);
        break;
      case 'grayf32le':
        for (let i = 0, p = at + x * 4; i < count; i++, p += step * 4) out[i] = this.#view.getFloat32(p, true);
        break;
    }
    return out;
  }

  #mosaicRow(out: Float32Array, y: number, x: number, step: number): void {
    const pixels = this.#pixels;
    const stride = this.#stride;
    const sample = (p: number) => pixels[p]! | (pixels[p + 1]! << 8);
    // A picture of a single row or column has no blocks.
    const whole = pixels.length >= stride * 2 && stride >= 4;
    for (let i = 0; i < out.length; i++) {
      const column = x + i * step;
      if (!whole) out[i] = sample(y * stride + column * 2);
      else {
        const p = y * 2 * stride + column * 4;
        out[i] = sample(p) * RED + ((sample(p + 2) + sample(p + stride)) * GREEN) / 2 + sample(p + stride + 2) * BLUE;
      }
    }
  }

  /** A region of the source picture in the rows and columns of this one. */
  region(region: Region | undefined, info: FrameInfo): Region {
    const { x, y, w, h } = clipRegion(region, info.width, info.height);
    if (this.width === info.width && this.height === info.height) return { x, y, w, h };
    const left = Math.min(x >> 1, this.width - 1);
    const top = Math.min(y >> 1, this.height - 1);
    return { x: left, y: top, w: Math.max(1, Math.min(w >> 1, this.width - left)), h: Math.max(1, Math.min(h >> 1, this.height - top)) };
  }
}

/** A picture as 8-bit red, green and blue. */
export class Colours {
  readonly #info: FrameInfo;
  readonly #pixels: Uint8Array;
  readonly #planes: readonly Plane[];
  /** Of samples wider than 8 bits. */
  readonly #scale: number;
  readonly #view: DataView;

  constructor({ info, pixels }: ProcessorFrame) {
    this.#info = info;
    this.#pixels = pixels;
    this.#planes = planesOf(info.format, info.width, info.height);
    this.#scale = 255 / fullScale(info);
    this.#view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  }

  /** Red, green, blue of `out.length / 3` pixels of row `y`, from column `x` on, every `step`. */
  row(out: Uint8ClampedArray, y: number, x: number, step: number): Uint8ClampedArray {
    const { format } = this.#info;
    const pixels = this.#pixels;
    const at = y * this.#planes[0]!.stride;
    const size = FORMATS[format].bytesPerPixel;
    const scale = this.#scale;
    const wide = (p: number) => (pixels[p]! | (pixels[p + 1]! << 8)) * scale;
    const count = out.length;
    switch (format) {
      case 'rgb24':
      case 'rgba':
      case 'bgr24': {
        const swap = format === 'bgr24' ? 2 : 0;
        for (let i = 0, p = at + x * size; i < count; i += 3, p += step * size) {
          out[i] = pixels[p + swap]!;
          out[i + 1] = pixels[p + 1]!;
          out[i + 2] = pixels[p + 2 - swap]!;
        }
        break;
      }
      case 'rgb48le':
        for (let i = 0, p = at + x * 6; i < count; i += 3, p += step * 6) {
          out[i] = wide(p);
          out[i + 1] = wide(p + 2);
          out[i + 2] = wide(p + 4);
        }
        break;
      case 'yuv420p':
      case 'nv12':
        this.#yuvRow(out, y, x, step);
        break;
      case 'bayer_rggb16le':
        this.#mosaicRow(out, y, x, step, wide);
        break;
      default:
        for (let i = 0, p = at + x * size; i < count; i += 3, p += step * size) {
          const level = format === 'gray' ? pixels[p]! : format === 'gray16le' ? wide(p) : this.#view.getFloat32(p, true) * scale;
          out[i] = level;
          out[i + 1] = level;
          out[i + 2] = level;
        }
    }
    return out;
  }

  /** Limited range; BT.709 from 720 lines on, else BT.601, as everywhere in the program (ITU-R BT.709-6 3, BT.601-7 2.5). */
  #yuvRow(out: Uint8ClampedArray, y: number, x: number, step: number): void {
    const pixels = this.#pixels;
    const [luma, u, v] = this.#planes;
    const [red, blue] = this.#info.height >= 720 ? [RED, BLUE] : [0.299, 0.114];
    const green = 1 - red - blue;
    const chromaStep = v ? 1 : 2;
    const uRow = u!.offset + (y >> 1) * u!.stride;
    const vRow = v ? v.offset + (y >> 1) * v.stride : uRow + 1;
    for (let i = 0, column = x; i < out.length; i += 3, column += step) {
      const light = ((pixels[y * luma!.stride + column]! - 16) * 255) / 219;
      const b = (((pixels[uRow + (column >> 1) * chromaStep]! - 128) * 255) / 224) * 2 * (1 - blue);
      const r = (((pixels[vRow + (column >> 1) * chromaStep]! - 128) * 255) / 224) * 2 * (1 - red);
      out[i] = light + r;
      out[i + 1] = light - (r * red + b * blue) / green;
      out[i + 2] = light + b;
    }
  }

  /** The four samples of a 2x2 block give its colour; at an odd edge the block before. */
  #mosaicRow(out: Uint8ClampedArray, y: number, x: number, step: number, wide: (p: number) => number): void {
    const { width, height } = this.#info;
    const stride = width * 2;
    const right = width > 1 ? 2 : 0;
    const below = height > 1 ? stride : 0;
    const top = Math.max(0, Math.min(y & ~1, height - 2));
    for (let i = 0, column = x; i < out.length; i += 3, column += step) {
      const left = Math.max(0, Math.min(column & ~1, width - 2));
      // In an odd last column or row the block begins with another colour: one further back is whole.
      const p = (top & ~1) * stride + (left & ~1) * 2;
      out[i] = wide(p);
      out[i + 1] = (wide(p + right) + wide(p + below)) / 2;
      out[i + 2] = wide(p + below + right);
    }
  }
}
