// Deep pictures (16-bit, float) to 8 bits for lossy views: a window of values is spread over black to white. The window follows the
// pictures slowly, so that nothing flickers.
import { FORMATS, frameBytes, type Picture } from '../core/frame.ts';

/** Values shown as black and as white. */
export interface ToneWindow {
  readonly low: number;
  readonly high: number;
}

/** Share of the samples that may lie outside the window at each end. */
const CLIPPED = 0.001;
/** Part of the way that the window goes with each picture. */
const FOLLOW = 0.1;
/** Differences below this part of the window are left alone. */
const DEADBAND = 0.005;
/** A picture that spans this part of its whole range is shown by that range, true to its levels; below the second it no longer is. */
const SPAN = 0.5;
const SPAN_LEAVE = 0.4;
/** Narrowest window of integer samples: less is only noise. */
const LEAST_WIDTH = 16;
/** Whole ranges that floats are commonly in. */
const FLOAT_RANGES = [1, 255];

const SAMPLES_16 = 65_536;
const SAMPLES_FLOAT = 8192;

/**
 * Maps gray16le to gray, grayf32le to gray (NaN is black, infinities black and white), rgb48le and bayer_rggb16le (2x2 blocks) to
 * rgb24; 8-bit pictures come back as they are.
 *
 * The window goes from the 0.1 % to the 99.9 % level of the picture. If the picture fills at least half of its whole range (0 to
 * 2^significantBits - 1; floats 0 to 1 or 0 to 255), the window is that range, so that uint8 x 257 and uint8 / 255 look like the uint8
 * picture. The first picture, and one of another kind, sets it at once.
 */
export class ToneMap {
  #window: ToneWindow | null = null;
  /** Top of the whole range in use; 0 = none. */
  #whole = 0;
  #kind = '';
  readonly #lut = new Uint8Array(65_536);
  #lutWindow: ToneWindow | null = null;
  readonly #histogram = new Uint32Array(65_536);
  readonly #samples = new Float32Array(SAMPLES_FLOAT);
  #out = new Uint8Array(0);
  #mosaic = new Uint8Array(0);

  /** The present window; `null` before the first picture. */
  get window(): ToneWindow | null {
    return this.#window;
  }

  /** The picture in 8 bits. The result's memory is used again by the next call. */
  map(picture: Picture): Picture {
    const { format, width, height, significantBits } = picture;
    if (FORMATS[format].depth === 8) return picture;
    const kind = `${format} ${width}x${height} ${significantBits ?? 0}`;
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#window = null;
      this.#whole = 0;
    }
    const data = picture.data.subarray(0, frameBytes(format, width, height));
    if (format === 'grayf32le') {
      const values = aligned(data, 4, (buffer, at, length) => new Float32Array(buffer, at, length));
      this.#follow(this.#measureFloat(values));
      return { format: 'gray', width, height, data: this.#mapFloat(values) };
    }
    const values = aligned(data, 2, (buffer, at, length) => new Uint16Array(buffer, at, length));
    this.#follow(this.#measure16(values, significantBits || 16));
    const table = this.#table();
    if (format === 'bayer_rggb16le') {
      if (this.#mosaic.length !== values.length) this.#mosaic = new Uint8Array(values.length);
      lookUp(this.#mosaic, values, table);
      const out = this.#room(values.length * 3);
      debayer(out, this.#mosaic, width, height);
      return { format: 'rgb24', width, height, data: out };
    }
    const out = this.#room(values.length);
    lookUp(out, values, table);
    return { format: format === 'rgb48le' ? 'rgb24' : 'gray', width, height, data: out };
  }

  #room(bytes: number): Uint8Array {
    if (this.#out.length !== bytes) this.#out = new Uint8Array(bytes);
    return this.#out;
  }

  /** Moves the window towards what the newest picture asks for. */
  #follow(target: ToneWindow | null): void {
    if (!target) {
      this.#window ??= { low: 0, high: 1 };
      return;
    }
    const now = this.#window;
    if (!now) {
      this.#window = target;
      return;
    }
    const low = target.low - now.low;
    const high = target.high - now.high;
    const near = DEADBAND * Math.max(now.high - now.low, target.high - target.low);
    if (Math.abs(low) <= near && Math.abs(high) <= near) {
      if (this.#whole && (low !== 0 || high !== 0)) this.#window = target;
      return;
    }
    this.#window = { low: now.low + low * FOLLOW, high: now.high + high * FOLLOW };
  }

  #spans(seen: ToneWindow, whole: number): boolean {
    const share = this.#whole === whole ? SPAN_LEAVE : SPAN;
    return seen.low >= 0 && seen.high <= whole && seen.high - seen.low >= whole * share;
  }

  #measure16(values: Uint16Array, bits: number): ToneWindow {
    const histogram = this.#histogram.fill(0);
    // Odd, so that the samples do not fall into few columns; not a multiple of 3, so that they meet all channels.
    let step = Math.floor(values.length / SAMPLES_16) | 1;
    if (step % 3 === 0) step += 2;
    let count = 0;
    for (let i = 0; i < values.length; i += step) {
      histogram[values[i]!]!++;
      count++;
    }
    const outside = Math.floor(count * CLIPPED);
    let low = 0;
    for (let sum = histogram[0]!; sum <= outside && low < 65_535; sum += histogram[low]!) low++;
    let high = 65_535;
    for (let sum = histogram[high]!; sum <= outside && high > 0; sum += histogram[high]!) high--;

    const named = 2 ** Math.min(16, Math.max(1, bits)) - 1;
    const whole = high > named ? 65_535 : named;
    const flat = high <= low;
    if (flat || this.#spans({ low, high }, whole)) {
      this.#whole = whole;
      return { low: 0, high: whole };
    }
    this.#whole = 0;
    const widen = Math.max(0, (LEAST_WIDTH - (high - low)) / 2);
    return { low: low - widen, high: high + widen };
  }

  #measureFloat(values: Float32Array): ToneWindow | null {
    const step = Math.floor(values.length / SAMPLES_FLOAT) + 1;
    const odd = step === 1 ? 1 : step | 1;
    let count = 0;
    for (let i = 0; i < values.length; i += odd) {
      const value = values[i]!;
      // Finite numbers only.
      if (value - value === 0) this.#samples[count++] = value;
    }
    if (count === 0) return null;
    const sorted = this.#samples.subarray(0, count).sort();
    const outside = Math.floor(count * CLIPPED);
    const seen = { low: sorted[outside]!, high: sorted[count - 1 - outside]! };
    const flat = seen.high <= seen.low;
    for (const whole of FLOAT_RANGES) {
      if (flat ? seen.low >= 0 && seen.high <= whole : this.#spans(seen, whole)) {
        this.#whole = whole;
        return { low: 0, high: whole };
      }
    }
    this.#whole = 0;
    // A constant picture outside the common ranges is middle gray.
    const widen = flat ? Math.max(1, Math.abs(seen.low)) : 0;
    return { low: seen.low - widen, high: seen.high + widen };
  }

  #table(): Uint8Array {
    const { low, high } = this.#window!;
    if (this.#lutWindow === this.#window) return this.#lut;
    const scale = 255 / (high - low);
    const first = Math.min(65_536, Math.max(0, Math.ceil(low)));
    const last = Math.min(65_535, Math.floor(high));
    this.#lut.fill(0, 0, first);
    for (let value = first; value <= last; value++) this.#lut[value] = (value - low) * scale + 0.5;
    this.#lut.fill(255, last + 1);
    this.#lutWindow = this.#window;
    return this.#lut;
  }

  #mapFloat(values: Float32Array): Uint8Array {
    const out = this.#room(values.length);
    // Clamps, rounds and turns NaN into 0.
    const clamped = new Uint8ClampedArray(out.buffer, out.byteOffset, out.length);
    const { low, high } = this.#window!;
    const scale = 255 / (high - low);
    for (let i = 0; i < values.length; i++) clamped[i] = (values[i]! - low) * scale;
    return out;
  }
}

/** The bytes as wider samples: in place where their address allows it, else copied. */
function aligned<T>(data: Uint8Array, size: number, view: (buffer: ArrayBufferLike, at: number, length: number) => T): T {
  if (data.byteOffset % size === 0) return view(data.buffer, data.byteOffset, data.byteLength / size);
  const copy = new Uint8Array(data);
  return view(copy.buffer, 0, copy.byteLength / size);
}

function lookUp(out: Uint8Array, values: Uint16Array, table: Uint8Array): void {
  for (let i = 0; i < values.length; i++) out[i] = table[values[i]!]!;
}

/** RGGB mosaic to rgb24 of the same size: the four pixels of a block share its red, blue and mean green. */
function debayer(out: Uint8Array, mosaic: Uint8Array, width: number, height: number): void {
  for (let y = 0; y < height; y += 2) {
    const top = y * width;
    const rows = Math.min(2, height - y);
    // A block that is cut off at the edge takes what it lacks from its neighbour, where the pattern is the same.
    const below = rows === 2 ? width : y > 0 ? -width : 0;
    for (let x = 0; x < width; x += 2) {
      const columns = Math.min(2, width - x);
      const beside = columns === 2 ? 1 : x > 0 ? -1 : 0;
      const at = top + x;
      const red = mosaic[at]!;
      const green = (mosaic[at + beside]! + mosaic[at + below]! + 1) >> 1;
      const blue = mosaic[at + beside + below]!;
      for (let row = 0; row < rows; row++) {
        let to = (at + row * width) * 3;
        for (let column = 0; column < columns; column++) {
          out[to++] = red;
          out[to++] = green;
          out[to++] = blue;
        }
      }
    }
  }
}
