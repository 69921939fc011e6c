// The directories of TIFF: classic (TIFF 6.0 section 2) and BigTIFF, little-endian. What a picture's directory says is the same in both.
import { FORMATS, type PixelFormat } from '../core/frame.ts';
import { ascii } from './bytes.ts';

// Field types (TIFF 6.0 section 2; LONG8 is BigTIFF's).
const ASCII = 2;
const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;
const LONG8 = 16;

/** Field numbers that others need to know. */
export const TAGS = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  description: 270,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planar: 284,
  predictor: 317,
  tileWidth: 322,
  extraSamples: 338,
  sampleFormat: 339,
  /** Of the range that everybody may use: what a frame is, as JSON. */
  identity: 65_001,
} as const;

/** How strips are compressed (TIFF 6.0 section 3; 8 is Adobe's name for zlib). */
export const COMPRESSION = { none: 1, deflate: 8 } as const;

export interface Field {
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

function long8(tag: number, value: number): Field {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return { tag, type: LONG8, count: 1, bytes };
}

function rational(tag: number, value: number): Field {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  // As fine as 32 bits allow.
  const denominator = 10 ** Math.max(0, Math.min(6, 9 - Math.ceil(Math.log10(value))));
  view.setUint32(0, Math.min(0xffff_ffff, Math.round(value * denominator)), true);
  view.setUint32(4, denominator, true);
  return { tag, type: RATIONAL, count: 1, bytes };
}

function text(tag: number, value: string): Field {
  // 7-bit, closed by a zero; in JSON what is not ASCII can be escaped.
  const escaped = value.replace(/[^\n\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const bytes = ascii(`${escaped}\0`);
  return { tag, type: ASCII, count: bytes.length, bytes };
}

/** A page as its directory describes it. */
export interface PageDescription {
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Where the only strip lies in the file, and its bytes as they lie there. */
  readonly strip: { readonly offset: number; readonly bytes: number };
  readonly compression: number;
  readonly description?: string | undefined;
  /** JSON. */
  readonly identity?: string | undefined;
  /** µm; `null` = not known. */
  readonly pixelSize: number | null;
}

/** µm in a centimetre: the unit in which TIFF tells resolutions. */
const UM_PER_CM = 10_000;

/** The fields of a page in rising order. The format is a packed one. */
export function pageFields(page: PageDescription, big: boolean): Field[] {
  const { format, width, height, strip, compression, description, identity, pixelSize } = page;
  const { depth, channels } = FORMATS[format];
  const samples = Array.from({ length: channels }, () => depth);
  const place = big ? long8 : long;
  const resolution = pixelSize === null ? 1 : UM_PER_CM / pixelSize;
  return [
    long(TAGS.width, width),
    long(TAGS.height, height),
    short(TAGS.bitsPerSample, ...samples),
    short(TAGS.compression, compression),
    short(TAGS.photometric, channels === 1 ? 1 : 2), // BlackIsZero, RGB
    ...(description === undefined ? [] : [text(TAGS.description, description)]),
    place(TAGS.stripOffsets, strip.offset),
    short(TAGS.samplesPerPixel, channels),
    long(TAGS.rowsPerStrip, height),
    place(TAGS.stripByteCounts, strip.bytes),
    rational(282, resolution), // XResolution
    rational(283, resolution), // YResolution
    short(TAGS.planar, 1), // chunky
    short(296, pixelSize === null ? 1 : 3), // ResolutionUnit: none, centimetre
    text(305, 'Sluice'), // Software
    ...(channels === 4 ? [short(TAGS.extraSamples, 2)] : []), // unassociated alpha
    short(TAGS.sampleFormat, ...samples.map(() => (depth === 32 ? 3 : 1))), // IEEE float, unsigned
    ...(identity === undefined ? [] : [text(TAGS.identity, identity)]),
  ];
}

const sizes = (big: boolean) => (big ? { count: 8, entry: 20, value: 8, next: 8 } : { count: 2, entry: 12, value: 4, next: 4 });

/** Where in its directory the entry of a field begins; -1 = it has none. */
export function entryOffset(fields: readonly Field[], tag: number, big: boolean): number {
  const { count, entry } = sizes(big);
  const index = fields.findIndex((field) => field.tag === tag);
  return index < 0 ? -1 : count + index * entry;
}

/** Where in its directory the place of the next one stands. */
export function nextOffset(fields: readonly Field[], big: boolean): number {
  const { count, entry } = sizes(big);
  return count + fields.length * entry;
}

/** Bytes of a directory with the values that do not fit into their entries, up to a multiple of 16. */
export function directoryBytes(fields: readonly Field[], big: boolean): number {
  const { value, next } = sizes(big);
  let at = nextOffset(fields, big) + next;
  // Values begin on a word boundary.
  for (const { bytes } of fields) if (bytes.length > value) at = ((at + 1) & ~1) + bytes.length;
  return (at + 15) & ~15;
}

/** Writes a directory that begins at `at` in the file; `next` is where the next one begins, 0 = there is none. */
export function writeDirectory(fields: readonly Field[], { big, at, next }: { big: boolean; at: number; next: number }): Uint8Array {
  const { count, entry, value } = sizes(big);
  const out = new Uint8Array(directoryBytes(fields, big));
  const view = new DataView(out.buffer);
  const put = (offset: number, number: number) =>
    big ? view.setBigUint64(offset, BigInt(number), true) : view.setUint32(offset, number, true);
  if (big) put(0, fields.length);
  else view.setUint16(0, fields.length, true);
  let free = nextOffset(fields, big) + sizes(big).next;
  for (const [i, field] of fields.entries()) {
    const start = count + i * entry;
    view.setUint16(start, field.tag, true);
    view.setUint16(start + 2, field.type, true);
    put(start + 4, field.count);
    const values = start + entry - value;
    if (field.bytes.length <= value) out.set(field.bytes, values);
    else {
      free = (free + 1) & ~1;
      put(values, at + free);
      out.set(field.bytes, free);
      free += field.bytes.length;
    }
  }
  put(nextOffset(fields, big), next);
  return out;
}
