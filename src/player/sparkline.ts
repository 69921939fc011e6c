// Paths of small plots. Pure.

export interface PlotSpan {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The path of an SVG line through points (x, y) in a box, and the range of their y. Points that are not finite interrupt it. `span`: what the
 * box shows; absent: all of the points. A range without height lies in the middle.
 */
export function plotPath(
  points: readonly (readonly [x: number, y: number])[],
  width: number,
  height: number,
  span?: PlotSpan,
): { path: string; low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [, y] of points) {
    if (y - y !== 0) continue;
    if (y < low) low = y;
    if (y > high) high = y;
  }
  const shown = span ?? { from: points[0]?.[0] ?? 0, to: points.at(-1)?.[0] ?? 1, low, high };
  const wide = shown.to - shown.from || 1;
  const tall = shown.high - shown.low;
  let path = '';
  let pen = 'M';
  for (const [x, y] of points) {
    if (y - y !== 0) {
      pen = 'M';
      continue;
    }
    const across = ((x - shown.from) / wide) * width;
    const up = tall > 0 ? ((y - shown.low) / tall) * (height - 2) + 1 : height / 2;
    path += `${pen}${across.toFixed(1)} ${(height - up).toFixed(1)}`;
    pen = 'L';
  }
  return { path, low, high };
}
