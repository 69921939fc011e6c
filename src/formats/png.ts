// PNG (W3C PNG 3rd edition): writes 8- and 16-bit gray, RGB and RGBA with text chunks; reads the size of any. Compression is given from
// outside, as this directory knows no engine.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, type Picture, type PixelFormat } from '../core/frame.ts';
import { ascii, concatBytes } from './bytes.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Colour type (11.2.1) and order of the bytes by pixel format. */
const LAYOUT: Partial<Record<PixelFormat, { readonly colour: number; readonly order: 'same' | 'bgr' | 'big' }>> = {
  gray: { colour: 0, order: 'same' },
  rgb24: { colour: 2, order: 'same' },
  bgr24: { colour: 2, order: 'bgr' },
  rgba: { colour: 6, order: 'same' },
  gray16le: { colour: 0, order: 'big' },
  bayer_rggb16le: { colour: 0, order: 'big' },
  rgb48le: { colour: 2, order: 'big' },
};

export interface PngOptions {
  /** zlib (RFC 1950) compression. */
  readonly deflate: (raw: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /** CRC-32 of ISO 3309, continuing from `start`; an own one is used if none is given. */
  readonly crc32?: (bytes: Uint8Array, start?: number) => number;
  /** Text by keyword (1 to 79 Latin-1 characters): tEXt if ASCII, else iTXt. */
  readonly text?: Readonly<Record<string, string>>;
}

/**
 * Writes a PNG of gray, rgb24, bgr24, rgba, gray16le, rgb48le or bayer_rggb16le (the mosaic as 16-bit gray) at full depth. Throws
 * `bad-value` for other formats.
 */
export async function encodePng(picture: Picture, options: PngOptions): Promise<Uint8Array> {
  const { format, width, height } = picture;
  const layout = LAYOUT[format];
  if (!layout) {
    throw new SluiceError('bad-value', `format: ${format} cannot become PNG; allowed are ${Object.keys(LAYOUT).join(', ')}`, {
      field: 'format',
      received: format,
      allowed: Object.keys(LAYOUT),
    });
  }
  const crc = options.crc32 ?? crc32;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = FORMATS[format].depth;
  header[9] = layout.colour;
  const texts = Object.entries(options.text ?? {}).map(([keyword, text]) => textChunk(keyword, text, crc));
  const data = await options.deflate(filtered(picture, layout.order));
  return concatBytes([SIGNATURE, chunk('IHDR', header, crc), ...texts, chunk('IDAT', data, crc), chunk('IEND', new Uint8Array(0), crc)]);
}

/** Rows with filter type 2, "up" (9.2): the difference to the row above, in one pass. */
function filtered(picture: Picture, order: 'same' | 'bgr' | 'big'): Uint8Array {
  const { format, width, height } = picture;
  const row = width * FORMATS[format].bytesPerPixel;
  const src = picture.data.subarray(0, frameBytes(format, width, height));
  const data = order === 'same' ? src : reordered(src, order);
  const out = new Uint8Array((row + 1) * height);
  for (let y = 0, to = 0; y < height; y++) {
    const from = y * row;
    if (y === 0) {
      out.set(data.subarray(0, row), 1);
      to = row + 1;
      continue;
    }
    out[to++] = 2;
    for (let i = from; i < from + row; i++) out[to++] = data[i]! - data[i - row]!;
  }
  return out;
}

function reordered(src: Uint8Array, order: 'bgr' | 'big'): Uint8Array {
  const out = new Uint8Array(src.length);
  if (order === 'big') {
    for (let i = 0; i < src.length; i += 2) {
      out[i] = src[i + 1]!;
      out[i + 1] = src[i]!;
    }
    return out;
  }
  for (let i = 0; i < src.length; i += 3) {
    out[i] = src[i + 2]!;
    out[i + 1] = src[i + 1]!;
    out[i + 2] = src[i]!;
  }
  return out;
}

type Crc = (bytes: Uint8Array, start?: number) => number;

function chunk(type: string, data: Uint8Array, crc: Crc): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(ascii(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc(out.subarray(4, 8 + data.length)));
  return out;
}

function textChunk(keyword: string, text: string, crc: Crc): Uint8Array {
  // 11.3.3: keyword, 0, text in Latin-1; iTXt: keyword, 0, not compressed (0 0), no language (0), no translation (0), UTF-8.
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === text.length) return chunk('tEXt', concatBytes([ascii(keyword), Uint8Array.of(0), bytes]), crc);
  return chunk('iTXt', concatBytes([ascii(keyword), new Uint8Array(5), bytes]), crc);
}

let table: Uint32Array | undefined;

/** CRC-32 (annex D). */
export function crc32(bytes: Uint8Array, start = 0): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = ~start;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** What the header (IHDR, 11.2.1) says. */
export interface PngHeader {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Bits of a sample or palette index. */
  readonly depth: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA. */
  readonly colour: number;
}

/** Header of a PNG; `null` if the bytes are none. Any bytes are tolerated. */
export function readPngHeader(bytes: Uint8Array): PngHeader | null {
  if (bytes.length < 33 || !SIGNATURE.every((byte, i) => bytes[i] === byte)) return null;
  if (!ascii('IHDR').every((byte, i) => bytes[12 + i] === byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8) !== 13) return null;
  return { width: view.getUint32(16), height: view.getUint32(20), depth: bytes[24]!, colour: bytes[25]! };
}

/** Text chunks (tEXt and uncompressed iTXt) by keyword. Any bytes are tolerated. */
export function readPngText(bytes: Uint8Array): Record<string, string> {
  const found: [string, string][] = [];
  if (!readPngHeader(bytes)) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (length > bytes.length - at - 12) break;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    const end = data.indexOf(0);
    if (end > 0 && end < 80) {
      const keyword = String.fromCharCode(...data.subarray(0, end));
      if (type === 'tEXt') found.push([keyword, new TextDecoder('latin1').decode(data.subarray(end + 1))]);
      if (type === 'iTXt' && data[end + 1] === 0) {
        const translated = data.indexOf(0, data.indexOf(0, end + 3) + 1);
        if (translated > 0) found.push([keyword, new TextDecoder().decode(data.subarray(translated + 1))]);
      }
    }
    at += 12 + length;
  }
  return Object.fromEntries(found);
}
