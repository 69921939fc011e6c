// Pictures of a known scene in every format, for tests of what reads or changes pixels.
import { FORMATS, type FrameInfo, frameBytes, type PixelFormat } from '../src/core/frame.ts';
import type { Micros } from '../src/core/time.ts';
import type { ProcessorFrame } from '../src/processors/processor.ts';

/** 8-bit red, green, blue. */
export type Rgb = readonly [number, number, number];

/** A scene of 8-bit colours in some format, by straightforward rules; 16-bit formats have 12 significant bits. */
export function shoot(
  format: PixelFormat,
  width: number,
  height: number,
  id: number,
  scene: (x: number, y: number) => Rgb,
): ProcessorFrame {
  const bytes = new Uint8Array(frameBytes(format, width, height));
  const view = new DataView(bytes.buffer);
  const { bytesPerPixel } = FORMATS[format];
  const gray = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b] = scene(x, y);
      const at = (y * width + x) * bytesPerPixel;
      if (format === 'gray') bytes[at] = Math.round(gray([r, g, b]));
      else if (format === 'gray16le') view.setUint16(at, Math.round((gray([r, g, b]) * 4095) / 255), true);
      else if (format === 'grayf32le') view.setFloat32(at, gray([r, g, b]) / 255, true);
      else if (format === 'rgb24') bytes.set([r, g, b], at);
      else if (format === 'bgr24') bytes.set([b, g, r], at);
      else if (format === 'rgba') bytes.set([r, g, b, 255], at);
      else if (format === 'rgb48le') {
        for (const [i, value] of [r, g, b].entries()) view.setUint16(at + i * 2, Math.round((value * 4095) / 255), true);
      } else if (format === 'bayer_rggb16le') {
        const value = y % 2 === 0 ? (x % 2 === 0 ? r : g) : x % 2 === 0 ? g : b;
        view.setUint16(at, Math.round((value * 4095) / 255), true);
      } else {
        const luma = 0.299 * r + 0.587 * g + 0.114 * b;
        bytes[y * width + x] = Math.round(16 + (luma * 219) / 255);
        const chroma = [128 + ((b - luma) * 224) / 255 / (2 * (1 - 0.114)), 128 + ((r - luma) * 224) / 255 / (2 * (1 - 0.299))];
        const cw = (width + 1) >> 1;
        const ch = (height + 1) >> 1;
        const place = (y >> 1) * cw + (x >> 1);
        for (const [i, value] of chroma.entries()) {
          bytes[width * height + (format === 'nv12' ? place * 2 + i : i * cw * ch + place)] = Math.round(value);
        }
      }
    }
  }
  const timestamp = (1_763_640_000_000_000 + id * 33_333) as Micros;
  const significantBits = FORMATS[format].depth === 16 ? 12 : 8;
  return { info: { id, timestamp, format, width, height, significantBits, received: timestamp } satisfies FrameInfo, pixels: bytes };
}
