// The identity of a frame inside its JPEG, and the size from its frame header. A JPEG is a run of marker segments: FF, code, u16
// big-endian length (with itself), content (ITU-T T.81 B.1.1).
import { IDENTITY_BYTES, type Identity, readIdentity, writeIdentity } from './identity.ts';

// APP9 is used by no common format (0 JFIF, 1 Exif, 2 ICC, 13 Photoshop, 14 Adobe).
const APP9 = 0xe9;
const NAME = Uint8Array.of(0x53, 0x6c, 0x75, 0x69, 0x63, 0x65, 0); // "Sluice\0"

/** Bytes that `insertJpegIdentity` adds. */
export const JPEG_IDENTITY_BYTES = 4 + NAME.length + IDENTITY_BYTES;

interface Segment {
  readonly marker: number;
  /** Offset of the FF. */
  readonly start: number;
  /** Content without marker and length. */
  readonly from: number;
  readonly to: number;
}

/** The segments before the first scan; ends early at anything that is none. */
function* segments(bytes: Uint8Array): Generator<Segment> {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return;
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    // B.1.1.2: any number of fill bytes FF may stand before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    // TEM and RSTn stand alone; 0, SOI, EOI and SOS end the headers.
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    if (marker === 0 || marker === 0xd8 || marker === 0xd9 || marker === 0xda) return;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (length < 2 || at + 2 + length > bytes.length) return;
    yield { marker, start: at, from: at + 4, to: at + 2 + length };
    at += 2 + length;
  }
}

/**
 * The JPEG with the identity behind SOI and the JFIF segment (which must be first, JFIF 1.02). Bytes that are no JPEG come back
 * unchanged.
 */
export function insertJpegIdentity(jpeg: Uint8Array, identity: Identity): Uint8Array {
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) return jpeg;
  const first = segments(jpeg).next().value;
  const at = first?.marker === 0xe0 ? first.to : 2;
  const out = new Uint8Array(jpeg.length + JPEG_IDENTITY_BYTES);
  out.set(jpeg.subarray(0, at));
  out.set([0xff, APP9, 0, JPEG_IDENTITY_BYTES - 2], at);
  out.set(NAME, at + 4);
  out.set(writeIdentity(identity), at + 4 + NAME.length);
  out.set(jpeg.subarray(at), at + JPEG_IDENTITY_BYTES);
  return out;
}

/** The identity inside a JPEG; `null` if there is none. Any bytes are tolerated. */
export function readJpegIdentity(jpeg: Uint8Array): Identity | null {
  for (const { marker, from, to } of segments(jpeg)) {
    if (marker !== APP9 || to - from < NAME.length || !NAME.every((byte, i) => jpeg[from + i] === byte)) continue;
    const identity = readIdentity(jpeg.subarray(from + NAME.length, to));
    if (identity) return identity;
  }
  return null;
}

/** Geometry of a JPEG. */
export interface JpegSize {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** 1 gray, 3 colour, 4 CMYK. */
  readonly components: number;
  /** Bits of a sample. */
  readonly precision: number;
}

/** Size by the frame header (SOFn, T.81 B.2.2); `null` if there is none before the first scan. Any bytes are tolerated. */
export function readJpegSize(jpeg: Uint8Array): JpegSize | null {
  for (const { marker, from, to } of segments(jpeg)) {
    // C4 DHT, C8 JPG and CC DAC lie in the same range but are no frame headers.
    const sof = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (!sof) continue;
    if (to - from < 6) return null;
    return {
      precision: jpeg[from]!,
      height: (jpeg[from + 1]! << 8) | jpeg[from + 2]!,
      width: (jpeg[from + 3]! << 8) | jpeg[from + 4]!,
      components: jpeg[from + 5]!,
    };
  }
  return null;
}
