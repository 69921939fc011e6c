// Finds a patch of one colour: the largest coherent spot of pixels near that colour. One marker per event, from the first frame that
// shows it to the last. The defaults find the mint square of the checkerboard pattern.
import { parseDuration } from '../core/time.ts';
import { Colours, clipRegion, type Region, stepFor } from './levels.ts';
import type { OpenProcessor, ProcessorFrame } from './processor.ts';
import { SpanFinder, sameSpans } from './span.ts';

export interface ColorPatchParams {
  /** Red, green, blue, 0 to 255. */
  readonly color: readonly [number, number, number];
  /** Largest difference in each of the three. */
  readonly tolerance: number;
  readonly region?: Region | undefined;
  /** Least share of the region that the patch covers. */
  readonly minShare: number;
  /** Least share of its own bounding box that the patch fills. */
  readonly minFill: number;
  /** A record with the box for each frame that shows it. */
  readonly boxes: boolean;
  readonly kind: string;
  readonly label: string;
  readonly confirm: number;
  readonly release: number;
  readonly split: string | number;
}

/** Pixels that are looked at: a side of a 100th of the picture is still met by several. */
const SAMPLES = 40_000;
/** Fewer are an accident. */
const LEAST_SAMPLES = 4;

export const open: OpenProcessor<ColorPatchParams> = (given) => {
  let params = given;
  const span = new SpanFinder({ ...params, split: parseDuration(params.split, 'split') * 1000 });
  let finder = new PatchFinder(params);
  return {
    process(frame) {
      const found = finder.find(frame);
      const box = found && { x: found.x, y: found.y, w: found.w, h: found.h };
      const markers = span.next(frame.info, box !== null, box ? { box } : undefined);
      const data = box && params.boxes ? [{ boxes: [{ ...box, label: params.label }] }] : [];
      return markers.length || data.length ? { markers, data } : null;
    },
    update(next: ColorPatchParams) {
      if (!sameSpans(params, next)) return false;
      params = next;
      finder = new PatchFinder(next);
      return true;
    },
    finish: () => ({ markers: span.finish() }),
  };
};

/** Finds the patch in single pictures. */
export class PatchFinder {
  readonly #params: Pick<ColorPatchParams, 'color' | 'tolerance' | 'region' | 'minShare' | 'minFill'>;
  #row = new Uint8ClampedArray(0);
  #mask = new Uint8Array(0);
  #stack = new Int32Array(0);

  constructor(params: Pick<ColorPatchParams, 'color' | 'tolerance' | 'region' | 'minShare' | 'minFill'>) {
    this.#params = params;
  }

  /** Bounding box of the patch in source pixels, true to the sampling step; `null` = there is none. */
  find(frame: ProcessorFrame): Region | null {
    const { info } = frame;
    const { tolerance, minShare, minFill } = this.#params;
    const [red, green, blue] = this.#params.color;
    const region = clipRegion(this.#params.region, info.width, info.height);
    const step = stepFor(region, SAMPLES);
    const columns = Math.ceil(region.w / step);
    const rows = Math.ceil(region.h / step);
    if (this.#mask.length !== columns * rows) {
      this.#mask = new Uint8Array(columns * rows);
      this.#stack = new Int32Array(columns * rows);
      this.#row = new Uint8ClampedArray(columns * 3);
    }
    const mask = this.#mask;
    const row = this.#row;
    const colours = new Colours(frame);
    let matching = 0;
    for (let y = 0; y < rows; y++) {
      colours.row(row, region.y + y * step, region.x, step);
      for (let x = 0, p = 0; x < columns; x++, p += 3) {
        const near =
          Math.abs(row[p]! - red) <= tolerance && Math.abs(row[p + 1]! - green) <= tolerance && Math.abs(row[p + 2]! - blue) <= tolerance;
        mask[y * columns + x] = near ? 1 : 0;
        if (near) matching++;
      }
    }
    const least = Math.max(LEAST_SAMPLES, columns * rows * minShare);
    if (matching < least) return null;
    const spot = this.#largest(columns, rows);
    if (spot.count < least || spot.count < spot.w * spot.h * minFill) return null;
    const left = region.x + spot.x * step;
    const top = region.y + spot.y * step;
    return {
      x: left,
      y: top,
      w: Math.min(spot.w * step, region.x + region.w - left),
      h: Math.min(spot.h * step, region.y + region.h - top),
    };
  }

  /** The largest set of touching samples in the mask, which is used up. */
  #largest(columns: number, rows: number): { count: number; x: number; y: number; w: number; h: number } {
    const mask = this.#mask;
    const stack = this.#stack;
    let best = { count: 0, x: 0, y: 0, w: 0, h: 0 };
    for (let start = 0; start < columns * rows; start++) {
      if (mask[start] !== 1) continue;
      let depth = 0;
      let count = 0;
      let left = columns;
      let right = 0;
      let top = rows;
      let bottom = 0;
      const visit = (at: number) => {
        if (mask[at] !== 1) return;
        mask[at] = 2;
        stack[depth++] = at;
      };
      visit(start);
      while (depth > 0) {
        const at = stack[--depth]!;
        const x = at % columns;
        const y = (at - x) / columns;
        count++;
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        if (y > bottom) bottom = y;
        if (x > 0) visit(at - 1);
        if (x + 1 < columns) visit(at + 1);
        if (y > 0) visit(at - columns);
        if (y + 1 < rows) visit(at + columns);
      }
      if (count > best.count) best = { count, x: left, y: top, w: right - left + 1, h: bottom - top + 1 };
    }
    return best;
  }
}
