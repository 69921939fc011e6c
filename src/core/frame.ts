// What a raw picture is: its format, its geometry, its identity and its times. The pixels lie in a slot of a frame ring.
import { SluiceError } from './errors.ts';
import type { Micros } from './time.ts';

interface FormatInfo {
  /** Number in the frame header (CONTRACT "Frame header"). */
  readonly wire: number;
  /** Bits of one sample. */
  readonly depth: 8 | 16 | 32;
  /** Bytes of one pixel in a packed format; 0 for planar 4:2:0. */
  readonly bytesPerPixel: number;
  readonly channels: number;
}

/** The accepted pixel formats, named as in FFmpeg. */
export const FORMATS = {
  gray: { wire: 0, depth: 8, bytesPerPixel: 1, channels: 1 },
  gray16le: { wire: 1, depth: 16, bytesPerPixel: 2, channels: 1 },
  rgb24: { wire: 2, depth: 8, bytesPerPixel: 3, channels: 3 },
  bgr24: { wire: 3, depth: 8, bytesPerPixel: 3, channels: 3 },
  rgba: { wire: 4, depth: 8, bytesPerPixel: 4, channels: 4 },
  yuv420p: { wire: 5, depth: 8, bytesPerPixel: 0, channels: 3 },
  nv12: { wire: 6, depth: 8, bytesPerPixel: 0, channels: 3 },
  rgb48le: { wire: 7, depth: 16, bytesPerPixel: 6, channels: 3 },
  bayer_rggb16le: { wire: 8, depth: 16, bytesPerPixel: 2, channels: 1 },
  grayf32le: { wire: 9, depth: 32, bytesPerPixel: 4, channels: 1 },
} as const satisfies Record<string, FormatInfo>;

/** Name of a pixel format. */
export type PixelFormat = keyof typeof FORMATS;

/** Pixel formats in the order of their number in the frame header. */
export const FORMAT_NAMES = Object.keys(FORMATS) as PixelFormat[];

/** The largest width and height of a frame, in pixels. */
export const MAX_SIDE = 16_384;

/** Reads a format name from outside; `gray8` is taken for `gray`. */
export function parseFormat(value: unknown, field = 'format'): PixelFormat {
  const name = value === 'gray8' ? 'gray' : value;
  if (typeof name === 'string' && Object.hasOwn(FORMATS, name)) return name as PixelFormat;
  throw new SluiceError('bad-value', `${field}: ${JSON.stringify(value)} is not a pixel format; allowed are ${FORMAT_NAMES.join(', ')}`, {
    field,
    received: value,
    allowed: FORMAT_NAMES,
  });
}

/** Reads a width or height from outside. */
export function parseSide(value: unknown, field: string): number {
  const side = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof side === 'number' && Number.isInteger(side) && side >= 1 && side <= MAX_SIDE) return side;
  throw new SluiceError(
    'bad-value',
    `${field}: ${JSON.stringify(value) ?? 'nothing'} received; expected an integer from 1 to ${MAX_SIDE}`,
    {
      field,
      received: value ?? null,
      allowed: { minimum: 1, maximum: MAX_SIDE },
    },
  );
}

/** One plane of a picture without padding. */
export interface Plane {
  readonly offset: number;
  /** Bytes of a row. */
  readonly stride: number;
  readonly rows: number;
}

/** Planes of a tightly packed picture, in bytes. Chroma of odd sizes is rounded up, as FFmpeg does. */
export function planesOf(format: PixelFormat, width: number, height: number): Plane[] {
  const info = FORMATS[format];
  if (info.bytesPerPixel) return [{ offset: 0, stride: width * info.bytesPerPixel, rows: height }];
  const luma = { offset: 0, stride: width, rows: height };
  const cw = (width + 1) >> 1;
  const ch = (height + 1) >> 1;
  if (format === 'nv12') return [luma, { offset: width * height, stride: cw * 2, rows: ch }];
  return [luma, { offset: width * height, stride: cw, rows: ch }, { offset: width * height + cw * ch, stride: cw, rows: ch }];
}

/** Bytes of a tightly packed picture. */
export function frameBytes(format: PixelFormat, width: number, height: number): number {
  const last = planesOf(format, width, height).at(-1)!;
  return last.offset + last.stride * last.rows;
}

/** Identity, time and geometry of a frame; travels beside the pixels. */
export interface FrameInfo {
  /** Integer from 1, unique in its stream for ever. */
  readonly id: number;
  /** Capture time. */
  readonly timestamp: Micros;
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Bits of a sample that carry signal (12 for a 12-bit camera in gray16le). */
  readonly significantBits: number;
  /** Server UTC when the frame was complete in the ring. */
  readonly received: Micros;
}

/** A picture outside the ring: tightly packed bytes. */
export interface Picture {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly significantBits?: number;
}
