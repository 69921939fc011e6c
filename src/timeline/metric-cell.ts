// Roll-ups: what is left of the samples of a second, a minute or a bin. A cell is a few doubles in a row of many.
import type { Chunk } from './metric-chunk.ts';

const MIN = 0;
const MAX = 1;
const SUM = 2;
const COUNT = 3;
const GAPS = 4;
const ENDS_IN_GAP = 5;
const FIXED = 6;

/** Doubles of a cell: of vectors, each element has its own sum and count. */
export function cellSize(width: number): number {
  return width === 1 ? FIXED : FIXED + 2 * width;
}

/** Takes samples, or other cells, in the order of time. */
export class Cell {
  readonly width: number;
  readonly data: Float64Array;

  /** A cell of its own, or the view of one in a row. */
  constructor(width: number, data: Float64Array = new Float64Array(cellSize(width))) {
    this.width = width;
    this.data = data;
  }

  get empty(): boolean {
    return isEmpty(this.data, 0);
  }

  /** Numbers that were not gaps. */
  get count(): number {
    return this.data[COUNT]!;
  }

  get min(): number {
    return this.data[COUNT] === 0 ? Number.NaN : this.data[MIN]!;
  }

  get max(): number {
    return this.data[COUNT] === 0 ? Number.NaN : this.data[MAX]!;
  }

  get mean(): number {
    return this.data[COUNT] === 0 ? Number.NaN : this.data[SUM]! / this.data[COUNT]!;
  }

  /** The last sample was a gap: what follows is not joined to it. */
  get endsInGap(): boolean {
    return this.data[ENDS_IN_GAP] === 1;
  }

  meanOf(element: number): number {
    const count = this.data[FIXED + this.width + element]!;
    return count === 0 ? Number.NaN : this.data[FIXED + element]! / count;
  }

  clear(): this {
    this.data.fill(0);
    return this;
  }

  addSample(chunk: Chunk, i: number): void {
    const { data, width } = this;
    let gap = 1;
    for (let k = 0; k < width; k++) {
      const value = chunk.value[i * width + k]!;
      if (Number.isNaN(value)) {
        data[GAPS]!++;
        continue;
      }
      gap = 0;
      if (data[COUNT] === 0 || value < data[MIN]!) data[MIN] = value;
      if (data[COUNT] === 0 || value > data[MAX]!) data[MAX] = value;
      data[SUM]! += value;
      data[COUNT]!++;
      if (width > 1) {
        data[FIXED + k]! += value;
        data[FIXED + width + k]!++;
      }
    }
    data[ENDS_IN_GAP] = gap;
  }

  /** Adds the cell that begins at a place of a row. */
  addCell(row: Float64Array, at: number): void {
    if (isEmpty(row, at)) return;
    const { data } = this;
    if (row[at + COUNT]! > 0) {
      if (data[COUNT] === 0 || row[at + MIN]! < data[MIN]!) data[MIN] = row[at + MIN]!;
      if (data[COUNT] === 0 || row[at + MAX]! > data[MAX]!) data[MAX] = row[at + MAX]!;
    }
    data[SUM]! += row[at + SUM]!;
    data[COUNT]! += row[at + COUNT]!;
    data[GAPS]! += row[at + GAPS]!;
    data[ENDS_IN_GAP] = row[at + ENDS_IN_GAP]!;
    for (let k = FIXED; k < data.length; k++) data[k]! += row[at + k]!;
  }
}

/** Whether the cell that begins at a place of a row has seen no sample. */
export function isEmpty(row: Float64Array, at: number): boolean {
  return row[at + COUNT] === 0 && row[at + GAPS] === 0;
}

/** Samples of the cell that begins at a place of a row, with those that were gaps: of vectors, their elements. */
export function samplesOf(row: Float64Array, at: number): number {
  return row[at + COUNT]! + row[at + GAPS]!;
}
