// How much of the picture has changed since the frame before: metric `motion`, 0 to 1. With a threshold, markers while things move.
import { parseDuration } from '../core/time.ts';
import { fullScale, Levels, type Region, stepFor } from './levels.ts';
import type { OpenProcessor } from './processor.ts';
import { SpanFinder, sameSpans } from './span.ts';

export interface MotionParams {
  readonly region?: Region | undefined;
  /** Share of the full scale by which a pixel must differ. */
  readonly sensitivity: number;
  /** Share of changed pixels at which a span begins; without it there are no markers. */
  readonly threshold?: number | undefined;
  /** Share below which it is over: half of `threshold` if left out. */
  readonly below?: number | undefined;
  readonly kind: string;
  readonly label: string;
  readonly confirm: number;
  readonly release: number;
  readonly split: string | number;
}

const SAMPLES = 40_000;

export const open: OpenProcessor<MotionParams> = (given) => {
  let params = given;
  const span = new SpanFinder({ ...params, split: parseDuration(params.split, 'split') * 1000 });
  let before = new Float32Array(0);
  let geometry = '';
  return {
    process(frame) {
      const { info } = frame;
      const { threshold, sensitivity } = params;
      const below = params.below ?? (threshold ?? 0) / 2;
      const levels = new Levels(frame);
      const region = levels.region(params.region, info);
      const step = stepFor(region, SAMPLES);
      const columns = Math.ceil(region.w / step);
      const rows = Math.ceil(region.h / step);
      const now = new Float32Array(columns * rows);
      for (let y = 0; y < rows; y++) {
        levels.row(now.subarray(y * columns, (y + 1) * columns), region.y + y * step, region.x, step);
      }
      const kind = `${info.format} ${info.width}x${info.height} ${JSON.stringify(region)}`;
      // Pictures of another kind cannot be compared: a gap, not a movement.
      const comparable = kind === geometry;
      const share = comparable ? changed(before, now, scaleOf(frame.info, now) * sensitivity) : null;
      geometry = kind;
      before = now;
      const moves = share !== null && threshold !== undefined && share >= (span.open ? below : threshold);
      return { metrics: { motion: share }, markers: span.next(info, moves) };
    },
    // The picture before stays, so that the metric has no gap.
    update(next: MotionParams) {
      if (!sameSpans(params, next)) return false;
      params = next;
      return true;
    },
    finish: () => ({ markers: span.finish() }),
  };
};

function changed(before: Float32Array, now: Float32Array, least: number): number {
  let count = 0;
  // A difference to or from NaN is none.
  for (let i = 0; i < now.length; i++) if (Math.abs(now[i]! - before[i]!) > least) count++;
  return count / now.length;
}

/** Floats are in 0..1, in 0..255 or in whatever their largest value says. */
function scaleOf(info: Parameters<typeof fullScale>[0], values: Float32Array): number {
  if (info.format !== 'grayf32le') return fullScale(info);
  let most = 0;
  for (const value of values) if (Number.isFinite(value) && Math.abs(value) > most) most = Math.abs(value);
  if (most <= 1) return 1;
  return most <= 255 ? 255 : most;
}
