// The SLF1 frame header (CONTRACT "Frame header"): one picture with its geometry, identity and metadata as a binary message, and the
// same one after the other in a chunked body. Little-endian.
import { SluiceError } from '../core/errors.ts';
import { FORMAT_NAMES, FORMATS, MAX_SIDE, type PixelFormat } from '../core/frame.ts';
import { checkRaw, rowBytes } from './raw.ts';

/** Content type of a sequence of SLF1 frames in one body. */
export const FRAMES_CONTENT_TYPE = 'application/x-sluice-frames';

/** Bytes of a header without metadata. */
export const FRAME_HEADER_BYTES = 48;

/** Most bytes of metadata (JSON). */
export const MAX_METADATA_BYTES = 65_480;

/** How the payload is encoded, in the order of its number in the header. */
export const ENCODINGS = ['raw', 'jpeg', 'png', 'lz4', 'zstd'] as const;

export type FrameEncoding = (typeof ENCODINGS)[number];

export interface FrameHeader {
  /** Offset of the payload in the message: 48 + metadata, padded to 8. */
  readonly headerBytes: number;
  readonly encoding: FrameEncoding;
  /** The 16-bit payload was filtered (delta, zigzag, byte shuffle) before lz4 or zstd. */
  readonly filtered: boolean;
  readonly format: PixelFormat;
  /** Pixels; 0 in a JPEG or PNG whose own size counts. */
  readonly width: number;
  readonly height: number;
  /** Bytes from row to row; in raw frames never 0 after reading. */
  readonly stride: number;
  readonly payloadBytes: number;
  /** 0 = none. */
  readonly id: number;
  /** Capture time in µs UTC, 0 = none. Any safe integer: `parseTimestamp` says whether it is plausible. */
  readonly timestamp: number;
  readonly metadata: Record<string, unknown> | null;
  /** Bits of a sample that carry signal; 0 = all. */
  readonly significantBits: number;
  readonly flags: number;
}

/** What `writeFrameHeader` takes: left out are raw, unfiltered, tight rows, no id, no time, no metadata, all bits. */
export type FrameHeaderFields = Pick<FrameHeader, 'format' | 'width' | 'height' | 'payloadBytes'> &
  Partial<Omit<FrameHeader, 'headerBytes'>>;

const MAGIC = [0x53, 0x4c, 0x46, 0x31]; // "SLF1"
const FILTERED = 0x80;

function refuse(field: string, received: unknown, allowed: string): SluiceError {
  return new SluiceError('bad-frame', `frame header ${field}: ${String(received)} received; expected ${allowed}`, {
    field,
    received,
    allowed,
  });
}

function checkMagic(bytes: Uint8Array): void {
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return;
  const received = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw refuse('magic', received, '53 4c 46 31 ("SLF1")');
}

/**
 * Reads the header at the start of `bytes` (the payload need not be there yet). Throws `bad-frame`, which names the field, what was
 * received and what is allowed.
 */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.length < FRAME_HEADER_BYTES) throw refuse('length', bytes.length, `at least ${FRAME_HEADER_BYTES} bytes`);
  checkMagic(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint16(4, true);
  const metadataBytes = view.getUint32(40, true);
  if (metadataBytes > MAX_METADATA_BYTES) throw refuse('metadata bytes', metadataBytes, `at most ${MAX_METADATA_BYTES}`);
  if (headerBytes % 8 !== 0 || headerBytes < FRAME_HEADER_BYTES + metadataBytes) {
    throw refuse('header bytes', headerBytes, `a multiple of 8, at least ${pad8(FRAME_HEADER_BYTES + metadataBytes)}`);
  }
  if (bytes.length < headerBytes) throw refuse('header bytes', headerBytes, `at most the ${bytes.length} bytes of the message`);

  const filtered = (view.getUint8(6) & FILTERED) !== 0;
  const encoding = ENCODINGS[view.getUint8(6) & ~FILTERED];
  if (!encoding) throw refuse('encoding', view.getUint8(6), '0 raw, 1 JPEG, 2 PNG, 3 LZ4, 4 Zstd (LZ4 and Zstd also + 128: filtered)');
  const format = FORMAT_NAMES[view.getUint8(7)];
  if (!format) throw refuse('format', view.getUint8(7), FORMAT_NAMES.map((name) => `${FORMATS[name].wire} ${name}`).join(', '));
  if (filtered && !((encoding === 'lz4' || encoding === 'zstd') && FORMATS[format].depth === 16)) {
    throw refuse('encoding', view.getUint8(6), `the filter bit (128) only with LZ4 or Zstd and 16-bit samples, not ${encoding} ${format}`);
  }

  // JPEG and PNG carry their own size, so a sender need not know it.
  const least = encoding === 'jpeg' || encoding === 'png' ? 0 : 1;
  const width = side(view.getUint32(8, true), 'width', least);
  const height = side(view.getUint32(12, true), 'height', least);
  const payloadBytes = view.getUint32(20, true);
  let stride = view.getUint32(16, true);
  if (encoding === 'raw') stride = checkRaw(payloadBytes, format, width, height, stride);
  else if (stride !== 0 && stride < rowBytes(format, width)) throw refuse('stride', stride, `0 or at least ${rowBytes(format, width)}`);
  if (payloadBytes === 0) throw refuse('payload bytes', 0, 'at least 1');

  const significantBits = view.getUint16(44, true);
  if (significantBits > FORMATS[format].depth)
    throw refuse('significant bits', significantBits, `0 to ${FORMATS[format].depth} (${format})`);
  return {
    headerBytes,
    encoding,
    filtered,
    format,
    width,
    height,
    stride,
    payloadBytes,
    id: safe(view.getBigUint64(24, true), 'frame id'),
    timestamp: safe(view.getBigInt64(32, true), 'capture time'),
    metadata: metadataBytes ? readMetadata(bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + metadataBytes)) : null,
    significantBits,
    flags: view.getUint16(46, true),
  };
}

function side(value: number, field: string, least: number): number {
  if (value >= least && value <= MAX_SIDE) return value;
  throw refuse(field, value, `${least} to ${MAX_SIDE} pixels`);
}

function safe(value: bigint, field: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw refuse(field, value.toString(), 'an integer below 2^53');
}

function readMetadata(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw refuse('metadata', `text that is not JSON (${error instanceof Error ? error.message : 'unreadable'})`, 'a JSON object in UTF-8');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw refuse('metadata', Array.isArray(value) ? 'an array' : JSON.stringify(value).slice(0, 40), 'a JSON object');
  }
  return value as Record<string, unknown>;
}

function pad8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/**
 * Writes a header without the payload; the message is both one after the other. Throws `bad-frame` for metadata above 65,480 bytes;
 * other fields are the caller's promise.
 */
export function writeFrameHeader(fields: FrameHeaderFields): Uint8Array {
  const metadata = fields.metadata ? new TextEncoder().encode(JSON.stringify(fields.metadata)) : new Uint8Array(0);
  if (metadata.length > MAX_METADATA_BYTES) throw refuse('metadata bytes', metadata.length, `at most ${MAX_METADATA_BYTES}`);
  const encoding = fields.encoding ?? 'raw';
  const header = new Uint8Array(pad8(FRAME_HEADER_BYTES + metadata.length));
  const view = new DataView(header.buffer);
  header.set(MAGIC);
  view.setUint16(4, header.length, true);
  view.setUint8(6, ENCODINGS.indexOf(encoding) | (fields.filtered ? FILTERED : 0));
  view.setUint8(7, FORMATS[fields.format].wire);
  view.setUint32(8, fields.width, true);
  view.setUint32(12, fields.height, true);
  view.setUint32(16, fields.stride ?? rowBytes(fields.format, fields.width), true);
  view.setUint32(20, fields.payloadBytes, true);
  view.setBigUint64(24, BigInt(fields.id ?? 0), true);
  view.setBigInt64(32, BigInt(fields.timestamp ?? 0), true);
  view.setUint32(40, metadata.length, true);
  view.setUint16(44, fields.significantBits ?? 0, true);
  view.setUint16(46, fields.flags ?? 0, true);
  header.set(metadata, FRAME_HEADER_BYTES);
  return header;
}

/** A whole message: header and payload, which is `payloadBytes` long. Throws as `writeFrameHeader`. */
export function writeFrame(fields: Omit<FrameHeaderFields, 'payloadBytes'>, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = writeFrameHeader({ ...fields, payloadBytes: payload.length });
  const message = new Uint8Array(header.length + payload.length);
  message.set(header);
  message.set(payload, header.length);
  return message;
}

/** One frame of a chunked body. */
export interface SplitFrame {
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
}

export interface FrameSplitterOptions {
  /** Largest payload of one frame in bytes; more is refused (`frame-too-large`) before memory is made. */
  readonly maxFrameBytes: number;
  /** Memory for a payload that arrives in pieces, exactly this long; its content need not be zero. */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** Cuts a chunked body (`application/x-sluice-frames`) into its frames. Holds at most one frame; after an error it is of no more use. */
export class FrameSplitter {
  readonly #max: number;
  readonly #allocate: (bytes: number) => Uint8Array;
  /** Start of a header, until it is whole. */
  #head: Uint8Array = new Uint8Array(FRAME_HEADER_BYTES);
  #headFilled = 0;
  #header: FrameHeader | undefined;
  #payload: Uint8Array = new Uint8Array(0);
  #filled = 0;
  /** A broken frame behind whole ones: told when those have been taken. */
  #broken: unknown;

  constructor(options: FrameSplitterOptions) {
    this.#max = options.maxFrameBytes;
    this.#allocate = options.allocate ?? ((bytes) => new Uint8Array(bytes));
  }

  /**
   * The frames that this chunk completes. A payload that lies whole inside the chunk is a view of it: use it before the chunk's memory
   * is used again. Throws `bad-frame` or `frame-too-large`; if whole frames come before the broken one, the next call does.
   */
  push(chunk: Uint8Array): SplitFrame[] {
    if (this.#broken) throw this.#broken;
    const frames: SplitFrame[] = [];
    try {
      this.#cut(chunk, frames);
    } catch (error) {
      if (frames.length === 0) throw error;
      this.#broken = error;
    }
    return frames;
  }

  #cut(chunk: Uint8Array, frames: SplitFrame[]): void {
    let at = 0;
    while (at < chunk.length) {
      if (!this.#header) {
        at += this.#takeHeader(chunk.subarray(at));
        continue;
      }
      const header = this.#header;
      const rest = header.payloadBytes - this.#filled;
      if (this.#filled === 0 && chunk.length - at >= rest) {
        frames.push({ header, payload: chunk.subarray(at, at + rest) });
        at += rest;
        this.#header = undefined;
        continue;
      }
      if (this.#filled === 0) this.#payload = this.#allocate(header.payloadBytes);
      const piece = chunk.subarray(at, at + rest);
      this.#payload.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled < header.payloadBytes) continue;
      frames.push({ header, payload: this.#payload });
      this.#header = undefined;
      this.#payload = new Uint8Array(0);
      this.#filled = 0;
    }
  }

  /** Call it at the end of the body: throws `bad-frame` if it ended inside a frame. */
  finish(): void {
    if (this.#broken) throw this.#broken;
    if (this.#header) throw refuse('payload', `the end of the body after ${this.#filled} bytes`, `${this.#header.payloadBytes} bytes`);
    if (this.#headFilled > 0)
      throw refuse('length', `the end of the body after ${this.#headFilled} bytes`, `at least ${FRAME_HEADER_BYTES} bytes`);
  }

  /** Takes bytes of the header from the chunk; gives how many. */
  #takeHeader(chunk: Uint8Array): number {
    const piece = chunk.subarray(0, this.#head.length - this.#headFilled);
    this.#head.set(piece, this.#headFilled);
    this.#headFilled += piece.length;
    if (this.#headFilled < this.#head.length) return piece.length;
    if (this.#head.length === FRAME_HEADER_BYTES) {
      checkMagic(this.#head);
      const headerBytes = this.#head[4]! | (this.#head[5]! << 8);
      if (headerBytes > FRAME_HEADER_BYTES) {
        const whole = new Uint8Array(headerBytes);
        whole.set(this.#head);
        this.#head = whole;
        return piece.length;
      }
    }
    const header = readFrameHeader(this.#head);
    if (header.payloadBytes > this.#max) {
      throw new SluiceError('frame-too-large', `payload bytes: ${header.payloadBytes} received; at most ${this.#max} are taken`, {
        field: 'payload bytes',
        received: header.payloadBytes,
        allowed: { maximum: this.#max },
      });
    }
    this.#header = header;
    this.#head = new Uint8Array(FRAME_HEADER_BYTES);
    this.#headFilled = 0;
    return piece.length;
  }
}
