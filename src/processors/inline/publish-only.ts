// Data instead of pictures: every so many frames a record of what was seen, and no picture at all.
import { z } from 'zod';
import { defineProcessor, WITHHOLD } from '../define.ts';
import { Levels, stepFor } from '../levels.ts';
import { bytesOf } from '../video-frame.ts';
import { fillTemplate } from './burn-text.ts';

/** Pixels that are looked at. */
const SAMPLES = 20_000;

export const processor = defineProcessor({
  name: 'publish-only',
  params: z.strictObject({
    every: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1)
      .describe('one record for so many frames')
      .meta({ title: 'Every', unit: 'frames' }),
    text: z
      .string()
      .max(1000)
      .optional()
      .describe('goes into the record as `text`; {mean}, {min}, {max} and what the processor `text` knows are filled in')
      .meta({ title: 'Text' }),
  }),
  load: () => ({ seen: 0 }),
  video(frame, { params, state, stream, metric, data }) {
    if (state.seen++ % params.every === 0) {
      const { width, height, format } = frame;
      const levels = levelsOf(frame.info, bytesOf(frame.pixels));
      metric(levels);
      const text = params.text && fillTemplate(params.text, frame, stream, levels);
      data({ width, height, format, ...levels, ...(text ? { text } : {}) });
    }
    return WITHHOLD;
  },
});

/** Of floats finite ones only; null = there are none. */
function levelsOf(
  info: Parameters<typeof Levels.prototype.region>[1],
  pixels: Uint8Array,
): { mean: number | null; min: number | null; max: number | null } {
  const levels = new Levels({ info, pixels });
  const step = stepFor({ x: 0, y: 0, w: levels.width, h: levels.height }, SAMPLES);
  const row = new Float32Array(Math.ceil(levels.width / step));
  let count = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let y = 0; y < levels.height; y += step) {
    for (const value of levels.row(row, y, 0, step)) {
      if (!Number.isFinite(value)) continue;
      count++;
      sum += value;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  return count ? { mean: sum / count, min, max } : { mean: null, min: null, max: null };
}
