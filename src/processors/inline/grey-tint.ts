// Takes the colour out of a picture, or gives it another one: light stays, black stays black, white becomes the colour.
import { z } from 'zod';
import { FORMAT_NAMES, FORMATS, planesOf } from '../../core/frame.ts';
import { defineProcessor, type Picture, type Pixels, type VideoFrame } from '../define.ts';
import { fullScale } from '../levels.ts';
import { type Color as Ink, parseColor, refuseFormat, yuvOf } from '../painter.ts';
import { Color, Share } from './params.ts';

export const processor = defineProcessor({
  name: 'grey-tint',
  params: z.strictObject({
    color: Color.default('#ffffff').describe('what white becomes; white itself makes a grey picture').meta({ title: 'Colour' }),
    amount: Share.default(1).describe('0: as it was; 1: nothing of its own colour is left').meta({ title: 'Amount' }),
  }),
  video(frame, { params: { color, amount } }) {
    if (amount === 0) return null;
    const ink = parseColor(color);
    const { format } = frame;
    if (FORMATS[format].channels === 1 && format !== 'bayer_rggb16le') {
      if (ink.every((value) => value === 255)) return null;
      if (format !== 'grayf32le') return coloured(frame, ink, amount);
      throw refuseFormat(
        'a tint',
        format,
        FORMAT_NAMES.filter((name) => name !== 'grayf32le'),
      );
    }
    if (format === 'bayer_rggb16le') tintMosaic(frame, ink, amount);
    else if (format === 'yuv420p' || format === 'nv12') tintPlanes(frame, ink, amount);
    else if (format === 'rgb48le') tintDeep(frame, ink, amount);
    else tintPacked(frame, ink, amount);
    return frame;
  },
});

/** Weights of light (ITU-R BT.709-6 3.2) as integers that add up to 65,536: 8-bit light comes out exact to half a level. */
const RED = 13_933;
const GREEN = 46_871;
const BLUE = 4732;

function tintPacked(frame: VideoFrame, ink: Ink, amount: number): void {
  const pixels = frame.edit();
  const step = FORMATS[frame.format].channels;
  const swapped = frame.format === 'bgr24';
  const [head, tail] = swapped ? [BLUE, RED] : [RED, BLUE];
  const tables = (swapped ? ink.toReversed() : ink).map((value) =>
    Uint8Array.from({ length: 256 }, (_, i) => Math.round((i * value) / 255)),
  );
  const [first, second, third] = tables as [Uint8Array, Uint8Array, Uint8Array];
  if (amount === 1) {
    for (let p = 0; p < pixels.length; p += step) {
      const light = (pixels[p]! * head + pixels[p + 1]! * GREEN + pixels[p + 2]! * tail + 32_768) >> 16;
      pixels[p] = first[light]!;
      pixels[p + 1] = second[light]!;
      pixels[p + 2] = third[light]!;
    }
    return;
  }
  const share = Math.round(amount * 256);
  for (let p = 0; p < pixels.length; p += step) {
    const [one, two, three] = [pixels[p]!, pixels[p + 1]!, pixels[p + 2]!];
    const light = (one * head + two * GREEN + three * tail + 32_768) >> 16;
    pixels[p] = one + (((first[light]! - one) * share + 128) >> 8);
    pixels[p + 1] = two + (((second[light]! - two) * share + 128) >> 8);
    pixels[p + 2] = three + (((third[light]! - three) * share + 128) >> 8);
  }
}

function tintDeep(frame: VideoFrame, ink: Ink, amount: number): void {
  const pixels = frame.edit();
  const own = 1 - amount;
  const [red, green, blue] = ink.map((value) => (value / 255) * amount) as [number, number, number];
  for (let p = 0; p < pixels.length; p += 3) {
    const light = (pixels[p]! * RED + pixels[p + 1]! * GREEN + pixels[p + 2]! * BLUE) / 65_536;
    pixels[p] = pixels[p]! * own + light * red + 0.5;
    pixels[p + 1] = pixels[p + 1]! * own + light * green + 0.5;
    pixels[p + 2] = pixels[p + 2]! * own + light * blue + 0.5;
  }
}

/** Luma and colour difference of the tint grow with the light of the picture. */
function tintPlanes(frame: VideoFrame, ink: Ink, amount: number): void {
  const pixels = frame.edit();
  const { format, width, height } = frame;
  const [luma, u, v] = planesOf(format, width, height);
  const [y, cb, cr] = yuvOf(ink, height);
  const step = v ? 1 : 2;
  const vOffset = v ? v.offset : u!.offset + 1;
  const tables = [cb, cr].map((value) => Float32Array.from({ length: 256 }, (_, light) => 128 + ((light - 16) / 219) * (value - 128)));
  const [blues, reds] = tables as [Float32Array, Float32Array];
  const own = 1 - amount;
  for (let row = 0; row < u!.rows; row++) {
    for (let column = 0; column < (width + 1) >> 1; column++) {
      const light = pixels[(row * luma!.stride + column) * 2]!;
      const at = row * u!.stride + column * step;
      pixels[u!.offset + at] = pixels[u!.offset + at]! * own + blues[light]! * amount + 0.5;
      pixels[vOffset + at] = pixels[vOffset + at]! * own + reds[light]! * amount + 0.5;
    }
  }
  const share = (y - 16) / 219;
  if (share > 0.999) return;
  const table = Uint8Array.from({ length: 256 }, (_, light) => Math.round(light + (16 + (light - 16) * share - light) * amount));
  for (let i = 0; i < width * height; i++) pixels[i] = table[pixels[i]!]!;
}

/** Each block of four gets its common light; at an odd edge that of the block before. */
function tintMosaic(frame: VideoFrame, [red, green, blue]: Ink, amount: number): void {
  const { width, height } = frame;
  const columns = (width + 1) >> 1;
  const lights = new Float32Array(columns * ((height + 1) >> 1));
  const out = frame.edit();
  const right = width > 1 ? 1 : 0;
  const below = height > 1 ? width : 0;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const at = Math.max(0, Math.min(y, height - 2) & ~1) * width + Math.max(0, Math.min(x, width - 2) & ~1);
      const light = out[at]! * RED + ((out[at + right]! + out[at + below]!) / 2) * GREEN + out[at + below + right]! * BLUE;
      lights[(y >> 1) * columns + (x >> 1)] = light / 65_536;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = y & 1 ? (x & 1 ? blue : green) : x & 1 ? green : red;
      const at = y * width + x;
      out[at] = out[at]! * (1 - amount) + (lights[(y >> 1) * columns + (x >> 1)]! * amount * ink) / 255 + 0.5;
    }
  }
}

/** A gray picture has no room for colour: it becomes one of three channels. */
function coloured(frame: VideoFrame, ink: Ink, amount: number): Picture {
  const { pixels, info } = frame;
  const full = fullScale(info);
  const [red, green, blue] = ink.map((value) => (value / 255) * amount + (1 - amount)) as [number, number, number];
  const deep = frame.format === 'gray16le';
  const out: Pixels = deep ? new Uint16Array(pixels.length * 3) : new Uint8Array(pixels.length * 3);
  for (let i = 0, to = 0; i < pixels.length; i++, to += 3) {
    const value = Math.min(full, pixels[i]!);
    out[to] = value * red + 0.5;
    out[to + 1] = value * green + 0.5;
    out[to + 2] = value * blue + 0.5;
  }
  return { pixels: out, format: deep ? 'rgb48le' : 'rgb24', significantBits: info.significantBits };
}
