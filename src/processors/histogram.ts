// How often each level occurs, at full depth: a vector of counts from `low` to `high`, and the least, largest and mean level.
import { fullScale, Levels, type Region } from './levels.ts';
import type { OpenProcessor } from './processor.ts';

export interface HistogramParams {
  readonly region?: Region | undefined;
  readonly bins: number;
  /** Default 0 and the largest level of the significant bits; of floats the least and largest that occur. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** Every pixel counts. What lies outside `low` to `high` is in the first and the last bin. */
export const open: OpenProcessor<HistogramParams> = (params) => ({
  process(frame) {
    const { info } = frame;
    const levels = new Levels(frame);
    const { x, y, w, h } = levels.region(params.region, info);
    const row = new Float32Array(w);
    let [min, max, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (let line = y; line < y + h; line++) {
      levels.row(row, line, x, 1);
      for (let i = 0; i < w; i++) {
        const value = row[i]!;
        // Finite numbers only.
        if (value - value !== 0) continue;
        if (value < min) min = value;
        if (value > max) max = value;
        sum += value;
        count++;
      }
    }
    if (!count) return { metrics: { histogram: null } };
    const float = info.format === 'grayf32le';
    const low = params.low ?? (float ? min : 0);
    const high = params.high ?? (float ? max : fullScale(info));
    const bins = new Array<number>(params.bins).fill(0);
    // Whole numbers have bins of equal width: the largest is inside the last one.
    const width = Math.max(Number.MIN_VALUE, (high - low + (float ? 0 : 1)) / bins.length);
    for (let line = y; line < y + h; line++) {
      levels.row(row, line, x, 1);
      for (let i = 0; i < w; i++) {
        const value = row[i]!;
        if (value - value !== 0) continue;
        const bin = Math.min(bins.length - 1, Math.max(0, Math.floor((value - low) / width)));
        bins[bin]!++;
      }
    }
    const all = { low, high, min, max, mean: sum / count };
    return {
      metrics: { histogram: bins, ...Object.fromEntries(Object.entries(all).map(([name, value]) => [`histogram.${name}`, value])) },
    };
  },
});
