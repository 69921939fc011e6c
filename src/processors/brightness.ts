// How bright the picture is, in its own unit: mean, levels that 1 % and 99 % of the pixels lie below, and the share that is saturated.
import { fullScale, Levels, type Region, stepFor } from './levels.ts';
import type { OpenProcessor } from './processor.ts';

export interface BrightnessParams {
  readonly region?: Region | undefined;
}

const SAMPLES = 20_000;

export const open: OpenProcessor<BrightnessParams> = (params) => ({
  process(frame) {
    const { info } = frame;
    const levels = new Levels(frame);
    const region = levels.region(params.region, info);
    const step = stepFor(region, SAMPLES);
    const columns = Math.ceil(region.w / step);
    const rows = Math.ceil(region.h / step);
    const values = new Float32Array(columns * rows);
    const row = new Float32Array(columns);
    // Floats have no level at which they are full.
    const full = info.format === 'grayf32le' ? Number.POSITIVE_INFINITY : fullScale(info);
    let count = 0;
    let sum = 0;
    let saturated = 0;
    for (let y = 0; y < rows; y++) {
      levels.row(row, region.y + y * step, region.x, step);
      for (let x = 0; x < columns; x++) {
        const value = row[x]!;
        // Finite numbers only.
        if (value - value !== 0) continue;
        values[count++] = value;
        sum += value;
        // Weighted sums of full samples miss the top by a rounding error.
        if (value >= full - 0.5) saturated++;
      }
    }
    if (count === 0) return { metrics: { brightness: null, 'brightness.p1': null, 'brightness.p99': null, saturated: null } };
    const sorted = values.subarray(0, count).sort();
    const at = (share: number) => sorted[Math.min(count - 1, Math.floor(share * count))]!;
    return {
      metrics: {
        brightness: sum / count,
        'brightness.p1': at(0.01),
        'brightness.p99': at(0.99),
        saturated: Number.isFinite(full) ? saturated / count : null,
      },
    };
  },
});
