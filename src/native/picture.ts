// Single pictures in the forms that people send and ask for: decoding of pushed JPEG, PNG and npy; snapshots as JPEG, PNG, npy, TIFF.
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import {
  AV_CODEC_ID_PNG,
  AV_LOG_QUIET,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_GRAY16BE,
  AV_PIX_FMT_MONOBLACK,
  AV_PIX_FMT_PAL8,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_RGB48BE,
  AV_PIX_FMT_RGBA,
  AV_PIX_FMT_RGBA64BE,
  AV_PIX_FMT_YA8,
  AV_PIX_FMT_YA16BE,
} from 'node-av/constants';
import { Codec, CodecContext, Dictionary, FFmpegError, Frame, Log, Packet } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, type Picture, type PixelFormat } from '../core/frame.ts';
import { formatMicros } from '../core/time.ts';
import type { ViewSettings } from '../core/view.ts';
import type { Identity } from '../formats/identity.ts';
import { insertJpegIdentity } from '../formats/jpeg-segment.ts';
import { isNpy, NPY_CONTENT_TYPE, npyToPicture, writeNpy } from '../formats/npy.ts';
import { encodePng, readPngHeader } from '../formats/png.ts';
import { encodeTiff } from '../formats/tiff.ts';
import { ToneMap } from '../formats/tone.ts';
import { toPacked } from './convert.ts';
import { checkPictureSize, decodeJpeg, encodeJpeg } from './jpeg.ts';

// FFmpeg writes each fault of a foreign picture to standard error; here it becomes an error of its own.
Log.setLevel(AV_LOG_QUIET);

/** Content types that `decodePicture` knows. */
export const PICTURE_CONTENT_TYPES = ['image/jpeg', 'image/png', NPY_CONTENT_TYPE];

/**
 * Decodes a pushed picture: JPEG to gray or rgb24; PNG to gray, rgb24, rgba, gray16le or rgb48le; npy as `npyToPicture`. The first
 * bytes decide, then `contentType`. The result may be a view of `bytes`. The size is checked before decoding: sides up to 16384, at
 * most `maxBytes` of pixels. Throws `bad-picture`, `bad-frame`, `frame-too-large` or `unsupported-media-type`.
 */
export async function decodePicture(bytes: Uint8Array, contentType: string, maxBytes = Number.POSITIVE_INFINITY): Promise<Picture> {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (isNpy(bytes) || type === NPY_CONTENT_TYPE) {
    const picture = npyToPicture(bytes);
    checkPictureSize('npy', picture.format, picture.width, picture.height, maxBytes);
    return picture;
  }
  const png = readPngHeader(bytes) !== null;
  const jpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (png || (type === 'image/png' && !jpeg)) return decodePng(bytes, maxBytes);
  if (jpeg || type === 'image/jpeg' || type === 'image/jpg') return decodeJpeg(bytes, maxBytes);
  throw new SluiceError(
    'unsupported-media-type',
    `content type ${contentType || '(none)'} received; expected ${PICTURE_CONTENT_TYPES.join(', ')}`,
    {
      received: contentType,
      allowed: PICTURE_CONTENT_TYPES,
    },
  );
}

/** Format of a decoded PNG by its colour type, before the decoder says it exactly. */
const PNG_FORMATS: Record<number, { 8: PixelFormat; 16: PixelFormat }> = {
  0: { 8: 'gray', 16: 'gray16le' },
  2: { 8: 'rgb24', 16: 'rgb48le' },
  3: { 8: 'rgba', 16: 'rgba' },
  4: { 8: 'gray', 16: 'gray16le' },
  6: { 8: 'rgba', 16: 'rgb48le' },
};

async function decodePng(bytes: Uint8Array, maxBytes: number): Promise<Picture> {
  const header = readPngHeader(bytes);
  const formats = header && PNG_FORMATS[header.colour];
  if (!header || !formats)
    throw new SluiceError('bad-picture', `${bytes.length} bytes received that are not a PNG; expected its signature and IHDR`);
  checkPictureSize('PNG', formats[header.depth === 16 ? 16 : 8], header.width, header.height, maxBytes);
  const picture = await decodeByFfmpeg(bytes);
  if (picture.width !== header.width || picture.height !== header.height) throw badPng(bytes, 'its size changes');
  return picture;
}

function badPng(bytes: Uint8Array, reason: string): SluiceError {
  return new SluiceError('bad-picture', `PNG of ${bytes.length} bytes cannot be decoded: ${reason}`);
}

/** FFmpeg's decoder, on libuv's pool. Each picture has a context of its own: two calls at once on one context never end. */
async function decodeByFfmpeg(bytes: Uint8Array): Promise<Picture> {
  const codec = Codec.findDecoder(AV_CODEC_ID_PNG);
  if (!codec) throw new SluiceError('unavailable', 'This FFmpeg has no PNG decoder.');
  using context = new CodecContext();
  using packet = new Packet();
  using frame = new Frame();
  context.allocContext3(codec);
  const check = (result: number) => {
    if (result < 0) throw badPng(bytes, new FFmpegError(result).message);
  };
  // A damaged picture is an error, not half a picture.
  check(await context.open2(codec, Dictionary.fromObject({ err_detect: 'crccheck+bitstream+buffer+explode', threads: '1' })));
  packet.alloc();
  frame.alloc();
  packet.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  check(await context.sendPacket(packet));
  check(await context.sendPacket(null));
  check(await context.receiveFrame(frame));
  // A copy without padding: FFmpeg's own memory goes with the frame.
  return fromFfmpeg(frame, bytes);
}

function fromFfmpeg(frame: Frame, bytes: Uint8Array): Picture {
  const { width, height } = frame;
  const data = frame.toBuffer();
  const picture = (format: PixelFormat, pixels: Uint8Array): Picture => ({
    format,
    width,
    height,
    // Not a Buffer: its `slice` does not copy.
    data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength),
  });
  switch (frame.format) {
    case AV_PIX_FMT_GRAY8:
      return picture('gray', data);
    case AV_PIX_FMT_RGB24:
      return picture('rgb24', data);
    case AV_PIX_FMT_RGBA:
      return picture('rgba', data);
    case AV_PIX_FMT_GRAY16BE:
      return picture('gray16le', data.swap16());
    case AV_PIX_FMT_RGB48BE:
      return picture('rgb48le', data.swap16());
    case AV_PIX_FMT_RGBA64BE:
      return picture('rgb48le', take(data.swap16(), 6, 8));
    case AV_PIX_FMT_YA8:
      return picture('gray', take(data, 1, 2));
    case AV_PIX_FMT_YA16BE:
      return picture('gray16le', take(data.swap16(), 2, 4));
    case AV_PIX_FMT_PAL8:
      return fromPalette(data, width, height);
    case AV_PIX_FMT_MONOBLACK:
      return picture('gray', fromBits(data, width, height));
    default:
      throw badPng(bytes, `FFmpeg pixel format ${frame.format} is not handled`);
  }
}

/** The first `keep` bytes of each group of `size`. */
function take(data: Uint8Array, keep: number, size: number): Uint8Array {
  const out = new Uint8Array((data.length / size) * keep);
  for (let from = 0, to = 0; from < data.length; from += size) for (let i = 0; i < keep; i++) out[to++] = data[from + i]!;
  return out;
}

/** Indices, then 256 colours as B, G, R, A: rgb24, or rgba if a colour in use is not opaque. */
function fromPalette(data: Uint8Array, width: number, height: number): Picture {
  const indices = data.subarray(0, width * height);
  const colours = data.subarray(width * height);
  const transparent = indices.some((index) => colours[index * 4 + 3] !== 255);
  const size = transparent ? 4 : 3;
  const out = new Uint8Array(indices.length * size);
  for (let i = 0, to = 0; i < indices.length; i++, to += size) {
    const at = indices[i]! * 4;
    out[to] = colours[at + 2]!;
    out[to + 1] = colours[at + 1]!;
    out[to + 2] = colours[at]!;
    if (transparent) out[to + 3] = colours[at + 3]!;
  }
  return { format: transparent ? 'rgba' : 'rgb24', width, height, data: out };
}

function fromBits(data: Uint8Array, width: number, height: number): Uint8Array {
  const row = (width + 7) >> 3;
  const out = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out[to++] = (data[y * row + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 255 : 0;
  }
  return out;
}

/** Kinds of snapshots, by file extension. */
export const SNAPSHOT_TYPES = ['jpg', 'png', 'npy', 'tiff'] as const;

export type SnapshotType = (typeof SNAPSHOT_TYPES)[number];

export interface Snapshot {
  readonly body: Uint8Array;
  readonly contentType: string;
}

export interface SnapshotOptions {
  /** Of JPEG, 1 to 100; 90 if left out. */
  readonly quality?: number;
  /** How a deep picture becomes a JPEG. */
  readonly view?: ViewSettings;
  /** µm, into TIFF. */
  readonly pixelSize?: number | undefined;
}

/**
 * Encodes a picture with its identity inside: JPEG in an APP9 segment, PNG and TIFF as JSON text; npy has no room for it. PNG, npy and
 * TIFF keep the full depth; only float to PNG must become 16 bits (its text `Sluice-Range` says from which values). yuv420p and nv12
 * become RGB. Compression runs on libuv's pool; `picture.data` must not change before the promise has settled. Throws `bad-value`.
 */
export async function encodeSnapshot(
  picture: Picture,
  identity: Identity,
  type: SnapshotType,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const packed = toPacked(picture);
  switch (type) {
    case 'jpg': {
      const tone = new ToneMap();
      if (options.view) tone.view = options.view;
      const shown = tone.map(packed);
      const jpeg = await encodeJpeg(shown, options.quality ?? 90);
      return { body: insertJpegIdentity(jpeg, identity), contentType: 'image/jpeg' };
    }
    case 'png': {
      const { shown, text } = forPng(packed);
      const body = await encodePng(shown, {
        deflate: (raw) => deflated(raw, { level: 3 }),
        crc32: (bytes, start) => crc32(bytes, start),
        text: { Sluice: identityText(identity), 'Creation Time': formatMicros(identity.timestamp), ...text },
      });
      return { body, contentType: 'image/png' };
    }
    case 'npy':
      return { body: writeNpy(packed), contentType: NPY_CONTENT_TYPE };
    case 'tiff':
      return { body: encodeTiff(packed, identityText(identity), options.pixelSize ?? null), contentType: 'image/tiff' };
  }
}

const deflated: (raw: Uint8Array, options: { level: number }) => Promise<Buffer> = promisify(deflate);

/** The identity as JSON, for formats that keep text. */
export function identityText({ id, timestamp, pts, repeat }: Identity): string {
  return JSON.stringify({ id, timestamp, pts, repeat });
}

/** PNG has no floats: they are spread over 16 bits, 0 to 1 as it is, other pictures from their least to their largest value. */
function forPng(picture: Picture): { shown: Picture; text: Record<string, string> } {
  if (FORMATS[picture.format].depth !== 32) return { shown: picture, text: {} };
  const values = new Float32Array(
    new Uint8Array(picture.data.subarray(0, frameBytes(picture.format, picture.width, picture.height))).buffer,
  );
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    // Finite numbers only.
    if (value - value !== 0) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const own = least < most && (least < 0 || most > 1);
  const low = own ? least : 0;
  const high = own ? most : 1;
  const out = new Uint16Array(values.length);
  const scale = 65_535 / (high - low);
  // NaN becomes 0.
  for (let i = 0; i < values.length; i++) out[i] = Math.min(65_535, Math.max(0, (values[i]! - low) * scale + 0.5));
  return {
    shown: { format: 'gray16le', width: picture.width, height: picture.height, data: new Uint8Array(out.buffer) },
    text: { 'Sluice-Range': JSON.stringify({ low, high }) },
  };
}
