// The frame that processors get: samples in the memory of the ring, conversions made on demand and once.
import { FORMATS, type FrameInfo, frameBytes, type PixelFormat } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import { toPacked } from '../native/convert.ts';
import type { Pixels, VideoFrame } from './define.ts';
import { Colours, fullScale, Levels } from './levels.ts';
import { Resampler } from './resample.ts';
import type { ChainFrame } from './session.ts';

/** Memory of converted pictures, used again from frame to frame: megabytes that are made anew for each frame cost more than the conversion. */
export class FrameMemory {
  readonly #free: ArrayBuffer[] = [];

  /** Exactly so many bytes, with anything in them. */
  take(bytes: number): ArrayBuffer {
    const at = this.#free.findIndex((buffer) => buffer.byteLength === bytes);
    return at < 0 ? new ArrayBuffer(bytes) : this.#free.splice(at, 1)[0]!;
  }

  give(buffer: ArrayBuffer): void {
    // Sizes change rarely; what was not asked for again goes first.
    if (this.#free.push(buffer) > 4) this.#free.shift();
  }
}

/** Bytes as samples of the format; copied only where they are not aligned. */
export function samplesOf(format: PixelFormat, bytes: Uint8Array): Pixels {
  const { depth } = FORMATS[format];
  if (depth === 8) return bytes;
  const size = depth >> 3;
  const even = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const count = Math.floor(even.byteLength / size);
  return depth === 16 ? new Uint16Array(even.buffer, even.byteOffset, count) : new Float32Array(even.buffer, even.byteOffset, count);
}

/** Samples as bytes, without a copy. */
export function bytesOf(pixels: Pixels): Uint8Array {
  return pixels instanceof Uint8Array ? pixels : new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
}

/** Rows, columns, samples per pixel, as NumPy would have it; planar 4:2:0 of an odd size has no rows of one width and is (samples). */
export function shapeOf(format: PixelFormat, width: number, height: number): readonly number[] {
  const { bytesPerPixel, channels } = FORMATS[format];
  if (bytesPerPixel === 0) return width % 2 || height % 2 ? [frameBytes(format, width, height)] : [(height * 3) / 2, width];
  return channels === 1 ? [height, width] : [height, width, channels];
}

type TensorOptions = NonNullable<Parameters<VideoFrame['tensor']>[0]>;

/** A frame of the chain as handlers see it. */
export class LentVideoFrame implements VideoFrame {
  readonly #frame: Pick<ChainFrame, 'info' | 'metadata' | 'input' | 'edit'>;
  readonly #memory: FrameMemory;
  readonly #taken: ArrayBuffer[] = [];
  #pixels: Pixels | null = null;
  #edited: Pixels | null = null;
  #rgb: Uint8Array | null = null;

  /** `memory` is kept by whoever makes the frames, and calls `release`. */
  constructor(frame: Pick<ChainFrame, 'info' | 'metadata' | 'input' | 'edit'>, memory = new FrameMemory()) {
    this.#frame = frame;
    this.#memory = memory;
  }

  get info(): FrameInfo {
    return this.#frame.info;
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.#frame.metadata;
  }

  get id(): number {
    return this.info.id;
  }

  get timestamp(): Micros {
    return this.info.timestamp;
  }

  get received(): Micros {
    return this.info.received;
  }

  get width(): number {
    return this.info.width;
  }

  get height(): number {
    return this.info.height;
  }

  get format(): PixelFormat {
    return this.info.format;
  }

  get shape(): readonly number[] {
    return shapeOf(this.info.format, this.info.width, this.info.height);
  }

  get pixels(): Pixels {
    this.#pixels ??= samplesOf(this.info.format, this.#frame.input);
    return this.#pixels;
  }

  /** Whether `edit` was called. */
  get edited(): boolean {
    return this.#edited !== null;
  }

  edit(): Pixels {
    this.#edited ??= samplesOf(this.info.format, this.#frame.edit());
    return this.#edited;
  }

  rgb(): Uint8Array {
    if (this.info.format === 'rgb24') return this.#frame.input;
    if (!this.#rgb) {
      this.#rgb = new Uint8Array(this.#take(this.info.width * this.info.height * 3));
      writeRgb(this.info, this.#frame.input, this.#rgb);
    }
    return this.#rgb;
  }

  tensor(options: TensorOptions = {}): Float32Array {
    const { width, height } = this.info;
    const channels = options.channels === 'gray' ? 1 : 3;
    const size = [options.width ?? width, options.height ?? height] as const;
    for (const side of size) if (!(Number.isInteger(side) && side >= 1)) throw new RangeError(`tensor: ${side} is not a size in pixels`);
    const out = new Float32Array(this.#take(size[0] * size[1] * channels * 4));
    writeTensor(this.info, this.#frame.input, out, { ...options, channels, width: size[0], height: size[1] });
    return out;
  }

  /** The handler has settled: what was converted is memory of the next frames. */
  release(): void {
    for (const buffer of this.#taken.splice(0)) this.#memory.give(buffer);
  }

  #take(bytes: number): ArrayBuffer {
    const buffer = this.#memory.take(bytes);
    this.#taken.push(buffer);
    return buffer;
  }
}

/** Any format as packed 8-bit RGB; `out` has width * height * 3 bytes. 16-bit samples are rounded, floats are taken as 0 to 1. */
export function writeRgb(info: FrameInfo, bytes: Uint8Array, out: Uint8Array): void {
  const { format, width, height } = info;
  const count = width * height;
  switch (format) {
    case 'rgb24':
      out.set(bytes);
      return;
    case 'bgr24':
      for (let p = 0; p < count * 3; p += 3) {
        out[p] = bytes[p + 2]!;
        out[p + 1] = bytes[p + 1]!;
        out[p + 2] = bytes[p]!;
      }
      return;
    case 'rgba':
      for (let i = 0, p = 0, to = 0; i < count; i++, p += 4, to += 3) {
        out[to] = bytes[p]!;
        out[to + 1] = bytes[p + 1]!;
        out[to + 2] = bytes[p + 2]!;
      }
      return;
    case 'gray':
      for (let i = 0, to = 0; i < count; i++, to += 3) {
        const value = bytes[i]!;
        out[to] = value;
        out[to + 1] = value;
        out[to + 2] = value;
      }
      return;
    case 'yuv420p':
    case 'nv12':
      toPacked({ format, width, height, data: bytes }, undefined, out);
      return;
    default: {
      const colours = new Colours({ info, pixels: bytes });
      const clamped = new Uint8ClampedArray(out.buffer, out.byteOffset, out.byteLength);
      for (let y = 0; y < height; y++) colours.row(clamped.subarray(y * width * 3, (y + 1) * width * 3), y, 0, 1);
    }
  }
}

interface TensorSpec extends Omit<TensorOptions, 'channels'> {
  readonly channels: 1 | 3;
  readonly width: number;
  readonly height: number;
}

function writeTensor(info: FrameInfo, bytes: Uint8Array, out: Float32Array, spec: TensorSpec): void {
  const { channels, width, height } = spec;
  const plane = width * height;
  const mean = [0, 1, 2].map((c) => spec.mean?.[c] ?? spec.mean?.[0] ?? 0);
  const std = [0, 1, 2].map((c) => spec.std?.[c] ?? spec.std?.[0] ?? 1);
  const read = unitRows(info, bytes, channels);
  const write = (row: Float32Array, y: number) => {
    for (let c = 0; c < channels; c++) {
      const [from, by] = [mean[c]!, std[c]!];
      const at = c * plane + y * width;
      for (let x = 0, p = c; x < width; x++, p += channels) out[at + x] = (row[p]! - from) / by;
    }
  };
  if (width !== info.width || height !== info.height) {
    new Resampler(info.width, info.height, width, height, channels).run(read, write);
    return;
  }
  const row = new Float32Array(width * channels);
  for (let y = 0; y < height; y++) {
    read(row, y);
    write(row, y);
  }
}

/** Shares of the full scale, by 8-bit value. */
const UNITS = new Float32Array(256).map((_, value) => value / 255);

/** Reads rows as numbers 0 to 1 (floats as they are). 16-bit samples keep their depth; 4:2:0 and mosaics come through 8 bits. */
function unitRows(info: FrameInfo, bytes: Uint8Array, channels: 1 | 3): (row: Float32Array, y: number) => void {
  const { format, width } = info;
  const source = { info, pixels: bytes };
  if (channels === 1 && format !== 'bayer_rggb16le') {
    const levels = new Levels(source);
    const full = fullScale(info);
    return (row, y) => {
      levels.row(row, y, 0, 1);
      // Luma beyond the limited range is black and white, as in RGB.
      if (format !== 'grayf32le') for (let i = 0; i < row.length; i++) row[i] = Math.min(1, Math.max(0, row[i]! / full));
    };
  }
  if (format === 'rgb48le') {
    const samples = samplesOf(format, bytes);
    const full = fullScale(info);
    return (row, y) => {
      for (let i = 0, p = y * width * 3; i < row.length; i++, p++) row[i] = samples[p]! / full;
    };
  }
  if (format === 'gray16le' || format === 'grayf32le') {
    const samples = samplesOf(format, bytes);
    const full = fullScale(info);
    return (row, y) => {
      for (let x = 0, p = y * width, to = 0; x < width; x++, p++, to += 3) {
        const value = samples[p]! / full;
        row[to] = value;
        row[to + 1] = value;
        row[to + 2] = value;
      }
    };
  }
  const colours = new Colours(source);
  const packed = new Uint8ClampedArray(width * 3);
  return (row, y) => {
    colours.row(packed, y, 0, 1);
    if (channels === 3) for (let i = 0; i < row.length; i++) row[i] = UNITS[packed[i]!]!;
    else
      for (let x = 0, p = 0; x < width; x++, p += 3)
        row[x] = (0.2126 * packed[p]! + 0.7152 * packed[p + 1]! + 0.0722 * packed[p + 2]!) / 255;
  };
}
