// Coherent spots of a mask: found on a raster of cells, which is quick at any size, and then drawn tight.

export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** Pixels of the mask in it. */
  readonly count: number;
}

/** Side of a cell, pixels. */
export const CELL = 8;
const MOST = 50;

/** Spots of at least `least` pixels, the largest first; cells touch by their edges and corners. */
export function findSpots(mask: Uint8Array, width: number, height: number, least: number): Spot[] {
  const columns = Math.ceil(width / CELL);
  const rows = Math.ceil(height / CELL);
  const counts = new Int32Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const cells = Math.floor(y / CELL) * columns;
    for (let x = 0, i = y * width; x < width; x++, i++) if (mask[i]) counts[cells + ((x / CELL) | 0)]!++;
  }
  const stack: number[] = [];
  const spots: Spot[] = [];
  // A few points in a cell are noise.
  const visit = (cell: number) => {
    if (counts[cell]! * 4 < CELL) return;
    stack.push(cell);
  };
  for (let start = 0; start < counts.length; start++) {
    let [count, left, right, top, bottom] = [0, columns, 0, rows, 0];
    visit(start);
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      if (counts[cell] === 0) continue;
      const x = cell % columns;
      const y = (cell - x) / columns;
      count += counts[cell]!;
      counts[cell] = 0;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(rows - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(columns - 1, x + 1); nx++) visit(ny * columns + nx);
      }
    }
    if (count < least) continue;
    const edges = {
      left: left * CELL,
      top: top * CELL,
      right: Math.min(width, (right + 1) * CELL),
      bottom: Math.min(height, (bottom + 1) * CELL),
    };
    spots.push({ ...tightened(mask, width, edges), count });
  }
  return spots.sort((a, b) => b.count - a.count).slice(0, MOST);
}

/** Leaves out rows and columns at the edges that hold nothing. */
function tightened(mask: Uint8Array, width: number, { left, top, right, bottom }: Record<'left' | 'top' | 'right' | 'bottom', number>) {
  const row = (y: number) => {
    for (let x = left; x < right; x++) if (mask[y * width + x]) return true;
    return false;
  };
  const column = (x: number) => {
    for (let y = top; y < bottom; y++) if (mask[y * width + x]) return true;
    return false;
  };
  while (top < bottom - 1 && !row(top)) top++;
  while (bottom - 1 > top && !row(bottom - 1)) bottom--;
  while (left < right - 1 && !column(left)) left++;
  while (right - 1 > left && !column(right - 1)) right--;
  return { x: left, y: top, w: right - left, h: bottom - top };
}
