// Measuring in a picture: values along a line, and statistics of a rectangle. Pure.
import { FORMATS, frameBytes, type Picture } from '../core/frame.ts';
import { topValue } from '../formats/look.ts';
import { deepSamples } from '../formats/tone-window.ts';

/** From the middle of one pixel to that of another. */
export interface Line {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** Whole pixels from the top left. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface RegionStats {
  readonly mean: number;
  /** Standard deviation of the values, not of their mean. */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Values that count: NaN and infinities do not. */
  readonly count: number;
  /** Integers at the end of the sensor's range. */
  readonly saturated: number;
}

/** Samples of a packed picture and how many each pixel has; of planar video the luma. */
function samplesOf(picture: Picture): { samples: Uint8Array | Uint16Array | Float32Array; channels: number } {
  const { format, width, height, data } = picture;
  const { bytesPerPixel, channels } = FORMATS[format];
  if (!bytesPerPixel) return { samples: data.subarray(0, width * height), channels: 1 };
  return { samples: deepSamples(picture) ?? data.subarray(0, frameBytes(format, width, height)), channels };
}

/** Colour channels that count: alpha is no light. */
const lights = (channels: number) => Math.min(3, channels);

/**
 * One value for each pixel that the line meets, from its first to its last: that of the nearest pixel; of colour the mean of its channels,
 * of a mosaic that of its cell. Both ends lie in the picture.
 */
export function lineValues(picture: Picture, { x1, y1, x2, y2 }: Line): Float64Array {
  const { samples, channels } = samplesOf(picture);
  const count = lights(channels);
  const cell = picture.format === 'bayer_rggb16le' && picture.width > 1 && picture.height > 1;
  const steps = Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1));
  const values = new Float64Array(steps + 1);
  for (let i = 0; i <= steps; i++) {
    const share = steps ? i / steps : 0;
    const x = Math.round(x1 + (x2 - x1) * share);
    const y = Math.round(y1 + (y2 - y1) * share);
    if (cell) {
      const corner = Math.min(y & ~1, picture.height - 2) * picture.width + Math.min(x & ~1, picture.width - 2);
      const below = corner + picture.width;
      values[i] = (samples[corner]! + samples[corner + 1]! + samples[below]! + samples[below + 1]!) / 4;
      continue;
    }
    const at = (y * picture.width + x) * channels;
    let sum = 0;
    for (let c = 0; c < count; c++) sum += samples[at + c]!;
    values[i] = sum / count;
  }
  return values;
}

/** Statistics of all values of a rectangle that lies in the picture; of colour of all channels together. */
export function regionStats(picture: Picture, { x, y, width, height }: Rect): RegionStats {
  const { samples, channels } = samplesOf(picture);
  const light = lights(channels);
  const top = FORMATS[picture.format].depth === 32 ? Number.POSITIVE_INFINITY : topValue(picture);
  // Around a value of the region, so that the squares stay small.
  const first = samples[(y * picture.width + x) * channels]!;
  const around = first - first === 0 ? first : 0;
  let [sum, squares, count, saturated] = [0, 0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = y; row < y + height; row++) {
    const start = (row * picture.width + x) * channels;
    for (let at = start, end = start + width * channels; at < end; at += channels) {
      for (let c = 0; c < light; c++) {
        const value = samples[at + c]!;
        if (value - value !== 0) continue;
        count++;
        if (value < min) min = value;
        if (value > max) max = value;
        if (value >= top) saturated++;
        const apart = value - around;
        sum += apart;
        squares += apart * apart;
      }
    }
  }
  if (count === 0) return { mean: Number.NaN, std: Number.NaN, min: Number.NaN, max: Number.NaN, count, saturated };
  const mean = sum / count;
  return { mean: around + mean, std: Math.sqrt(Math.max(0, squares / count - mean * mean)), min, max, count, saturated };
}

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** The line in whole pixels of a picture. */
export function lineWithin({ x1, y1, x2, y2 }: Line, width: number, height: number): Line {
  const x = (value: number) => clamp(Math.round(value), 0, width - 1);
  const y = (value: number) => clamp(Math.round(value), 0, height - 1);
  return { x1: x(x1), y1: y(y1), x2: x(x2), y2: y(y2) };
}

/** The rectangle in whole pixels of a picture, at least one. */
export function rectWithin({ x, y, width: w, height: h }: Rect, width: number, height: number): Rect {
  const size = [clamp(Math.round(w), 1, width), clamp(Math.round(h), 1, height)] as const;
  return { x: clamp(Math.round(x), 0, width - size[0]), y: clamp(Math.round(y), 0, height - size[1]), width: size[0], height: size[1] };
}
