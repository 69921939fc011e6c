// Rows of an answer, collected one by one: raw samples or bins.
import type { Cell } from './metric-cell.ts';
import type { Chunk } from './metric-chunk.ts';
import type { SeriesRows } from './metric-schema.ts';

class Column {
  #data = new Float64Array(256);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const grown = new Float64Array(this.#length * 2);
      grown.set(this.#data);
      this.#data = grown;
    }
    this.#data[this.#length++] = value;
  }

  get length(): number {
    return this.#length;
  }

  take(): Float64Array {
    return this.#data.slice(0, this.#length);
  }
}

/** Collects raw samples until `limit`. */
export class RawRows {
  readonly #name: string;
  readonly #width: number;
  readonly #limit: number;
  readonly #timestamp = new Column();
  readonly #frame = new Column();
  readonly #value = new Column();
  #truncated = false;

  constructor(name: string, width: number, limit: number) {
    this.#name = name;
    this.#width = width;
    this.#limit = limit;
  }

  /** `false`: enough. */
  add(chunk: Chunk, i: number): boolean {
    if (this.#timestamp.length >= this.#limit) {
      this.#truncated = true;
      return false;
    }
    this.#timestamp.push(chunk.timestamp[i]!);
    this.#frame.push(chunk.frame[i]!);
    for (let k = 0; k < this.#width; k++) this.#value.push(chunk.value[i * this.#width + k]!);
    return true;
  }

  take(): SeriesRows {
    return {
      name: this.#name,
      width: this.#width,
      timestamp: this.#timestamp.take(),
      value: this.#value.take(),
      frame: this.#frame.take(),
      min: null,
      max: null,
      mean: null,
      count: null,
      truncated: this.#truncated,
    };
  }
}

/** Collects bins until `limit`. A gap at the end of a bin, before bins without samples, becomes a row of its own: it must be seen. */
export class BinRows {
  readonly #name: string;
  readonly #width: number;
  readonly #step: number;
  readonly #limit: number;
  readonly #timestamp = new Column();
  readonly #min = new Column();
  readonly #max = new Column();
  readonly #mean = new Column();
  readonly #count = new Column();
  readonly #value = new Column();
  #gapAt: number | null = null;
  #truncated = false;

  constructor(name: string, width: number, step: number, limit: number) {
    this.#name = name;
    this.#width = width;
    this.#step = step;
    this.#limit = limit;
  }

  /** `false`: enough. */
  add(bin: number, cell: Cell): boolean {
    if (this.#gapAt !== null && this.#gapAt < bin && !this.#row(this.#gapAt, null)) return false;
    if (!this.#row(bin, cell)) return false;
    this.#gapAt = cell.endsInGap && cell.count > 0 ? bin + this.#step : null;
    return true;
  }

  #row(bin: number, cell: Cell | null): boolean {
    if (this.#timestamp.length >= this.#limit) {
      this.#truncated = true;
      return false;
    }
    this.#timestamp.push(bin);
    this.#min.push(cell?.min ?? Number.NaN);
    this.#max.push(cell?.max ?? Number.NaN);
    this.#mean.push(cell?.mean ?? Number.NaN);
    this.#count.push(cell?.count ?? 0);
    if (this.#width > 1) for (let k = 0; k < this.#width; k++) this.#value.push(cell?.meanOf(k) ?? Number.NaN);
    return true;
  }

  take(): SeriesRows {
    return {
      name: this.#name,
      width: this.#width,
      timestamp: this.#timestamp.take(),
      value: this.#width > 1 ? this.#value.take() : null,
      frame: null,
      min: this.#min.take(),
      max: this.#max.take(),
      mean: this.#mean.take(),
      count: this.#count.take(),
      truncated: this.#truncated,
    };
  }
}
