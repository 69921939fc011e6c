// How sharp the picture is: the variance of its Laplacian, each picture scaled to 0..255, so that depth and format make no difference.
// The figure compares pictures of one scene: a larger one is sharper.
import { fullScale, Levels, type Region } from './levels.ts';
import type { OpenProcessor } from './processor.ts';

export interface FocusParams {
  readonly region?: Region | undefined;
}

/** Pixels whose neighbourhood is looked at. Whole rows are read, and rows left out in between: sharpness is in adjoining pixels. */
const SAMPLES = 80_000;

export const open: OpenProcessor<FocusParams> = (params) => ({
  process(frame) {
    const { info } = frame;
    const levels = new Levels(frame);
    const { x, y, w, h } = levels.region(params.region, info);
    if (w < 3 || h < 3) return { metrics: { focus: null } };
    const every = Math.max(1, Math.ceil((w * h) / SAMPLES));
    const [above, middle, under] = [new Float32Array(w), new Float32Array(w), new Float32Array(w)];
    const scale = 255 / (info.format === 'grayf32le' ? 1 : fullScale(info));
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (let line = 1; line < h - 1; line += every) {
      levels.row(above, y + line - 1, x, 1);
      levels.row(middle, y + line, x, 1);
      levels.row(under, y + line + 1, x, 1);
      for (let i = 1; i < w - 1; i++) {
        const value = (above[i]! + under[i]! + middle[i - 1]! + middle[i + 1]! - 4 * middle[i]!) * scale;
        // Finite numbers only.
        if (value - value !== 0) continue;
        count++;
        sum += value;
        squares += value * value;
      }
    }
    if (count === 0) return { metrics: { focus: null } };
    const mean = sum / count;
    return { metrics: { focus: squares / count - mean * mean } };
  },
});
