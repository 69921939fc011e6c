// Makes the picture larger or smaller.
import { z } from 'zod';
import { FORMAT_NAMES, FORMATS, type PixelFormat } from '../../core/frame.ts';
import { defineProcessor, type Pixels } from '../define.ts';
import { refuseFormat } from '../painter.ts';
import { Resampler } from '../resample.ts';
import { Side } from './params.ts';
import { PictureMemory, type SamplePlane, sampleCount, samplePlanes } from './planes.ts';

interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const processor = defineProcessor({
  name: 'resize',
  params: z.strictObject({
    width: Side.optional().describe('default: as the height asks for; neither = as it is').meta({ title: 'Width' }),
    height: Side.optional().describe('default: as the width asks for').meta({ title: 'Height' }),
    fit: z
      .enum(['stretch', 'contain', 'cover'])
      .default('stretch')
      .describe('where width and height have another shape than the picture: bend it, leave black bars, or cut the edges off')
      .meta({ title: 'Fit' }),
  }),
  load: () => ({ memory: new PictureMemory(), resamplers: [] as Resampler[] }),
  video(frame, { params, state }) {
    const { format, pixels } = frame;
    const width = params.width ?? Math.max(1, Math.round((frame.width * (params.height ?? frame.height)) / frame.height));
    const height = params.height ?? Math.max(1, Math.round((frame.height * width) / frame.width));
    if (width === frame.width && height === frame.height) return null;
    if (format === 'bayer_rggb16le') {
      throw refuseFormat(
        'another size',
        format,
        FORMAT_NAMES.filter((name) => name !== 'bayer_rggb16le'),
      );
    }
    const grid = FORMATS[format].bytesPerPixel === 0 ? 2 : 1;
    const whole = { x: 0, y: 0, width: frame.width, height: frame.height };
    const from = params.fit === 'cover' ? inside(whole, width / height, grid) : whole;
    const to =
      params.fit === 'contain' ? inside({ x: 0, y: 0, width, height }, frame.width / frame.height, grid) : { x: 0, y: 0, width, height };
    const out = state.memory.take(format, sampleCount(format, width, height));
    const sources = samplePlanes(format, frame.width, frame.height);
    const targets = samplePlanes(format, width, height);
    if (params.fit === 'contain') blacken(out, format, targets);
    for (const [i, target] of targets.entries()) {
      const source = sources[i]!;
      const [cut, place] = [partOf(from, source), partOf(to, target)];
      const kept = state.resamplers[i];
      const fits = kept && kept.width === cut.width && kept.height === cut.height && kept.channels === source.channels;
      const resampler =
        fits && kept.outWidth === place.width && kept.outHeight === place.height
          ? kept
          : new Resampler(cut.width, cut.height, place.width, place.height, source.channels);
      state.resamplers[i] = resampler;
      // Sums of shares miss whole numbers by a rounding error, and may end beyond the last one.
      const half = pixels instanceof Float32Array ? 0 : 0.5;
      resampler.run(
        (row, y) => {
          const at = source.offset + ((cut.y + y) * source.width + cut.x) * source.channels;
          for (let n = 0; n < row.length; n++) row[n] = pixels[at + n]!;
        },
        (row, y) => {
          const at = target.offset + ((place.y + y) * target.width + place.x) * target.channels;
          for (let n = 0; n < row.length; n++) out[at + n] = row[n]! + half;
        },
      );
    }
    return { pixels: out, width, height, significantBits: frame.info.significantBits };
  },
});

/** The largest part of that shape in the middle, beginning at a place of the grid. */
function inside({ width, height }: Part, shape: number, grid: number): Part {
  const w = Math.max(1, Math.min(width, Math.round(height * shape)));
  const h = Math.max(1, Math.min(height, Math.round(width / shape)));
  const middle = (room: number) => Math.floor(room / 2 / grid) * grid;
  return { x: middle(width - w), y: middle(height - h), width: w, height: h };
}

function partOf(part: Part, { shrink }: SamplePlane): Part {
  if (shrink === 1) return part;
  return { x: part.x >> 1, y: part.y >> 1, width: (part.width + 1) >> 1, height: (part.height + 1) >> 1 };
}

function blacken(out: Pixels, format: PixelFormat, planes: readonly SamplePlane[]): void {
  if (FORMATS[format].bytesPerPixel === 0) out.fill(16, 0, planes[1]!.offset).fill(128, planes[1]!.offset);
  else out.fill(0);
  if (format === 'rgba') for (let i = 3; i < out.length; i += 4) out[i] = 255;
}
