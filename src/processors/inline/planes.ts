// Pictures as planes of samples: what cuts or resizes a picture does the same to each of them.
import { FORMATS, type PixelFormat } from '../../core/frame.ts';
import type { Pixels } from '../define.ts';

export interface SamplePlane {
  /** Samples before the first. */
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  /** Samples of a pixel, which stand together. */
  readonly channels: number;
  /** Pixels of the picture to one of this plane, in both directions. */
  readonly shrink: 1 | 2;
}

/** Planes of a tightly packed picture, in samples. */
export function samplePlanes(format: PixelFormat, width: number, height: number): SamplePlane[] {
  const { bytesPerPixel, channels } = FORMATS[format];
  if (bytesPerPixel) return [{ offset: 0, width, height, channels, shrink: 1 }];
  const half = { width: (width + 1) >> 1, height: (height + 1) >> 1, shrink: 2 } as const;
  const luma: SamplePlane = { offset: 0, width, height, channels: 1, shrink: 1 };
  if (format === 'nv12') return [luma, { ...half, offset: width * height, channels: 2 }];
  return [
    luma,
    { ...half, offset: width * height, channels: 1 },
    { ...half, offset: width * height + half.width * half.height, channels: 1 },
  ];
}

/** Samples of a tightly packed picture. */
export function sampleCount(format: PixelFormat, width: number, height: number): number {
  const last = samplePlanes(format, width, height).at(-1)!;
  return last.offset + last.width * last.height * last.channels;
}

/** Memory of a processor for its pictures: used again from frame to frame, the chain copies them out. */
export class PictureMemory {
  #pixels: Pixels = new Uint8Array(0);

  /** So many samples of the format, with anything in them. */
  take(format: PixelFormat, samples: number): Pixels {
    const { depth } = FORMATS[format];
    const Samples = depth === 8 ? Uint8Array : depth === 16 ? Uint16Array : Float32Array;
    if (!(this.#pixels instanceof Samples) || this.#pixels.length !== samples) this.#pixels = new Samples(samples);
    return this.#pixels;
  }
}
