// Reads multi-page TIFF and BigTIFF page by page, as this program and others write it: either byte order, strips and tiles, uncompressed
// and deflate (with the horizontal predictor); gray of 8 and 16 bits and 32-bit float, RGB of 8 and 16 bits, RGBA. Foreign bytes: what
// does not fit is `bad-picture` with the page and the field.
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, MAX_SIDE, type PixelFormat } from '../core/frame.ts';
import { COMPRESSION, TAGS } from './tiff-directory.ts';
import type { PageIdentity } from './tiff-pages.ts';

/** A file, wherever it lies. `read` gives fewer bytes only at the end. */
export interface TiffBytes {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A page without its pixels. */
export interface TiffPage {
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Strips or tiles in order. */
  readonly pieces: readonly { readonly offset: number; readonly bytes: number }[];
  /** Pixels of a strip or tile. */
  readonly pieceWidth: number;
  readonly pieceHeight: number;
  readonly deflated: boolean;
  readonly predictor: boolean;
  /** White is 0. */
  readonly inverted: boolean;
  readonly bigEndian: boolean;
  readonly description: string | null;
  /** What our own pages say of their frame; `null` in those of others. */
  readonly identity: PageIdentity | null;
  /** Where the place of the next page stands, and what it is. */
  readonly nextAt: number;
  readonly next: number;
  /** Where the last byte of its pixels lies, plus one. */
  readonly end: number;
  /** Where the entry of the description has its count; -1 = there is none. */
  readonly descriptionAt: number;
}

/** Undoes zlib; throws if it is broken or gives more than `limit` bytes. */
export type Inflate = (bytes: Uint8Array, limit: number) => Promise<Uint8Array>;

/** Bytes of a value by its type (TIFF 6.0 section 2; 13 IFD; 16 to 18 of BigTIFF). */
const TYPE_BYTES: Record<number, number> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};
const MAX_ENTRIES = 1000;
/** Most pages: 38 hours at 30 per second. */
const MAX_PAGES = 1 << 22;
/** A directory with its values mostly lies in one piece. */
const WINDOW_BYTES = 4096;

export class TiffReader {
  readonly #file: TiffBytes;
  readonly #little: boolean;
  readonly #big: boolean;
  readonly #first: number;
  #window = { at: 0, bytes: new Uint8Array(0) };

  private constructor(file: TiffBytes, little: boolean, big: boolean, first: number) {
    this.#file = file;
    this.#little = little;
    this.#big = big;
    this.#first = first;
  }

  /** Throws `bad-picture` if it is no TIFF. */
  static async open(file: TiffBytes): Promise<TiffReader> {
    const head = await file.read(0, 16);
    const order = String.fromCharCode(head[0] ?? 0, head[1] ?? 0);
    const little = order === 'II';
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const version = head.length >= 8 && (little || order === 'MM') ? view.getUint16(2, little) : 0;
    if (version === 42) return new TiffReader(file, little, false, view.getUint32(4, little));
    if (version === 43 && head.length === 16 && view.getUint16(4, little) === 8)
      return new TiffReader(file, little, true, Number(view.getBigUint64(8, little)));
    throw new SluiceError('bad-picture', `${file.size} bytes received that are not a TIFF; expected its header`);
  }

  /** The pages in order. Throws `bad-picture` at the first one that cannot be read. */
  async *pages(): AsyncGenerator<TiffPage> {
    const seen = new Set<number>();
    for (let at = this.#first; at !== 0; ) {
      const number = seen.size;
      if (seen.has(at)) throw bad(number, 'it comes a second time');
      if (number >= MAX_PAGES) throw bad(number, `there are more than ${MAX_PAGES}`);
      seen.add(at);
      const page = await this.#page(at, number);
      yield page;
      if (number === 0 && page.next === 0) yield* imageJPages(page, this.#file.size);
      at = page.next;
    }
  }

  async #bytes(offset: number, length: number, number: number): Promise<DataView> {
    let { at, bytes } = this.#window;
    if (!(offset >= 0 && length >= 0 && offset + length <= this.#file.size)) throw bad(number, 'it runs over the end of the file');
    if (offset < at || offset + length > at + bytes.length) {
      at = offset;
      bytes = new Uint8Array(await this.#file.read(offset, Math.max(length, WINDOW_BYTES)));
      this.#window = { at, bytes };
      if (bytes.length < length) throw bad(number, 'it runs over the end of the file');
    }
    return new DataView(bytes.buffer, bytes.byteOffset + offset - at, length);
  }

  async #page(at: number, number: number): Promise<TiffPage> {
    const [countBytes, entryBytes, valueBytes] = this.#big ? [8, 20, 8] : [2, 12, 4];
    const word = (view: DataView, offset: number) =>
      this.#big ? Number(view.getBigUint64(offset, this.#little)) : view.getUint32(offset, this.#little);
    const head = await this.#bytes(at, countBytes, number);
    const count = this.#big ? word(head, 0) : head.getUint16(0, this.#little);
    if (!(count >= 1 && count <= MAX_ENTRIES)) throw bad(number, `it has ${count} entries; expected 1 to ${MAX_ENTRIES}`);
    const nextAt = at + countBytes + count * entryBytes;
    const table = await this.#bytes(at + countBytes, count * entryBytes + valueBytes, number);
    const entries = new Map<number, Entry>();
    for (let i = 0; i < count; i++) {
      const entry = i * entryBytes;
      const type = table.getUint16(entry + 2, this.#little);
      const values = word(table, entry + 4);
      const size = TYPE_BYTES[type];
      if (size === undefined || !(values * size <= this.#file.size)) continue;
      const inline = at + countBytes + entry + entryBytes - valueBytes;
      const place = values * size <= valueBytes ? inline : word(table, entry + entryBytes - valueBytes);
      entries.set(table.getUint16(entry, this.#little), { type, count: values, place, at: at + countBytes + entry });
    }
    const next = word(table, count * entryBytes);
    const place = { number, little: this.#little, size: this.#file.size };
    const fields = new Fields(entries, place, (offset, length) => this.#bytes(offset, length, number));
    return await describePage(fields, { number, bigEndian: !this.#little, nextAt, next, size: this.#file.size });
  }
}

interface Entry {
  readonly type: number;
  readonly count: number;
  readonly place: number;
  readonly at: number;
}

/** The fields of one directory. */
class Fields {
  readonly #entries: ReadonlyMap<number, Entry>;
  readonly #number: number;
  readonly #little: boolean;
  readonly #size: number;
  readonly #read: (offset: number, length: number) => Promise<DataView>;

  constructor(
    entries: ReadonlyMap<number, Entry>,
    { number, little, size }: { number: number; little: boolean; size: number },
    read: (offset: number, length: number) => Promise<DataView>,
  ) {
    this.#size = size;
    this.#entries = entries;
    this.#number = number;
    this.#little = little;
    this.#read = read;
  }

  at(tag: number): number {
    return this.#entries.get(tag)?.at ?? -1;
  }

  async text(tag: number): Promise<string | null> {
    const entry = this.#entries.get(tag);
    // A text that was cut off is not worth the picture.
    if (entry?.type !== 2 || !(entry.place + entry.count <= this.#size)) return null;
    const view = await this.#read(entry.place, entry.count);
    return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).replace(/\0+$/, '');
  }

  /** Integers; `null` if the field is not there. */
  async numbers(tag: number): Promise<number[] | null> {
    const entry = this.#entries.get(tag);
    if (!entry) return null;
    const size = TYPE_BYTES[entry.type]!;
    const view = await this.#read(entry.place, entry.count * size);
    const get = READERS[entry.type];
    if (!get) throw bad(this.#number, `its field ${tag} has the type ${entry.type}; expected an integer`);
    return Array.from({ length: entry.count }, (_, i) => get(view, i * size, this.#little));
  }

  async number(tag: number, fallback?: number): Promise<number> {
    const values = await this.numbers(tag);
    if (!values?.length && fallback === undefined) throw bad(this.#number, `its field ${tag} is missing`);
    return values?.[0] ?? fallback!;
  }
}

const READERS: Record<number, (view: DataView, at: number, little: boolean) => number> = {
  1: (view, at) => view.getUint8(at),
  3: (view, at, little) => view.getUint16(at, little),
  4: (view, at, little) => view.getUint32(at, little),
  13: (view, at, little) => view.getUint32(at, little),
  16: (view, at, little) => Number(view.getBigUint64(at, little)),
};

/** Formats by channels, bits and sort of sample (1 integer, 3 float). */
const STORED: Record<string, PixelFormat> = {
  '1 8 1': 'gray',
  '1 16 1': 'gray16le',
  '1 32 3': 'grayf32le',
  '3 8 1': 'rgb24',
  '4 8 1': 'rgba',
  '3 16 1': 'rgb48le',
};

interface PagePlace {
  readonly number: number;
  readonly bigEndian: boolean;
  readonly nextAt: number;
  readonly next: number;
  readonly size: number;
}

async function describePage(fields: Fields, { number, bigEndian, nextAt, next, size }: PagePlace): Promise<TiffPage> {
  const width = await fields.number(TAGS.width);
  const height = await fields.number(TAGS.height);
  for (const side of [width, height])
    if (!(side >= 1 && side <= MAX_SIDE)) throw bad(number, `it has ${width}x${height} pixels; sides of 1 to ${MAX_SIDE} are read`);
  const channels = await fields.number(TAGS.samplesPerPixel, 1);
  const bits = (await fields.numbers(TAGS.bitsPerSample)) ?? [1];
  const sort = (await fields.number(TAGS.sampleFormat, 1)) === 3 ? 3 : 1;
  const stored = bits.every((each) => each === bits[0]) ? STORED[`${channels} ${bits[0]} ${sort}`] : undefined;
  if (!stored) {
    const sample = sort === 3 ? 'float' : 'integer';
    throw bad(
      number,
      `it has ${channels} channels of ${bits[0]} bits (${sample}); gray of 8, 16 and float 32, RGB of 8 and 16, RGBA of 8 are read`,
    );
  }
  const photometric = await fields.number(TAGS.photometric, 1);
  if (photometric > 2) throw bad(number, `its colours are of the sort ${photometric} (PhotometricInterpretation); gray and RGB are read`);
  const planar = await fields.number(TAGS.planar, 1);
  if (planar !== 1 && channels > 1) throw bad(number, 'its channels lie apart (PlanarConfiguration 2)');
  const compression = await fields.number(TAGS.compression, 1);
  const deflated = compression === COMPRESSION.deflate || compression === 32_946;
  if (!deflated && compression !== COMPRESSION.none) {
    throw bad(number, `it is compressed (Compression ${compression}); uncompressed and deflate are read`);
  }
  const predictor = await fields.number(TAGS.predictor, 1);
  if (predictor > 2 || (predictor === 2 && sort === 3)) throw bad(number, `its predictor ${predictor} is not read`);

  const tiled = fields.at(TAGS.tileWidth) >= 0;
  const pieceWidth = tiled ? await fields.number(TAGS.tileWidth) : width;
  const pieceHeight = Math.min(tiled ? await fields.number(323) : await fields.number(TAGS.rowsPerStrip, height), tiled ? 65_535 : height);
  if (!(pieceWidth >= 1 && pieceWidth <= 2 * MAX_SIDE && pieceHeight >= 1)) throw bad(number, 'its strips or tiles have no size');
  const offsets = (await fields.numbers(tiled ? 324 : TAGS.stripOffsets)) ?? [];
  const counts = (await fields.numbers(tiled ? 325 : TAGS.stripByteCounts)) ?? [];
  const wanted = Math.ceil(width / pieceWidth) * Math.ceil(height / pieceHeight);
  if (offsets.length !== wanted || counts.length !== wanted) {
    throw bad(number, `it has ${offsets.length} strips or tiles with ${counts.length} lengths; expected ${wanted}`);
  }
  const pieces = offsets.map((offset, i) => ({ offset, bytes: counts[i]! }));
  let end = 0;
  for (const piece of pieces) {
    end = Math.max(end, piece.offset + piece.bytes);
    if (!(end <= size)) throw bad(number, 'its pixels run over the end of the file');
  }
  const identity = readIdentity(await fields.text(TAGS.identity), stored);
  const descriptionAt = fields.at(TAGS.description);
  return {
    format: identity?.format ?? stored,
    width,
    height,
    pieces,
    pieceWidth,
    pieceHeight,
    deflated,
    predictor: predictor === 2,
    inverted: photometric === 0 && sort === 1,
    bigEndian,
    description: await fields.text(TAGS.description),
    identity,
    nextAt,
    next,
    end,
    descriptionAt: descriptionAt < 0 ? -1 : descriptionAt + 4,
  };
}

/** What a page of ours says of its frame; anything else there is not for us. */
function readIdentity(text: string | null, stored: PixelFormat): PageIdentity | null {
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { id, timestamp, format, significantBits } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(id) || !Number.isSafeInteger(timestamp) || (timestamp as number) < 0) return null;
  const mosaic = format === 'bayer_rggb16le' && stored === 'gray16le';
  const depth = FORMATS[stored].depth;
  const bits = Number.isInteger(significantBits) && (significantBits as number) >= 0 && (significantBits as number) <= depth;
  return {
    id: id as number,
    timestamp: timestamp as number,
    format: mosaic ? 'bayer_rggb16le' : stored,
    significantBits: bits ? (significantBits as number) : 0,
  };
}

/** ImageJ writes large stacks with one directory: the pixels of the others follow those of the first. */
function* imageJPages(page: TiffPage, size: number): Generator<TiffPage> {
  const images = Number(/^images=(\d+)$/m.exec(page.description?.startsWith('ImageJ=') ? page.description : '')?.[1] ?? 1);
  const [piece] = page.pieces;
  if (page.deflated || page.pieces.length !== 1 || !piece) return;
  for (let i = 1; i < Math.min(images, MAX_PAGES); i++) {
    const offset = piece.offset + i * piece.bytes;
    if (offset + piece.bytes > size) return;
    yield { ...page, pieces: [{ offset, bytes: piece.bytes }], end: offset + piece.bytes };
  }
}

/**
 * The pixels of a page, tightly packed and little-endian, written into `out` (as long as `frameBytes` says). Throws `bad-picture`.
 */
export async function readPixels(file: TiffBytes, page: TiffPage, inflate: Inflate, out: Uint8Array): Promise<void> {
  const { width, height, pieceWidth, pieceHeight, pieces } = page;
  const { bytesPerPixel, depth } = FORMATS[page.format];
  const across = Math.ceil(width / pieceWidth);
  const tiled = across > 1 || pieceWidth !== width;
  const rowBytes = pieceWidth * bytesPerPixel;
  const total = frameBytes(page.format, width, height);
  for (const [i, { offset, bytes }] of pieces.entries()) {
    const left = (i % across) * pieceWidth;
    const top = Math.floor(i / across) * pieceHeight;
    // The last strip is as long as the rows that are left; tiles are whole.
    const rows = Math.min(pieceHeight, height - top);
    const expected = rowBytes * rows;
    const raw = await file.read(offset, bytes);
    let piece = raw;
    if (page.deflated) {
      try {
        piece = await inflate(raw, rowBytes * pieceHeight);
      } catch (error) {
        throw new SluiceError('bad-picture', `TIFF: deflated pixels cannot be read: ${error instanceof Error ? error.message : 'broken'}`);
      }
    }
    if (piece.length < expected) {
      throw new SluiceError('bad-picture', `TIFF: ${piece.length} bytes of pixels received; expected ${expected}`);
    }
    const target = tiled ? piece.slice(0, expected) : out.subarray(top * rowBytes, top * rowBytes + expected);
    if (!tiled) target.set(piece.subarray(0, expected));
    if (page.bigEndian && depth > 8) swap(target, depth / 8);
    if (page.predictor) undoPredictor(target, rowBytes, bytesPerPixel, depth);
    if (!tiled) continue;
    const used = Math.min(pieceWidth, width - left) * bytesPerPixel;
    for (let row = 0; row < rows; row++) {
      const to = ((top + row) * width + left) * bytesPerPixel;
      out.set(target.subarray(row * rowBytes, row * rowBytes + used), to);
    }
  }
  if (page.inverted) for (let i = 0; i < total; i++) out[i] = 255 - out[i]!;
}

function swap(bytes: Uint8Array, size: number): void {
  for (let at = 0; at + size <= bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** TIFF 6.0 section 14: each sample is the difference to the one of the pixel before. */
function undoPredictor(bytes: Uint8Array, rowBytes: number, pixelBytes: number, depth: number): void {
  for (let row = 0; row < bytes.length; row += rowBytes) {
    if (depth === 8) for (let at = row + pixelBytes; at < row + rowBytes; at++) bytes[at] = (bytes[at]! + bytes[at - pixelBytes]!) & 255;
    else {
      for (let at = row + pixelBytes; at + 1 < row + rowBytes; at += 2) {
        const before = bytes[at - pixelBytes]! | (bytes[at - pixelBytes + 1]! << 8);
        const value = (bytes[at]! | (bytes[at + 1]! << 8)) + before;
        bytes[at] = value & 255;
        bytes[at + 1] = (value >> 8) & 255;
      }
    }
  }
}

function bad(page: number, reason: string): SluiceError {
  return new SluiceError('bad-picture', `TIFF: page ${page + 1} cannot be read: ${reason}`, { field: 'file', received: page + 1 });
}
