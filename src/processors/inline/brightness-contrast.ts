// Brightness, contrast and gamma: one curve for all samples of the picture.
import { z } from 'zod';
import { FORMATS } from '../../core/frame.ts';
import { defineProcessor, type Pixels } from '../define.ts';
import { fullScale } from '../levels.ts';

const Params = z.strictObject({
  brightness: z
    .number()
    .min(-1)
    .max(1)
    .default(0)
    .describe('added, in shares of the full scale')
    .meta({ title: 'Brightness', control: 'range', step: 0.01 }),
  contrast: z
    .number()
    .min(0)
    .max(4)
    .default(1)
    .describe('how far values lie from the middle')
    .meta({ title: 'Contrast', control: 'range', step: 0.01 }),
  gamma: z
    .number()
    .min(0.1)
    .max(10)
    .default(1)
    .describe('above 1 lifts what is dark; comes first')
    .meta({ title: 'Gamma', control: 'range', step: 0.05 }),
});
type Params = z.output<typeof Params>;

export const processor = defineProcessor({
  name: 'brightness-contrast',
  params: Params,
  load: () => ({ key: '', table: new Uint16Array(0) as Uint16Array }),
  video(frame, { params, state }) {
    const { brightness, contrast, gamma } = params;
    if (brightness === 0 && contrast === 1 && gamma === 1) return null;
    const { format, width, height } = frame;
    const pixels = frame.edit();
    if (pixels instanceof Float32Array) {
      // Floats are taken as 0 to 1, and not cut off: nobody states their range.
      for (let i = 0; i < pixels.length; i++) pixels[i] = curve(pixels[i]!, params);
      return frame;
    }
    const planar = FORMATS[format].bytesPerPixel === 0;
    const full = fullScale(frame.info);
    const key = [brightness, contrast, gamma, full, planar].join();
    if (state.key !== key) {
      state.table = planar ? lumaTable(params) : tableOf(full, FORMATS[format].depth, params);
      state.key = key;
    }
    if (format === 'rgba') lookUpColours(pixels, state.table);
    else lookUp(pixels, 0, planar ? width * height : pixels.length, state.table);
    if (planar && contrast !== 1) lookUp(pixels, width * height, pixels.length, chromaTable(contrast));
    return frame;
  },
});

function curve(value: number, { brightness, contrast, gamma }: Params): number {
  const lifted = gamma === 1 || !(value > 0) ? value : value ** (1 / gamma);
  return (lifted - 0.5) * contrast + 0.5 + brightness;
}

const clamp = (value: number, low: number, high: number) => Math.round(Math.min(high, Math.max(low, value)));

function tableOf(full: number, depth: number, params: Params): Uint16Array {
  // Values above the significant bits count as white.
  return Uint16Array.from({ length: 2 ** depth }, (_, i) => clamp(curve(Math.min(1, i / full), params) * full, 0, full));
}

/** Limited range: 16 is black, 235 white (ITU-R BT.709-6 3). */
function lumaTable(params: Params): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, i) => clamp(16 + 219 * curve((i - 16) / 219, params), 16, 235));
}

function chromaTable(contrast: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, i) => clamp(128 + (i - 128) * contrast, 16, 240));
}

function lookUp(pixels: Pixels, from: number, to: number, table: Uint16Array): void {
  for (let i = from; i < to; i++) pixels[i] = table[pixels[i]!]!;
}

function lookUpColours(pixels: Pixels, table: Uint16Array): void {
  for (let p = 0; p < pixels.length; p += 4) {
    pixels[p] = table[pixels[p]!]!;
    pixels[p + 1] = table[pixels[p + 1]!]!;
    pixels[p + 2] = table[pixels[p + 2]!]!;
  }
}
