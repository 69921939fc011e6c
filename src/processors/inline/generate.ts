// Pictures of its own: colours that drift, or one colour, with text. In the way of a source they take the place of its pictures, at its pace.
import { z } from 'zod';
import { LINE_HEIGHT, textSize } from '../../formats/bitmap-font.ts';
import { defineProcessor, type Picture } from '../define.ts';
import { Painter, parseColor } from '../painter.ts';
import { Color } from './params.ts';

const side = (fallback: number) => z.number().int().min(16).max(4096).default(fallback).meta({ unit: 'px' });

const Params = z.strictObject({
  width: side(640).meta({ title: 'Width' }),
  height: side(360).meta({ title: 'Height' }),
  kind: z.enum(['waves', 'plain']).default('waves').meta({ title: 'Kind' }),
  color: Color.default('#2a6df4').meta({ title: 'Colour', control: 'color' }),
  speed: z.number().min(0).max(10).default(1).describe('waves: how fast they drift').meta({ title: 'Speed', control: 'range', step: 0.1 }),
  text: z.string().max(200).default('').meta({ title: 'Text' }),
});
type Params = z.output<typeof Params>;

export const processor = defineProcessor({
  name: 'generate',
  ids: 'own',
  params: Params,
  load: () => ({ pixels: new Uint8Array(0), phase: 0 }),
  generate: ({ params, state }) => draw(params, state),
  video: (_frame, { params, state }) => draw(params, state),
});

function draw({ width, height, kind, speed, text, color: ink }: Params, state: { pixels: Uint8Array; phase: number }): Picture {
  if (state.pixels.length !== width * height * 3) state.pixels = new Uint8Array(width * height * 3);
  const { pixels } = state;
  const color = parseColor(ink);
  const painter = new Painter({ format: 'rgb24', width, height, significantBits: 8 }, pixels);
  if (kind === 'plain') painter.fill(0, 0, width, height, color);
  else waves(pixels, width, height, color, state.phase);
  state.phase += speed / 30;
  if (text) {
    const size = textSize(text);
    const scale = Math.max(1, Math.min(Math.round(height / 8 / LINE_HEIGHT), Math.floor(width / (size.width + 2))));
    const x = Math.round((width - size.width * scale) / 2);
    painter.text(text, x, Math.round((height - size.height * scale) / 2), scale, [255, 255, 255], [0, 0, 0]);
  }
  return { pixels, width, height, format: 'rgb24' };
}

function waves(pixels: Uint8Array, width: number, height: number, color: readonly number[], phase: number): void {
  const across = Float32Array.from(
    { length: width },
    (_, x) => Math.sin((x / width) * 6 + phase) + Math.sin((x / width) * 17 - phase * 1.7),
  );
  const down = Float32Array.from({ length: height }, (_, y) => Math.sin((y / height) * 5 - phase * 0.8));
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = 0.55 + (across[x]! + down[y]!) * 0.14;
      pixels[p++] = color[0]! * light;
      pixels[p++] = color[1]! * light;
      pixels[p++] = color[2]! * light;
    }
  }
}
