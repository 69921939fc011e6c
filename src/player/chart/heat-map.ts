// A vector metric as a picture: time to the right, place in the vector upwards, value as colour. The columns are kept in a canvas that is
// used as a ring: as time goes on, only new columns are computed.
import type { Span } from './chart-group.ts';
import { colourMap } from './colours.ts';
import type { FeedSeries } from './metric-feed.ts';
import type { Range } from './numbers.ts';
import type { PastSeries } from './past.ts';
import { gapOf } from './reader.ts';
import type { SampleBuffer } from './sample-buffer.ts';

const MOST_ROWS = 1024;
/** The range of colours is looked at again so often, in columns. */
const RANGE_COLUMNS = 32;

export class HeatMap {
  /** What the least and the greatest colour stand for. */
  range: Range = { min: 0, max: 1 };
  /** Columns computed by the last drawing. */
  computed = 0;
  readonly #colours = colourMap();
  readonly #canvas = new OffscreenCanvas(1, 1);
  readonly #context = this.#canvas.getContext('2d', { willReadFrequently: false })!;
  #image = new ImageData(1, 1);
  #pixels = new Uint32Array(1);
  #mean = new Float64Array(1);
  /** µs of a column. */
  #perColumn = 0;
  /** Columns [from, to) are in the ring, counted from the Unix epoch. */
  #from = 0;
  #to = 0;
  #sinceRange = 0;

  /** Forgets all columns: the samples of old ones have changed. */
  spoil(): void {
    this.#to = this.#from;
  }

  /** Brings the columns of a view up to date; those after `sure` (µs) may still change. */
  update(series: FeedSeries, past: PastSeries | undefined, span: Span, columns: number, sure: number): void {
    const perColumn = (span.end - span.start) / columns;
    const height = Math.min(MOST_ROWS, series.width);
    if (this.#canvas.width !== columns + 2 || this.#canvas.height !== height || Math.abs(perColumn / this.#perColumn - 1) > 1e-9) {
      this.#canvas.width = columns + 2;
      this.#canvas.height = height;
      this.#perColumn = perColumn;
      this.spoil();
    }
    const first = Math.floor(span.start / perColumn);
    const end = Math.floor(span.end / perColumn) + 1;
    if (first < this.#from || first > this.#to || this.#from === this.#to || this.#sinceRange > RANGE_COLUMNS) {
      if (this.#newRange(series, past, span)) this.spoil();
    }
    let begin = first;
    if (this.#to > this.#from && first >= this.#from && first <= this.#to) begin = Math.max(first, this.#to);
    this.#paint(series, past, begin, end);
    this.#sinceRange += end - begin;
    this.computed = end - begin;
    this.#from = first;
    // Columns that may still get samples are computed again.
    this.#to = Math.max(first, Math.min(end, Math.floor(sure / perColumn)));
  }

  /** Draws the view into a box of a canvas. */
  draw(context: CanvasRenderingContext2D, box: { left: number; top: number; width: number; height: number }, span: Span): void {
    const ring = this.#canvas.width;
    const first = Math.floor(span.start / this.#perColumn);
    const columns = Math.round((span.end - span.start) / this.#perColumn);
    const shift = span.start / this.#perColumn - first;
    const perPixel = box.width / columns;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    context.imageSmoothingEnabled = false;
    const at = first % ring;
    const head = Math.min(ring - at, columns + 1);
    const left = box.left - shift * perPixel;
    context.drawImage(this.#canvas, at, 0, head, this.#canvas.height, left, box.top, head * perPixel, box.height);
    const rest = columns + 1 - head;
    if (rest > 0) {
      context.drawImage(this.#canvas, 0, 0, rest, this.#canvas.height, left + head * perPixel, box.top, rest * perPixel, box.height);
    }
    context.restore();
  }

  /** True if the colours change so much that all columns must be computed again. */
  #newRange(series: FeedSeries, past: PastSeries | undefined, span: Span): boolean {
    this.#sinceRange = 0;
    const { min, max } = series.config;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    if (min === undefined || max === undefined) {
      for (const rows of past && span.start < series.from ? [past.rows, series.live] : [series.live]) {
        if (rows.width !== series.width) continue;
        // Some rows are enough to know the range by.
        const from = Math.max(0, rows.rowAt(span.start));
        const to = rows.rowAt(span.end) + 1;
        const stride = Math.max(1, Math.floor((to - from) / 200));
        for (let row = from; row < to; row += stride) {
          for (let index = 0; index < series.width; index++) {
            const value = rows.valueAt(row, index);
            if (value < low) low = value;
            if (value > high && value !== Number.POSITIVE_INFINITY) high = value;
          }
        }
      }
      if (low > high) return true;
    }
    const next = { min: min ?? low, max: max ?? high };
    if (!(next.max > next.min)) next.max = next.min + (Math.abs(next.min) * 0.1 || 1);
    const known = this.range;
    const height = known.max - known.min;
    const fits = next.min >= known.min - height * 0.02 && next.max <= known.max + height * 0.02;
    if (fits && next.max - next.min > height * 0.7) return false;
    this.range = next;
    return true;
  }

  #paint(series: FeedSeries, past: PastSeries | undefined, begin: number, end: number): void {
    const { width } = this.#canvas;
    for (let column = begin; column < end; ) {
      // One piece up to the end of the ring.
      const at = column % width;
      const count = Math.min(end - column, width - at);
      this.#compute(series, past, column, count);
      this.#context.putImageData(this.#image, at, 0, 0, 0, count, this.#canvas.height);
      column += count;
    }
  }

  #compute(series: FeedSeries, past: PastSeries | undefined, column: number, count: number): void {
    const { height } = this.#canvas;
    if (this.#image.height !== height || this.#image.width < count) {
      this.#image = new ImageData(Math.max(count, 64), height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    if (this.#mean.length !== height) this.#mean = new Float64Array(height);
    for (let n = 0; n < count; n++) {
      const start = (column + n) * this.#perColumn;
      const found = this.#meanOf(series, past, start, start + this.#perColumn);
      this.#colourColumn(n, found);
    }
  }

  /** Mean of the vectors of a column; of the one before it where a column is narrower than the distance of vectors. */
  #meanOf(series: FeedSeries, past: PastSeries | undefined, start: number, end: number): boolean {
    const rows: SampleBuffer | undefined = start >= series.from || !past ? series.live : past.rows;
    if (rows.width !== series.width) return false;
    const step = rows === series.live ? 0 : (past?.step ?? 0);
    const last = rows.rowAt(end - 1);
    if (last < 0) return false;
    let first = last;
    while (first > 0 && rows.timeAt(first - 1) >= start) first--;
    // A vector holds until the next one; where that is far off or missing, no longer than usual.
    if (rows.timeAt(first) < start) {
      const gap = gapOf(rows, step);
      const apart = last + 1 < rows.length && rows.timeAt(last + 1) - rows.timeAt(last) > gap;
      if (start - rows.timeAt(first) > (apart ? (rows.interval() ?? 0) : gap)) return false;
    }
    const scale = 1 / (last - first + 1);
    for (let index = 0; index < this.#mean.length; index++) {
      let sum = 0;
      for (let row = first; row <= last; row++) sum += rows.valueAt(row, index);
      this.#mean[index] = sum * scale;
    }
    return true;
  }

  #colourColumn(n: number, found: boolean): void {
    const { height } = this.#canvas;
    const { width } = this.#image;
    const { min, max } = this.range;
    const scale = 255 / (max - min);
    for (let index = 0; index < height; index++) {
      const value = found ? this.#mean[index]! : Number.NaN;
      const level = Math.max(0, Math.min(255, Math.round((value - min) * scale)));
      // The first value of the vector is at the bottom.
      this.#pixels[(height - 1 - index) * width + n] = Number.isNaN(value) ? 0 : this.#colours[level]!;
    }
  }
}
