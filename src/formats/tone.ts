// Deep pictures (16-bit, float) to 8 bits for lossy views: a window of values is spread over black to white.
import type { Picture } from '../core/frame.ts';
import { deepSamples, ToneFollower, type ToneWindow } from './tone-window.ts';

/**
 * Maps gray16le to gray, grayf32le to gray (NaN is black, infinities black and white), rgb48le and bayer_rggb16le (2x2 blocks) to
 * rgb24; 8-bit pictures come back as they are.
 */
export class ToneMap {
  readonly #follower = new ToneFollower();
  readonly #lut = new Uint8Array(65_536);
  #lutWindow: ToneWindow | null = null;
  #out = new Uint8Array(0);
  #mosaic = new Uint8Array(0);

  /** The present window; `null` before the first picture. */
  get window(): ToneWindow | null {
    return this.#follower.window;
  }

  /** The picture in 8 bits. The result's memory is used again by the next call. */
  map(picture: Picture): Picture {
    const values = deepSamples(picture);
    if (!values) return picture;
    const { format, width, height } = picture;
    const window = this.#follower.update(picture, values);
    if (values instanceof Float32Array) return { format: 'gray', width, height, data: this.#mapFloat(values, window) };
    const table = this.#table(window);
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

  #table(window: ToneWindow): Uint8Array {
    const { low, high } = window;
    if (this.#lutWindow === window) return this.#lut;
    const scale = 255 / (high - low);
    const first = Math.min(65_536, Math.max(0, Math.ceil(low)));
    const last = Math.min(65_535, Math.floor(high));
    this.#lut.fill(0, 0, first);
    for (let value = first; value <= last; value++) this.#lut[value] = (value - low) * scale + 0.5;
    this.#lut.fill(255, last + 1);
    this.#lutWindow = window;
    return this.#lut;
  }

  #mapFloat(values: Float32Array, { low, high }: ToneWindow): Uint8Array {
    const out = this.#room(values.length);
    // Clamps, rounds and turns NaN into 0.
    const clamped = new Uint8ClampedArray(out.buffer, out.byteOffset, out.length);
    const scale = 255 / (high - low);
    for (let i = 0; i < values.length; i++) clamped[i] = (values[i]! - low) * scale;
    return out;
  }
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
