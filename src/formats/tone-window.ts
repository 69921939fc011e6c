// The window of values that is shown of deep pictures (16-bit, float): from the picture itself, and following the pictures slowly, so that
// nothing flickers. The same in server and page.
import { FORMATS, frameBytes, type Picture } from '../core/frame.ts';
import { DEFAULT_VIEW, type ToneWindow, type ViewSettings } from '../core/view.ts';

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

/** Samples of a deep picture, in place where their address allows it, else copied. `null`: 8-bit samples. */
export function deepSamples(picture: Picture): Uint16Array | Float32Array | null {
  const { depth } = FORMATS[picture.format];
  if (depth === 8) return null;
  const data = picture.data.subarray(0, frameBytes(picture.format, picture.width, picture.height));
  return depth === 32
    ? aligned(data, 4, (buffer, at, length) => new Float32Array(buffer, at, length))
    : aligned(data, 2, (buffer, at, length) => new Uint16Array(buffer, at, length));
}

/** The bytes as wider samples: in place where their address allows it, else copied. */
function aligned<T>(data: Uint8Array, size: number, view: (buffer: ArrayBufferLike, at: number, length: number) => T): T {
  if (data.byteOffset % size === 0) return view(data.buffer, data.byteOffset, data.byteLength / size);
  const copy = new Uint8Array(data);
  return view(copy.buffer, 0, copy.byteLength / size);
}

/**
 * The window goes from the 0.1 % to the 99.9 % level of the picture, or as `settings` say. If the picture fills at least half of its whole range (0 to
 * 2^significantBits - 1; floats 0 to 1 or 0 to 255), the window is that range, so that uint8 x 257 and uint8 / 255 look like the uint8
 * picture. The first picture, and one of another kind, sets it at once.
 */
export class ToneFollower {
  #window: ToneWindow | null = null;
  /** Top of the whole range in use; 0 = none. */
  #whole = 0;
  #kind = '';
  readonly #histogram = new Uint32Array(65_536);
  readonly #samples = new Float32Array(SAMPLES_FLOAT);
  /** How much may lie outside, and how fast it follows. */
  settings: Pick<ViewSettings, 'clip' | 'follow'> = DEFAULT_VIEW;

  /** The present window, the same object while it stays; `null` before the first picture. */
  get window(): ToneWindow | null {
    return this.#window;
  }

  /** Looks at the next picture's samples (`deepSamples`) and gives the window for it. */
  update(picture: Omit<Picture, 'data'>, values: Uint16Array | Float32Array): ToneWindow {
    const { format, width, height, significantBits } = picture;
    const kind = `${format} ${width}x${height} ${significantBits ?? 0}`;
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#window = null;
      this.#whole = 0;
    }
    this.#follow(values instanceof Float32Array ? this.#measureFloat(values) : this.#measure16(values, significantBits || 16));
    return this.#window!;
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
    this.#window = { low: now.low + low * this.settings.follow, high: now.high + high * this.settings.follow };
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
    const outside = Math.floor((count * this.settings.clip) / 100);
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
    const outside = Math.floor((count * this.settings.clip) / 100);
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
}
