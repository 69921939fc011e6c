// Paints rectangles, frames and text into the samples of a picture, whatever its format. Points outside the picture are left out.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, type FrameInfo, type PixelFormat, planesOf } from '../core/frame.ts';
import { drawText } from '../formats/bitmap-font.ts';
import type { Pixels } from './define.ts';
import { fullScale, Levels, stepFor } from './levels.ts';
import { bytesOf } from './video-frame.ts';

/** 8-bit red, green, blue. */
export type Color = readonly [number, number, number];

type Geometry = Pick<FrameInfo, 'format' | 'width' | 'height' | 'significantBits'>;

/** Red, green, blue of `#rrggbb`. */
export function parseColor(text: string): Color {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Light of a colour, 0 to 255 (ITU-R BT.709-6 3.2). */
export function lightOf([red, green, blue]: Color): number {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** A colour in limited-range luma and colour difference; BT.709 from 720 lines on, else BT.601, as everywhere in the program. */
export function yuvOf([r, g, b]: Color, height: number): readonly [number, number, number] {
  const [red, blue] = height >= 720 ? [0.2126, 0.0722] : [0.299, 0.114];
  const luma = red * r + (1 - red - blue) * g + blue * b;
  return [16 + (luma * 219) / 255, 128 + ((b - luma) * 224) / 255 / (2 * (1 - blue)), 128 + ((r - luma) * 224) / 255 / (2 * (1 - red))];
}

/** Puts one point: `alpha` 0 to 1. */
type Put = (x: number, y: number, alpha: number) => void;

export class Painter {
  readonly #info: Geometry;
  readonly #pixels: Pixels;
  /** What black and white are in this picture. */
  readonly #black: number;
  readonly #white: number;

  /**
   * In 16-bit and float pictures black and white are the darkest and the brightest of what is in them: other values would be lost in a
   * window that follows the picture, or spoil it.
   */
  constructor(info: Geometry, pixels: Pixels) {
    this.#info = info;
    this.#pixels = pixels;
    const [black, white] = FORMATS[info.format].depth === 8 ? [0, 255] : rangeOf(info, pixels);
    this.#black = black;
    this.#white = white;
  }

  fill(x: number, y: number, width: number, height: number, color: Color, alpha = 1): void {
    const put = this.#brush(color);
    const right = Math.min(this.#info.width, Math.round(x + width));
    const bottom = Math.min(this.#info.height, Math.round(y + height));
    for (let row = Math.max(0, Math.round(y)); row < bottom; row++) {
      for (let column = Math.max(0, Math.round(x)); column < right; column++) put(column, row, alpha);
    }
  }

  /** The edges of a rectangle, drawn inside of it. */
  outline(x: number, y: number, width: number, height: number, thickness: number, color: Color): void {
    const line = Math.max(1, Math.min(thickness, Math.ceil(Math.min(width, height) / 2)));
    this.fill(x, y, width, line, color);
    this.fill(x, y + height - line, width, line, color);
    this.fill(x, y + line, line, height - 2 * line, color);
    this.fill(x + width - line, y + line, line, height - 2 * line, color);
  }

  /** Text of the small font, each of its points `scale` pixels wide and high; with `halo` there is a dark edge round the letters. */
  text(text: string, x: number, y: number, scale: number, color: Color, halo: Color | null = null): void {
    if (halo) {
      const edge = Math.max(1, scale >> 1);
      drawText(text, (column, row) =>
        this.fill(x + column * scale - edge, y + row * scale - edge, scale + 2 * edge, scale + 2 * edge, halo),
      );
    }
    drawText(text, (column, row) => this.fill(x + column * scale, y + row * scale, scale, scale, color));
  }

  #level(value: number): number {
    return this.#black + ((this.#white - this.#black) * value) / 255;
  }

  #brush(color: Color): Put {
    const { format, width, height } = this.#info;
    const pixels = this.#pixels;
    const blend = (at: number, value: number, alpha: number) => {
      pixels[at] = alpha === 1 ? value : pixels[at]! + (value - pixels[at]!) * alpha;
    };
    switch (format) {
      case 'gray':
      case 'gray16le':
      case 'grayf32le': {
        const level = this.#rounded(this.#level(lightOf(color)));
        return (x, y, alpha) => blend(y * width + x, level, alpha);
      }
      case 'yuv420p':
      case 'nv12': {
        const [luma, cb, cr] = yuvOf(color, height).map(Math.round) as [number, number, number];
        const [, u, v] = planesOf(format, width, height);
        const step = v ? 1 : 2;
        const vOffset = v ? v.offset : u!.offset + 1;
        return (x, y, alpha) => {
          blend(y * width + x, luma, alpha);
          const at = (y >> 1) * u!.stride + (x >> 1) * step;
          blend(u!.offset + at, cb, alpha);
          blend(vOffset + at, cr, alpha);
        };
      }
      case 'bayer_rggb16le': {
        const [red, green, blue] = color.map((value) => this.#rounded(this.#level(value))) as [number, number, number];
        return (x, y, alpha) => blend(y * width + x, y & 1 ? (x & 1 ? blue : green) : x & 1 ? green : red, alpha);
      }
      default: {
        const [first, second, third] = (format === 'bgr24' ? color.toReversed() : color).map((value) =>
          this.#rounded(this.#level(value)),
        ) as [number, number, number];
        const step = FORMATS[format].channels;
        return (x, y, alpha) => {
          const at = (y * width + x) * step;
          blend(at, first, alpha);
          blend(at + 1, second, alpha);
          blend(at + 2, third, alpha);
          if (step === 4) pixels[at + 3] = 255;
        };
      }
    }
  }

  #rounded(value: number): number {
    return this.#info.format === 'grayf32le' ? value : Math.round(value);
  }
}

const SAMPLES = 4000;

/** Levels that 1 % of a deep picture lie below and above; of a flat one 0 and the full scale. */
function rangeOf(geometry: Geometry, pixels: Pixels): [number, number] {
  const info: FrameInfo = { ...geometry, id: 0, timestamp: 0 as FrameInfo['timestamp'], received: 0 as FrameInfo['received'] };
  const levels = new Levels({ info, pixels: bytesOf(pixels) });
  const step = stepFor({ x: 0, y: 0, w: levels.width, h: levels.height }, SAMPLES);
  const row = new Float32Array(Math.ceil(levels.width / step));
  const values: number[] = [];
  for (let y = 0; y < levels.height; y += step)
    for (const value of levels.row(row, y, 0, step)) if (Number.isFinite(value)) values.push(value);
  const sorted = Float32Array.from(values).sort();
  const low = sorted[Math.floor(sorted.length * 0.01)] ?? 0;
  const high = sorted[Math.floor((sorted.length - 1) * 0.99)] ?? 0;
  return low < high ? [low, high] : [Math.min(0, low), Math.max(fullScale(info), low)];
}

/** What a processor says of a format that it does not take. */
export function refuseFormat(what: string, received: PixelFormat, allowed: readonly PixelFormat[]): SluiceError {
  return new SluiceError('processor-failed', `${what} cannot be made of ${received}; allowed are ${allowed.join(', ')}`, {
    received,
    allowed,
  });
}
