// How values of pictures become colours, by window, gamma, colour map and marks on saturated pixels. Pure; the same in server and page.
import { FORMATS, frameBytes, type Picture } from '../core/frame.ts';
import type { Look, ToneWindow, ViewSettings } from '../core/view.ts';
import { colorTable } from './color-maps.ts';
import { deepSamples } from './tone-window.ts';

/** Entries of a table: one for each 16-bit value. */
export const TABLE_SIZE = 65_536;

const RED = 0xff0000ff;

/** The window from 0 to 1 with gamma, in 256 steps. Not-a-number is 0. */
export function level(value: number, { low, high, gamma }: Look): number {
  const share = (value - low) / (high - low);
  if (!(share > 0)) return 0;
  return Math.round(255 * (share >= 1 ? 1 : gamma === 1 ? share : share ** (1 / gamma)));
}

/**
 * Fills `table` with the colour of each 16-bit value as words of an ImageData. `top`: the sensor's largest value, which counts as
 * saturated.
 */
export function fillTable(table: Uint32Array, look: Look, top: number): void {
  const colors = colorTable(look.map);
  // Outside of the window there is nothing to compute.
  const first = Math.max(0, Math.min(table.length, Math.ceil(look.low)));
  const end = Math.max(first, Math.min(table.length, Math.floor(look.high) + 1));
  table.fill(colors[0]!, 0, first);
  for (let value = first; value < end; value++) table[value] = colors[level(value, look)]!;
  table.fill(colors[255]!, end);
  if (look.saturated) table.fill(RED, top);
}

/** A table that is filled again only where the look has changed. */
export class LookTable {
  readonly words = new Uint32Array(TABLE_SIZE);
  #of: (Look & { top: number }) | null = null;

  /** Makes it that of a look, of samples whose largest value is `top`; tells whether it was another one. */
  set({ low, high, gamma, map, saturated }: Look, top: number): boolean {
    const of = this.#of;
    if (of?.low === low && of.high === high && of.gamma === gamma && of.map === map && of.saturated === saturated && of.top === top)
      return false;
    this.#of = { low, high, gamma, map, saturated, top };
    fillTable(this.words, this.#of, top);
    return true;
  }
}

/** The largest value of a picture's samples by its format and significant bits; 1 for floats. */
export function topValue({ format, significantBits }: Omit<Picture, 'data'>): number {
  const { depth } = FORMATS[format];
  return depth === 32 ? 1 : 2 ** (significantBits || depth) - 1;
}

/** The look of a picture by some settings. `auto`: the window that follows the pictures. */
export function lookOf(view: ViewSettings, picture: Omit<Picture, 'data'>, auto: () => ToneWindow): Look {
  const { window, gamma, map, saturated } = view;
  const shown =
    window === 'auto'
      ? auto()
      : window === 'full'
        ? { low: 0, high: topValue(picture) }
        : 'shift' in window
          ? { low: 0, high: 255 * 2 ** window.shift }
          : window;
  return { low: shown.low, high: shown.high, gamma, map, saturated };
}

/** One word RGBA. */
function pack(red: number, green: number, blue: number): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Colours of a picture. `table` from `fillTable`; colour pictures and mosaics take only its window and gamma, by their red. */
export function drawPixels(out: Uint32Array, picture: Picture, table: Uint32Array, look: Look): void {
  const { format, width, height, data } = picture;
  const deep = deepSamples(picture);
  const samples = deep ?? data.subarray(0, frameBytes(format, width, height));
  const count = width * height;
  if (format === 'gray' || format === 'gray16le') for (let i = 0; i < count; i++) out[i] = table[samples[i]!]!;
  else if (format === 'grayf32le') drawFloats(out, samples as Float32Array, look);
  else if (format === 'rgb24' || format === 'rgb48le' || format === 'rgba' || format === 'bgr24') {
    const step = FORMATS[format].channels;
    const [red, blue] = format === 'bgr24' ? [2, 0] : [0, 2];
    for (let i = 0, at = 0; i < count; i++, at += step) {
      out[i] = pack(table[samples[at + red]!]! & 255, table[samples[at + 1]!]! & 255, table[samples[at + blue]!]! & 255);
    }
  } else if (format === 'bayer_rggb16le') drawMosaic(out, samples as Uint16Array, width, height, table);
  else drawYuv(out, picture, table);
}

/** Colours of floats. */
export function drawFloats(out: Uint32Array, values: Float32Array, look: Look): void {
  const colors = colorTable(look.map);
  for (let i = 0; i < values.length; i++) out[i] = look.saturated && values[i]! >= 1 ? RED : colors[level(values[i]!, look)]!;
}

/** The four pixels of a cell share its red, blue and mean green, so that no value is invented. */
function drawMosaic(out: Uint32Array, samples: Uint16Array, width: number, height: number, table: Uint32Array): void {
  for (let y = 0; y < height; y++) {
    const top = Math.min(y & ~1, Math.max(0, height - 2));
    for (let x = 0; x < width; x++) {
      const at = top * width + Math.min(x & ~1, Math.max(0, width - 2));
      const right = width > 1 ? 1 : 0;
      const below = height > 1 ? width : 0;
      const green = (samples[at + right]! + samples[at + below]!) >> 1;
      out[y * width + x] = pack(table[samples[at]!]! & 255, table[green]! & 255, table[samples[at + right + below]!]! & 255);
    }
  }
}

/** BT.601 in limited range, as untagged YUV is read. */
function drawYuv(out: Uint32Array, { format, width, height, data }: Picture, table: Uint32Array): void {
  const chroma = (width + 1) >> 1;
  const base = width * height;
  const [step, second] = format === 'nv12' ? [2, 1] : [1, chroma * ((height + 1) >> 1)];
  const shown = (value: number) => table[Math.max(0, Math.min(255, Math.round(value)))]! & 255;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = base + ((y >> 1) * chroma + (x >> 1)) * step;
      const luma = 1.164 * (data[y * width + x]! - 16);
      const u = data[at]! - 128;
      const v = data[at + second]! - 128;
      out[y * width + x] = pack(shown(luma + 1.596 * v), shown(luma - 0.392 * u - 0.813 * v), shown(luma + 2.017 * u));
    }
  }
}

/** The samples of one pixel as captured: one for gray and mosaics, three or four for colour, luma and both chroma for YUV. */
export function pixelValues(picture: Picture, x: number, y: number): number[] {
  const { format, width, height, data } = picture;
  const { channels, bytesPerPixel } = FORMATS[format];
  if (bytesPerPixel) {
    const samples = deepSamples(picture) ?? data;
    return Array.from({ length: channels }, (_, c) => samples[(y * width + x) * channels + c]!);
  }
  const chroma = (width + 1) >> 1;
  const [step, second] = format === 'nv12' ? [2, 1] : [1, chroma * ((height + 1) >> 1)];
  const at = width * height + ((y >> 1) * chroma + (x >> 1)) * step;
  return [data[y * width + x]!, data[at]!, data[at + second]!];
}

/** How often values occur, in `bins` equal steps from `low` to `high`; what lies outside counts at the ends. Of colour all channels. */
export function histogram(picture: Picture, low: number, high: number, bins: number): Uint32Array {
  const counts = new Uint32Array(bins);
  const samples = deepSamples(picture) ?? picture.data.subarray(0, frameBytes(picture.format, picture.width, picture.height));
  const scale = bins / (high - low);
  // A quarter of a million is enough for a curve; the odd step meets all columns and channels.
  let step = Math.max(1, Math.floor(samples.length / 262_144) | 1);
  if (step > 1 && step % 3 === 0) step += 2;
  for (let i = 0; i < samples.length; i += step) {
    const bin = (samples[i]! - low) * scale;
    if (bin - bin === 0) counts[bin < 0 ? 0 : bin >= bins ? bins - 1 : Math.floor(bin)]!++;
  }
  return counts;
}
