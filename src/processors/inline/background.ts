// What does not belong to the background: learns how each place usually looks, and shows, measures and boxes what differs from that.
import { z } from 'zod';
import { FORMATS, type FrameInfo } from '../../core/frame.ts';
import { defineProcessor, type VideoFrame } from '../define.ts';
import { fullScale, Levels } from '../levels.ts';
import { SpanFinder } from '../span.ts';
import { bytesOf } from '../video-frame.ts';
import { CELL, findSpots } from './spots.ts';

export const processor = defineProcessor({
  name: 'background',
  params: z.strictObject({
    show: z
      .enum(['mask', 'foreground', 'picture'])
      .default('mask')
      .describe('white where it differs; the picture with the background black; or the picture as it is, with data only')
      .meta({ title: 'Show' }),
    threshold: z
      .number()
      .gt(0)
      .max(1)
      .default(0.1)
      .describe('share of the full scale by which a pixel must differ')
      .meta({ title: 'Threshold', control: 'range', step: 0.01 }),
    rate: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe('how fast the background follows, for each frame; a tenth of it where something is')
      .meta({ title: 'Rate', control: 'range', step: 0.01 }),
    minShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.002)
      .describe('least share of the picture that something covers, to get a box')
      .meta({ title: 'Least size', step: 0.001 }),
    boxes: z.boolean().default(true).describe('a data record with the boxes of each frame').meta({ title: 'Boxes' }),
    markers: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('share of changed pixels at which a marker begins; it ends below half of it; 0 = no markers')
      .meta({ title: 'Markers from', step: 0.001 }),
  }),
  load: () => ({
    kind: '',
    mean: new Float32Array(0),
    mask: new Uint8Array(0),
    span: new SpanFinder({ kind: 'motion', label: 'motion', confirm: 1, release: 1, split: 2_000_000 }),
  }),
  onStop(context) {
    for (const marker of context.state.span.finish()) context.marker(marker);
  },
  video(frame, { params, state, metric, data, marker }) {
    const { info } = frame;
    const levels = new Levels({ info, pixels: bytesOf(frame.pixels) });
    const { width, height } = levels;
    const kind = `${info.format} ${info.width}x${info.height}`;
    const known = state.kind === kind;
    if (!known) {
      state.kind = kind;
      state.mean = new Float32Array(width * height);
      state.mask = new Uint8Array(width * height);
    }
    const { mean, mask, span } = state;
    const count = compare(levels, mean, mask, known, params.threshold * fullScale(info), params.rate);
    const share = count / mask.length;
    metric({ foreground: share });
    // A mosaic is looked at in blocks of four.
    const blocks = info.width / width >= 2 ? 2 : 1;
    if (params.boxes && count > 0) {
      const spots = findSpots(mask, width, height, Math.max(params.minShare * width * height, CELL));
      if (spots.length) data({ boxes: spots.map(({ x, y, w, h }) => ({ x: x * blocks, y: y * blocks, w: w * blocks, h: h * blocks })) });
    }
    const moves = params.markers > 0 && share >= (span.open ? params.markers / 2 : params.markers);
    for (const found of span.next(info, moves)) marker(found);
    if (params.show === 'picture') return null;
    if (params.show === 'mask') return maskPicture(mask, width, info, blocks);
    blacken(frame, mask, width, height, blocks);
    return frame;
  },
});

/** Marks what differs and lets the background follow; gives how many pixels do. */
function compare(levels: Levels, mean: Float32Array, mask: Uint8Array, known: boolean, least: number, rate: number): number {
  const { width, height } = levels;
  const row = new Float32Array(width);
  let count = 0;
  for (let y = 0, i = 0; y < height; y++) {
    levels.row(row, y, 0, 1);
    for (let x = 0; x < width; x++, i++) {
      const value = row[x]!;
      const usual = mean[i]!;
      // What is no number is no difference, and nothing to learn from.
      if (!known || usual - usual !== 0) {
        mean[i] = value;
        mask[i] = 0;
        continue;
      }
      const differs = Math.abs(value - usual) > least;
      mask[i] = differs ? 255 : 0;
      if (differs) count++;
      if (value - value === 0) mean[i] = usual + (value - usual) * (differs ? rate / 10 : rate);
    }
  }
  return count;
}

function maskPicture(mask: Uint8Array, columns: number, { width, height }: FrameInfo, blocks: number) {
  if (blocks === 1) return { pixels: mask, width, height, format: 'gray', significantBits: 8 } as const;
  const pixels = new Uint8Array(width * height);
  const rows = mask.length / columns;
  for (let y = 0, i = 0; y < height; y++) {
    const at = Math.min(y >> 1, rows - 1) * columns;
    for (let x = 0; x < width; x++) pixels[i++] = mask[at + Math.min(x >> 1, columns - 1)]!;
  }
  return { pixels, width, height, format: 'gray', significantBits: 8 } as const;
}

/** Black where the mask is: 16 of limited-range luma, zero of all else; alpha stays. */
function blacken(frame: VideoFrame, mask: Uint8Array, columns: number, rows: number, blocks: number): void {
  const { format, width, height } = frame;
  const pixels = frame.edit();
  const planar = FORMATS[format].bytesPerPixel === 0;
  const samples = planar ? 1 : FORMATS[format].channels;
  const black = planar ? 16 : 0;
  const colours = samples === 4 ? 3 : samples;
  const shift = blocks - 1;
  for (let y = 0; y < height; y++) {
    const at = Math.min(y >> shift, rows - 1) * columns;
    for (let x = 0; x < width; x++) {
      if (mask[at + Math.min(x >> shift, columns - 1)]) continue;
      const p = (y * width + x) * samples;
      for (let c = 0; c < colours; c++) pixels[p + c] = black;
    }
  }
  if (!planar) return;
  const half = (width + 1) >> 1;
  const second = format === 'nv12' ? 1 : half * ((height + 1) >> 1);
  const step = format === 'nv12' ? 2 : 1;
  for (let y = 0; y < (height + 1) >> 1; y++) {
    for (let x = 0; x < half; x++) {
      if (mask[y * 2 * columns + x * 2]) continue;
      const p = width * height + (y * half + x) * step;
      pixels[p] = 128;
      pixels[p + second] = 128;
    }
  }
}
