// Markers as faint lines behind the curves; those that last as bands.
import type { Marker } from '../../api/timeline.ts';
import { kindLook } from '../marker-look.ts';
import type { Span } from './chart-group.ts';
import type { Box } from './lines.ts';

/** Draws the markers of a view; `list` is in the order of their times. */
export function drawMarkers(context: CanvasRenderingContext2D, box: Box, list: readonly Marker[], span: Span, pixelRatio: number): void {
  if (list.length === 0) return;
  const perTime = box.width / (span.end - span.start);
  const place = (time: number) => box.left + Math.min(box.width, Math.max(0, (time - span.start) * perTime));
  let before = Number.NaN;
  context.save();
  for (const { timestamp, end, open, kind } of list) {
    if (timestamp > span.end) break;
    const last = open ? span.end : (end ?? timestamp);
    if (last < span.start) continue;
    const x = Math.round(place(timestamp));
    context.fillStyle = kindLook(kind).colour;
    if (last > timestamp) {
      context.globalAlpha = 0.12;
      context.fillRect(x, box.top, Math.max(1, place(last) - x), box.height);
    }
    // Many at one pixel are one line.
    if (timestamp < span.start || x === before) continue;
    before = x;
    context.globalAlpha = 0.55;
    context.fillRect(x, box.top, pixelRatio, box.height);
  }
  context.restore();
}
