// Baseline TIFF 6.0, uncompressed, one strip, little-endian: gray of 8 and 16 bits and 32-bit float, RGB of 8 and 16 bits, RGBA.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, type Picture, type PixelFormat } from '../core/frame.ts';
import { ascii } from './bytes.ts';
import { swapRedBlue } from './npy.ts';

// Field types (TIFF 6.0 section 2).
const ASCII = 2;
const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;

interface Field {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  /** The values, as long as their type says. */
  readonly bytes: Uint8Array;
}

function short(tag: number, ...values: number[]): Field {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint16(i * 2, value, true);
  return { tag, type: SHORT, count: values.length, bytes };
}

function long(tag: number, value: number): Field {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return { tag, type: LONG, count: 1, bytes };
}

function rational(tag: number, numerator: number, denominator: number): Field {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, numerator, true);
  view.setUint32(4, denominator, true);
  return { tag, type: RATIONAL, count: 1, bytes };
}

function text(tag: number, value: string): Field {
  // 7-bit, closed by a zero; in JSON what is not ASCII can be escaped.
  const escaped = value.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const bytes = ascii(`${escaped}\0`);
  return { tag, type: ASCII, count: bytes.length, bytes };
}

/**
 * Writes a picture at full depth; the mosaic of bayer_rggb16le becomes 16-bit gray, bgr24 becomes RGB. `description` (JSON) goes into
 * ImageDescription. Throws `bad-value` for yuv420p and nv12: make them rgb24 first.
 */
export function encodeTiff(picture: Picture, description: string): Uint8Array {
  const { format, width, height } = picture;
  const { depth, channels, bytesPerPixel } = FORMATS[format];
  if (!bytesPerPixel) throw planar(format);
  const pixels = frameBytes(format, width, height);
  const samples = Array.from({ length: channels }, () => depth);
  const fields: Field[] = [
    long(256, width), // ImageWidth
    long(257, height), // ImageLength
    short(258, ...samples), // BitsPerSample
    short(259, 1), // Compression: none
    short(262, channels === 1 ? 1 : 2), // PhotometricInterpretation: BlackIsZero, RGB
    text(270, description), // ImageDescription
    long(273, 0), // StripOffsets, set below
    short(277, channels), // SamplesPerPixel
    long(278, height), // RowsPerStrip
    long(279, pixels), // StripByteCounts
    rational(282, 1, 1), // XResolution
    rational(283, 1, 1), // YResolution
    short(284, 1), // PlanarConfiguration: chunky
    short(296, 1), // ResolutionUnit: none
    text(305, 'Sluice'), // Software
    ...(channels === 4 ? [short(338, 2)] : []), // ExtraSamples: unassociated alpha
    short(339, ...samples.map(() => (depth === 32 ? 3 : 1))), // SampleFormat: IEEE float, unsigned
  ];

  // Header (8), directory, values that do not fit into their field, pixels.
  let at = 8 + 2 + fields.length * 12 + 4;
  const places = fields.map((field) => {
    if (field.bytes.length <= 4) return 0;
    const place = at;
    // Values begin on a word boundary.
    at += field.bytes.length + (field.bytes.length & 1);
    return place;
  });
  const strip = (at + 15) & ~15;
  const out = new Uint8Array(strip + pixels);
  const view = new DataView(out.buffer);
  out.set([0x49, 0x49, 42, 0]); // "II", 42
  view.setUint32(4, 8, true);
  view.setUint16(8, fields.length, true);
  for (const [i, field] of fields.entries()) {
    const entry = 10 + i * 12;
    view.setUint16(entry, field.tag, true);
    view.setUint16(entry + 2, field.type, true);
    view.setUint32(entry + 4, field.count, true);
    if (field.tag === 273) view.setUint32(entry + 8, strip, true);
    else if (places[i]) view.setUint32(entry + 8, places[i], true);
    out.set(field.bytes.length <= 4 && field.tag !== 273 ? field.bytes : [], entry + 8);
    if (places[i]) out.set(field.bytes, places[i]);
  }
  out.set(picture.data.subarray(0, pixels), strip);
  if (format === 'bgr24') swapRedBlue(out.subarray(strip));
  return out;
}

function planar(format: PixelFormat): SluiceError {
  return new SluiceError('bad-value', `format: ${format} cannot become TIFF as it is; expected one of the packed formats`, {
    field: 'format',
    received: format,
  });
}
