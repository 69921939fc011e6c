// A part of a picture at full depth: a region, and of it every so many pixels or the mean of so many. Mosaics are taken in their cells of
// 2x2 pixels, so that the result is a mosaic again. Pure.
import { FORMATS, type PixelFormat } from '../core/frame.ts';

/** Pixels from the top left corner. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What is asked of a picture. */
export interface RegionRequest {
  /** Side of a square in the middle, pixels; or a region; `null`: all of it. What lies outside the picture is cut off. */
  readonly crop: number | Region | null;
  /** Of so many pixels along each side one is kept: 1 = all. */
  readonly step: number;
  /** That one is their mean, not the first of them. */
  readonly binning: boolean;
}

/** Geometry of the result. */
export interface RegionPlan {
  readonly region: Region;
  readonly step: number;
  readonly binning: boolean;
  /** Size of the result, pixels. */
  readonly width: number;
  readonly height: number;
  /** It is the picture as it is. */
  readonly whole: boolean;
}

/** The square of `side` pixels in the middle, as ImSwitch finds it: never larger than the picture; `null` = all of it. */
export function middleSquare(side: number | null, width: number, height: number): Region | null {
  if (side === null) return null;
  const length = Math.min(side, width, height);
  const start = (whole: number) => (whole >> 1) - (length >> 1);
  return { x: start(width), y: start(height), width: length, height: length };
}

/** The part of `length` pixels from `start` that lies within `full`, in whole cells and at least one. */
function span(start: number, length: number, full: number, cell: number): [start: number, length: number] {
  const from = Math.floor(Math.min(Math.max(0, start), full - cell) / cell) * cell;
  return [from, Math.max(cell, Math.floor(Math.min(length, full - from) / cell) * cell)];
}

/** What of a picture is taken. Planar pictures (yuv420p, nv12) are always taken whole. */
export function planRegion(format: PixelFormat, width: number, height: number, request: RegionRequest): RegionPlan {
  const all = { region: { x: 0, y: 0, width, height }, step: 1, binning: false, width, height, whole: true };
  const cell = format === 'bayer_rggb16le' ? 2 : 1;
  if (!FORMATS[format].bytesPerPixel || width < cell || height < cell) return all;
  const { crop } = request;
  if (crop === null && request.step === 1) return all;
  const asked =
    typeof crop === 'number'
      ? { x: Math.floor((width - crop) / 2), y: Math.floor((height - crop) / 2), width: crop, height: crop }
      : (crop ?? all.region);
  const [x, w] = span(asked.x, asked.width, width, cell);
  const [y, h] = span(asked.y, asked.height, height, cell);
  const region = { x, y, width: w, height: h };
  // Never more than the region has.
  const step = Math.max(1, Math.min(request.step, Math.floor(region.width / cell), Math.floor(region.height / cell)));
  const binning = request.binning && step > 1;
  // A mean needs all its pixels.
  const side = (length: number) => (binning ? Math.floor(length / cell / step) : Math.ceil(length / cell / step)) * cell;
  if (step === 1 && region.width === width && region.height === height) return all;
  return { region, step, binning, width: side(region.width), height: side(region.height), whole: false };
}

/** Bytes of the planned picture. */
export function regionBytes(format: PixelFormat, plan: RegionPlan): number {
  return plan.width * plan.height * FORMATS[format].bytesPerPixel;
}

type Samples = Uint8Array | Uint16Array | Float32Array;

function samplesOf(format: PixelFormat, bytes: Uint8Array): Samples {
  const { depth } = FORMATS[format];
  if (depth === 8) return bytes;
  return depth === 16
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
    : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

/**
 * Takes the planned part of a tightly packed picture of `width` pixels into `out` (`regionBytes` long). Both begin at a multiple of
 * their sample's size. Means of integers are rounded to the nearest.
 */
export function takeRegion(out: Uint8Array, pixels: Uint8Array, format: PixelFormat, width: number, plan: RegionPlan): void {
  const { bytesPerPixel, channels, depth } = FORMATS[format];
  const { region } = plan;
  if (plan.step === 1) {
    const row = region.width * bytesPerPixel;
    for (let y = 0; y < region.height; y++) {
      const from = ((region.y + y) * width + region.x) * bytesPerPixel;
      out.set(pixels.subarray(from, from + row), y * row);
    }
    return;
  }
  const cell = format === 'bayer_rggb16le' ? 2 : 1;
  const from = samplesOf(format, pixels);
  const to = samplesOf(format, out);
  const { step } = plan;
  const jump = step * cell;
  const half = depth === 32 ? 0 : 0.5;
  let at = 0;
  for (let y = 0; y < plan.height; y++) {
    const top = region.y + Math.floor(y / cell) * jump + (y % cell);
    for (let x = 0; x < plan.width; x++) {
      const left = region.x + Math.floor(x / cell) * jump + (x % cell);
      for (let c = 0; c < channels; c++) {
        if (!plan.binning) {
          to[at++] = from[(top * width + left) * channels + c]!;
          continue;
        }
        let sum = 0;
        for (let j = 0; j < step; j++) {
          for (let i = 0; i < step; i++) sum += from[((top + j * cell) * width + left + i * cell) * channels + c]!;
        }
        to[at++] = sum / (step * step) + half;
      }
    }
  }
}

/** Takes parts of pictures into memory of its own, which serves again for the next one. */
export class RegionTaker {
  #bytes = new Uint8Array(0);

  /** The planned part of a picture of `width` columns; `pixels` itself where that is the whole. */
  take(pixels: Uint8Array, format: PixelFormat, width: number, plan: RegionPlan): Uint8Array {
    if (plan.whole) return pixels;
    const size = regionBytes(format, plan);
    if (this.#bytes.length !== size) this.#bytes = new Uint8Array(size);
    takeRegion(this.#bytes, pixels, format, width, plan);
    return this.#bytes;
  }
}
