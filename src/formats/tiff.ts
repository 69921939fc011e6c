// Baseline TIFF 6.0, uncompressed, one strip, little-endian: gray of 8 and 16 bits and 32-bit float, RGB of 8 and 16 bits, RGBA.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, type Picture, type PixelFormat } from '../core/frame.ts';
import { swapRedBlue } from './npy.ts';
import { COMPRESSION, directoryBytes, pageFields, writeDirectory } from './tiff-directory.ts';

/**
 * Writes a picture at full depth; the mosaic of bayer_rggb16le becomes 16-bit gray, bgr24 becomes RGB. `description` (JSON) goes into
 * ImageDescription, `pixelSize` (µm) into the resolution. Throws `bad-value` for yuv420p and nv12: make them rgb24 first.
 */
export function encodeTiff(picture: Picture, description: string, pixelSize: number | null = null): Uint8Array {
  const { format, width, height } = picture;
  assertPacked(format);
  const bytes = frameBytes(format, width, height);
  const fieldsWith = (offset: number) =>
    pageFields({ format, width, height, strip: { offset, bytes }, compression: COMPRESSION.none, description, pixelSize }, false);
  // Header (8), directory, pixels.
  const strip = (8 + directoryBytes(fieldsWith(0), false) + 15) & ~15;
  const out = new Uint8Array(strip + bytes);
  out.set([0x49, 0x49, 42, 0, 8, 0, 0, 0]); // "II", 42, place of the directory
  out.set(writeDirectory(fieldsWith(strip), { big: false, at: 8, next: 0 }), 8);
  out.set(picture.data.subarray(0, bytes), strip);
  if (format === 'bgr24') swapRedBlue(out.subarray(strip));
  return out;
}

/** Throws `bad-value` for formats that TIFF does not know. */
export function assertPacked(format: PixelFormat): void {
  if (FORMATS[format].bytesPerPixel) return;
  throw new SluiceError('bad-value', `format: ${format} cannot become TIFF as it is; expected one of the packed formats`, {
    field: 'format',
    received: format,
  });
}
