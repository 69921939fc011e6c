// A vector metric as lines above each other, one for each place in the vector (or for several together where there are more than fit).
import type { Span } from './chart-group.ts';
import type { Box } from './lines.ts';
import type { FeedSeries } from './metric-feed.ts';
import type { Range } from './numbers.ts';
import type { PastSeries } from './past.ts';
import { gapOf } from './reader.ts';

/** Pixels of the canvas that a line needs at least. */
const LEAST_HEIGHT = 8;

/** Draws the traces of a view; `range` is the height of one of them. */
export function drawTraces(
  context: CanvasRenderingContext2D,
  box: Box,
  series: FeedSeries,
  past: PastSeries | undefined,
  span: Span,
  range: Range,
  colours: readonly string[],
): void {
  const lines = Math.max(1, Math.min(series.width, Math.floor(box.height / LEAST_HEIGHT)));
  const perLine = series.width / lines;
  const lane = box.height / lines;
  const perTime = box.width / (span.end - span.start);
  // Neighbours may overlap a little, as lines of such displays do.
  const perValue = (lane * 1.4) / (range.max - range.min);
  const middle = (range.min + range.max) / 2;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.lineWidth = 1;
  for (let line = 0; line < lines; line++) {
    const index = Math.floor(line * perLine);
    const centre = box.top + box.height - (line + 0.5) * lane;
    context.strokeStyle = colours[line % colours.length]!;
    context.beginPath();
    let before = Number.NEGATIVE_INFINITY;
    for (const rows of past && span.start < series.from ? [past.rows, series.live] : [series.live]) {
      if (rows.width !== series.width) continue;
      const gap = gapOf(rows, rows === series.live ? 0 : (past?.step ?? 0));
      const from = Math.max(0, rows.rowAt(rows === series.live ? Math.max(span.start, series.from) : span.start));
      const to = Math.min(rows.length, rows.rowAt(span.end) + 2);
      // No finer than the pixels.
      const stride = Math.max(1, Math.floor((to - from) / (box.width * 2)));
      for (let row = from; row < to; row += stride) {
        const time = rows.timeAt(row);
        if (rows !== series.live && time >= series.from) break;
        const value = rows.valueAt(row, index);
        if (!Number.isFinite(value)) {
          before = Number.NEGATIVE_INFINITY;
          continue;
        }
        const x = box.left + (time - span.start) * perTime;
        const y = centre - (value - middle) * perValue;
        if (time - before > gap * stride) context.moveTo(x, y);
        else context.lineTo(x, y);
        before = time;
      }
    }
    context.stroke();
  }
  context.restore();
}
