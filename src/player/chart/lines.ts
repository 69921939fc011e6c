// Draws binned series as lines.
import type { Bins } from './bins.ts';
import type { Range } from './numbers.ts';

export interface Line {
  readonly bins: Bins;
  /** Which of the axes it belongs to. */
  readonly axis: number;
  readonly colour: string;
  readonly shown: boolean;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where samples are this many pixels apart, each is a dot. */
const DOT_PIXELS = 12;

/** @param ranges of the axes */
export function drawLines(
  context: CanvasRenderingContext2D,
  box: Box,
  lines: readonly Line[],
  ranges: readonly Range[],
  pixelRatio: number,
): void {
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.lineWidth = Math.max(1, pixelRatio);
  // Round joins cost three times as much, and cannot be seen.
  context.lineJoin = 'bevel';
  for (const line of lines) {
    const range = ranges[line.axis];
    if (!line.shown || !range) continue;
    context.strokeStyle = context.fillStyle = line.colour;
    drawLine(context, box, line.bins, range, pixelRatio);
  }
  context.restore();
}

function drawLine(context: CanvasRenderingContext2D, box: Box, bins: Bins, range: Range, pixelRatio: number): void {
  const bottom = box.top + box.height;
  const perValue = box.height / (range.max - range.min);
  const left = box.left + 0.5;
  const dots = bins.length * DOT_PIXELS * pixelRatio < box.width;
  const size = pixelRatio * (dots ? 4 : 2);
  context.beginPath();
  for (let at = 0; at < bins.length; at++) {
    const x = left + bins.x[at]!;
    const first = bottom - (bins.first[at]! - range.min) * perValue;
    if (bins.breaks[at] === 1) context.moveTo(x, first);
    else context.lineTo(x, first);
    if (bins.min[at]! === bins.max[at]!) continue;
    context.lineTo(x, bottom - (bins.min[at]! - range.min) * perValue);
    context.lineTo(x, bottom - (bins.max[at]! - range.min) * perValue);
    context.lineTo(x, bottom - (bins.last[at]! - range.min) * perValue);
  }
  context.stroke();
  for (let at = 0; at < bins.length; at++) {
    // A sample between two gaps has no line.
    if (!dots && !(bins.breaks[at] === 1 && (at + 1 === bins.length || bins.breaks[at + 1] === 1))) continue;
    const y = bottom - (bins.last[at]! - range.min) * perValue;
    context.fillRect(left + bins.x[at]! - size / 2, y - size / 2, size, size);
  }
}
