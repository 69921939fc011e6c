// Deep pictures (16-bit, float) to 8 bits for lossy views: a window of values is spread over black to white or a colour map.
import type { Picture } from '../core/frame.ts';
import { DEFAULT_VIEW, type Look, type ToneWindow, type ViewSettings } from '../core/view.ts';
import { drawFloats, fillTable, level, lookOf, TABLE_SIZE, topValue } from './look.ts';
import { deepSamples, ToneFollower } from './tone-window.ts';

/**
 * Maps gray16le to gray, grayf32le to gray (NaN is black, infinities black and white), rgb48le and bayer_rggb16le (2x2 blocks) to
 * rgb24; 8-bit pictures come back as they are. With a colour map or marks on saturated pixels gray becomes rgb24.
 */
export class ToneMap {
  readonly #follower = new ToneFollower();
  #view: ViewSettings = DEFAULT_VIEW;
  readonly #levels = new Uint8Array(TABLE_SIZE);
  #colors: Uint32Array | null = null;
  /** What the tables were made for. */
  #made: (Look & { top: number }) | null = null;
  #out = new Uint8Array(0);
  #mosaic = new Uint8Array(0);
  #floatWords = new Uint32Array(0);

  /** The present window of `auto`; `null` before the first picture. */
  get window(): ToneWindow | null {
    return this.#follower.window;
  }

  /** Holds from the next picture on. */
  set view(view: ViewSettings) {
    this.#view = view;
    this.#follower.settings = view;
  }

  /** The picture in 8 bits. The result's memory is used again by the next call. */
  map(picture: Picture): Picture {
    const values = deepSamples(picture);
    if (!values) return picture;
    const { format, width, height } = picture;
    const look = lookOf(this.#view, picture, () => this.#follower.update(picture, values));
    const colored = (look.map !== 'gray' || look.saturated) && (format === 'gray16le' || format === 'grayf32le');
    if (values instanceof Float32Array) {
      if (!colored) return { format: 'gray', width, height, data: this.#mapFloat(values, look) };
      const out = this.#room(values.length * 3);
      const words = this.#words(values.length);
      drawFloats(words, values, look);
      for (let i = 0, to = 0; i < words.length; i++) to = put(out, to, words[i]!);
      return { format: 'rgb24', width, height, data: out };
    }
    this.#makeTables(look, topValue(picture), colored);
    if (colored) {
      const out = this.#room(values.length * 3);
      const colors = this.#colors!;
      for (let i = 0, to = 0; i < values.length; i++) to = put(out, to, colors[values[i]!]!);
      return { format: 'rgb24', width, height, data: out };
    }
    if (format === 'bayer_rggb16le') {
      if (this.#mosaic.length !== values.length) this.#mosaic = new Uint8Array(values.length);
      lookUp(this.#mosaic, values, this.#levels);
      const out = this.#room(values.length * 3);
      debayer(out, this.#mosaic, width, height);
      return { format: 'rgb24', width, height, data: out };
    }
    const out = this.#room(values.length);
    lookUp(out, values, this.#levels);
    return { format: format === 'rgb48le' ? 'rgb24' : 'gray', width, height, data: out };
  }

  #room(bytes: number): Uint8Array {
    if (this.#out.length !== bytes) this.#out = new Uint8Array(bytes);
    return this.#out;
  }

  #words(count: number): Uint32Array {
    if (this.#floatWords.length !== count) this.#floatWords = new Uint32Array(count);
    return this.#floatWords;
  }

  #makeTables(look: Look, top: number, colored: boolean): void {
    const made = this.#made;
    const { low, high, gamma, map, saturated } = look;
    const same = made?.low === low && made.high === high && made.gamma === gamma && made.map === map && made.saturated === saturated;
    if (same && made.top === top && (!colored || this.#colors)) return;
    this.#made = { ...look, top };
    this.#colors = colored ? (this.#colors ?? new Uint32Array(TABLE_SIZE)) : null;
    if (this.#colors) fillTable(this.#colors, look, top);
    else for (let value = 0; value < TABLE_SIZE; value++) this.#levels[value] = level(value, look);
  }

  #mapFloat(values: Float32Array, look: Look): Uint8Array {
    const out = this.#room(values.length);
    const { low, high, gamma } = look;
    if (gamma !== 1) {
      for (let i = 0; i < values.length; i++) out[i] = level(values[i]!, look);
      return out;
    }
    // Clamps, rounds and turns NaN into 0.
    const clamped = new Uint8ClampedArray(out.buffer, out.byteOffset, out.length);
    const scale = 255 / (high - low);
    for (let i = 0; i < values.length; i++) clamped[i] = (values[i]! - low) * scale;
    return out;
  }
}

/** Writes red, green and blue of a word; gives the place behind. */
function put(out: Uint8Array, to: number, word: number): number {
  out[to] = word;
  out[to + 1] = word >> 8;
  out[to + 2] = word >> 16;
  return to + 3;
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
