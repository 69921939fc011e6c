// The samples of one metric in the order of their capture times, in typed arrays that slide: adding in order copies nothing but the
// numbers and allocates nothing.

const FIRST_CAPACITY = 1024;

/** Rows of `width` values by capture time (µs), oldest first; a time occurs once. NaN is a gap. */
export class SampleBuffer {
  /** Values per row: 1 for a number, more for a vector. */
  readonly width: number;
  readonly #most: number;
  readonly #exact: boolean;
  #time: Float64Array<ArrayBuffer>;
  #value: Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  #first = 0;
  #end = 0;

  /**
   * @param most rows at most: the oldest give way to the newest
   * @param exact double precision; vectors become colours, for which half the memory does
   */
  constructor(width: number, most: number, exact = width === 1) {
    this.width = width;
    this.#most = most;
    this.#exact = exact;
    const capacity = Math.min(FIRST_CAPACITY, most * 2);
    this.#time = new Float64Array(capacity);
    this.#value = this.#values(capacity);
  }

  get length(): number {
    return this.#end - this.#first;
  }

  /** Rows that fit without growing; for tests of bounds. */
  get capacity(): number {
    return this.#time.length;
  }

  /** Capture time of a row, 0 = the oldest. */
  timeAt(row: number): number {
    return this.#time[this.#first + row]!;
  }

  /** A value of a row. */
  valueAt(row: number, index = 0): number {
    return this.#value[(this.#first + row) * this.width + index]!;
  }

  get firstTime(): number | null {
    return this.length ? this.timeAt(0) : null;
  }

  get lastTime(): number | null {
    return this.length ? this.timeAt(this.length - 1) : null;
  }

  /** The newest row that is not after `time`; -1 if there is none. */
  rowAt(time: number): number {
    let low = this.#first;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#time[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1 - this.#first;
  }

  /**
   * Takes a row in at its place; a row of the same time is replaced. `null` and missing values become NaN.
   *
   * @returns false if it lies before a full buffer
   */
  add(time: number, value: number | null | readonly (number | null)[]): boolean {
    if (this.#end > this.#first && time <= this.#time[this.#end - 1]!) return this.#addLate(time, value);
    if (this.length === this.#most) this.#first++;
    if (this.#end === this.#time.length) this.#makeRoom();
    this.#write(this.#end++, time, value);
    return true;
  }

  /** Forgets what is older than `time`. */
  dropBefore(time: number): void {
    while (this.#first < this.#end && this.#time[this.#first]! < time) this.#first++;
  }

  clear(): void {
    this.#first = this.#end = 0;
  }

  /** Usual distance of rows in µs: the median of some at the end; `null` for less than three rows. */
  interval(): number | null {
    const count = Math.min(this.length - 1, scratch.length);
    if (count < 2) return null;
    for (let n = 0; n < count; n++) scratch[n] = this.#time[this.#end - 1 - n]! - this.#time[this.#end - 2 - n]!;
    return scratch.subarray(0, count).sort()[count >> 1]!;
  }

  #addLate(time: number, value: number | null | readonly (number | null)[]): boolean {
    const row = this.#first + this.rowAt(time);
    if (row >= this.#first && this.#time[row] === time) {
      this.#write(row, time, value);
      return true;
    }
    if (this.length === this.#most) {
      if (row < this.#first) return false;
      this.#first++;
    }
    if (this.#end === this.#time.length) {
      const offset = row - this.#first;
      this.#makeRoom();
      return this.#insert(this.#first + offset + 1, time, value);
    }
    return this.#insert(row + 1, time, value);
  }

  #insert(at: number, time: number, value: number | null | readonly (number | null)[]): boolean {
    const { width } = this;
    this.#time.copyWithin(at + 1, at, this.#end);
    this.#value.copyWithin((at + 1) * width, at * width, this.#end * width);
    this.#end++;
    this.#write(at, time, value);
    return true;
  }

  #write(at: number, time: number, value: number | null | readonly (number | null)[]): void {
    this.#time[at] = time;
    if (typeof value === 'number') this.#value[at * this.width] = value;
    if (typeof value === 'number' || value === null) {
      this.#value.fill(Number.NaN, at * this.width + (value === null ? 0 : 1), (at + 1) * this.width);
      return;
    }
    for (let index = 0; index < this.width; index++) this.#value[at * this.width + index] = value[index] ?? Number.NaN;
  }

  /** Slides to the front, into larger arrays if more than half is in use. */
  #makeRoom(): void {
    const { width, length } = this;
    const from = this.#first;
    let time = this.#time;
    let value = this.#value;
    if (length * 2 > time.length) {
      const capacity = Math.min(time.length * 2, Math.max(this.#most * 2, 2));
      time = new Float64Array(capacity);
      value = this.#values(capacity);
    }
    time.set(this.#time.subarray(from, this.#end));
    value.set(this.#value.subarray(from * width, this.#end * width));
    this.#time = time;
    this.#value = value;
    this.#first = 0;
    this.#end = length;
  }

  #values(capacity: number): Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
    return this.#exact ? new Float64Array(capacity * this.width) : new Float32Array(capacity * this.width);
  }
}

const scratch = new Float64Array(63);
