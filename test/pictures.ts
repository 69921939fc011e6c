// One picture in every form that people push, made without the program's own encoders where that is possible.
import { PNG } from 'pngjs';
import { encodeJpegSync } from '../src/native/jpeg.ts';

/** 8-bit RGB, rows without padding. */
export interface Reference {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** A picture in one form. */
export interface Form {
  readonly name: string;
  /** Pixel format of raw bytes; `null` where the bytes say it themselves. */
  readonly format: string | null;
  readonly contentType: string;
  readonly data: Uint8Array;
}

function reference(width: number, height: number, at: (x: number, y: number) => readonly [number, number, number]): Reference {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i += 3) rgb.set(at(x, y).map(Math.round), i);
  return { width, height, rgb };
}

/** Gray waves from black to white. */
export function grayPicture(width: number, height: number): Reference {
  return reference(width, height, (x, y) => {
    const value = 127.5 + 127.5 * Math.sin(x / 9 + y / 14);
    return [value, value, value];
  });
}

/** Colours that change so slowly that halved chroma does not matter, and differ in each channel. */
export function colourPicture(width: number, height: number): Reference {
  return reference(width, height, (x, y) => [30 + x, 225 - y, 128 + (x - y) / 2]);
}

/** The gray picture as arrays and formats without colour. */
export function grayForms(picture: Reference): Form[] {
  const { width, height, rgb } = picture;
  const gray = Uint8Array.from({ length: width * height }, (_, i) => rgb[i * 3]!);
  const deep = Uint16Array.from(gray, (value) => value * 257);
  const float = Float32Array.from(gray, (value) => value / 255);
  const shape = [height, width];
  return [
    raw('gray', gray),
    raw('gray16le', bytesOf(deep)),
    raw('grayf32le', bytesOf(float)),
    npy('npy uint8', '|u1', shape, gray),
    npy('npy uint8 (H, W, 1)', '|u1', [...shape, 1], gray),
    npy('npy uint8 Fortran', '|u1', shape, transposed(gray, width, height), true),
    npy('npy uint16', '<u2', shape, bytesOf(deep)),
    npy('npy uint16 big-endian', '>u2', shape, Buffer.from(bytesOf(deep)).swap16()),
    npy('npy uint16 Fortran', '<u2', shape, bytesOf(transposed(deep, width, height)), true),
    npy('npy float32', '<f4', shape, bytesOf(float)),
    npy('npy float32 Fortran', '<f4', shape, bytesOf(transposed(float, width, height)), true),
    npy('npy float64', '<f8', shape, bytesOf(Float64Array.from(gray, (value) => value / 255))),
    png('PNG gray', { width, height, colorType: 0, data: gray }),
  ];
}

/** A picture as formats with colour. */
export function colourForms(picture: Reference): Form[] {
  const { width, height, rgb } = picture;
  const bgr = rgb.map((_, i) => rgb[i - (i % 3) + 2 - (i % 3)]!);
  const rgba = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : rgb[Math.floor(i / 4) * 3 + (i % 4)]!));
  const deep = bytesOf(Uint16Array.from(rgb, (value) => value * 257));
  const { y, u, v } = toYuv(picture);
  const uv = Uint8Array.from({ length: u.length * 2 }, (_, i) => (i % 2 ? v : u)[i >> 1]!);
  const shape = [height, width, 3];
  return [
    raw('rgb24', rgb),
    raw('bgr24', bgr),
    raw('rgba', rgba),
    raw('rgb48le', deep),
    raw('yuv420p', Buffer.concat([y, u, v])),
    raw('nv12', Buffer.concat([y, uv])),
    npy('npy uint8 colour', '|u1', shape, rgb),
    npy('npy uint16 colour', '<u2', shape, deep),
    npy('npy float32 colour', '<f4', shape, bytesOf(Float32Array.from(rgb, (value) => value / 255))),
    png('PNG', { width, height, colorType: 2, data: rgb }),
    png('PNG with alpha', { width, height, colorType: 6, data: rgba }),
    {
      name: 'JPEG',
      format: null,
      contentType: 'image/jpeg',
      data: encodeJpegSync({ format: 'rgb24', width, height, data: rgb }, 92),
    },
  ];
}

function raw(format: string, data: Uint8Array): Form {
  return { name: format, format, contentType: 'application/octet-stream', data };
}

/** What numpy.save writes. */
export function npy(name: string, descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Form {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.join(', ')},), }`;
  const header = `${text.padEnd(118 - 1)}\n`;
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  return { name, format: null, contentType: 'application/x-npy', data: Buffer.concat([start, Buffer.from(header, 'latin1'), data]) };
}

function png(name: string, image: { width: number; height: number; colorType: 0 | 2 | 6; data: Uint8Array }): Form {
  const { width, height, colorType, data } = image;
  const made = new PNG({ width, height });
  made.data = Buffer.from(data);
  const encoded = PNG.sync.write(made, { colorType, inputColorType: colorType, inputHasAlpha: colorType === 6 });
  return { name, format: null, contentType: 'image/png', data: encoded };
}

function bytesOf(values: Uint16Array | Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function transposed<T extends Uint8Array | Uint16Array | Float32Array>(values: T, width: number, height: number): T {
  const out = values.slice() as T;
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) out[x * height + y] = values[i]!;
  return out;
}

/** ITU-R BT.601, limited range; chroma is the mean of its 2x2 pixels, and of fewer at an odd edge. */
function toYuv({ width, height, rgb }: Reference): { y: Uint8Array; u: Uint8Array; v: Uint8Array } {
  const y = new Uint8Array(width * height);
  const columns = Math.ceil(width / 2);
  const sums = Array.from({ length: columns * Math.ceil(height / 2) }, () => ({ u: 0, v: 0, count: 0 }));
  for (let i = 0; i < y.length; i++) {
    const [r, g, b] = [rgb[i * 3]! / 255, rgb[i * 3 + 1]! / 255, rgb[i * 3 + 2]! / 255];
    const light = 0.299 * r + 0.587 * g + 0.114 * b;
    y[i] = Math.round(16 + 219 * light);
    const sum = sums[(Math.floor(i / width) >> 1) * columns + ((i % width) >> 1)]!;
    sum.u += (b - light) / 1.772;
    sum.v += (r - light) / 1.402;
    sum.count++;
  }
  const chroma = (key: 'u' | 'v') => Uint8Array.from(sums, (sum) => Math.round(128 + (224 * sum[key]) / sum.count));
  return { y, u: chroma('u'), v: chroma('v') };
}

/** A decoded picture as 8-bit RGB: what an eye compares. */
export function pngToRgb(bytes: Uint8Array): Reference {
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes));
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, to = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) rgb[to++] = data[i + c]!;
  return { width, height, rgb };
}

/** Mean difference in levels of 255; infinite for another size. */
export function meanDifference(a: Reference, b: Reference): number {
  if (a.width !== b.width || a.height !== b.height) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < a.rgb.length; i++) sum += Math.abs(a.rgb[i]! - b.rgb[i]!);
  return sum / a.rgb.length;
}
