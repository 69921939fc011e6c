// One series as the screen can show it: for each pixel column its first, least, greatest and last value, whatever number of samples lies
// in it, and the places where the line breaks. Arrays are kept from drawing to drawing.

/** What lies behind a pixel column; filled anew for each drawing. */
export class Bins {
  /** Entries in use. An entry is a column that has samples, or the sample next to the view on either side. */
  length = 0;
  /** Column, 0 = the left edge of the view; may lie outside for the first and the last entry. */
  x: Float64Array = new Float64Array(0);
  first: Float64Array = new Float64Array(0);
  min: Float64Array = new Float64Array(0);
  max: Float64Array = new Float64Array(0);
  last: Float64Array = new Float64Array(0);
  /** 1 where the line does not come from the entry before. */
  breaks: Uint8Array = new Uint8Array(0);
  /** Least and greatest value inside the view; Infinity and -Infinity while there is none. */
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;
  /** Samples that were binned. */
  samples = 0;
  /** µs; samples further apart are not joined. */
  gap = Number.POSITIVE_INFINITY;
  #start = 0;
  #length = 1;
  #columns = 0;
  #before = Number.NaN;
  #broken = true;

  /**
   * Begins a drawing.
   *
   * @param start µs at the left edge
   * @param end µs at the right edge
   * @param columns pixels between them
   * @param gap µs; samples further apart are not joined
   */
  begin(start: number, end: number, columns: number, gap: number): void {
    const most = columns + 2;
    if (this.x.length < most) {
      this.x = new Float64Array(most);
      this.first = new Float64Array(most);
      this.min = new Float64Array(most);
      this.max = new Float64Array(most);
      this.last = new Float64Array(most);
      this.breaks = new Uint8Array(most);
    }
    this.length = this.samples = 0;
    this.low = Number.POSITIVE_INFINITY;
    this.high = Number.NEGATIVE_INFINITY;
    this.#start = start;
    this.#length = end - start;
    this.#columns = columns;
    this.gap = gap;
    this.#before = Number.NaN;
    this.#broken = true;
  }

  /** The next sample in the order of time; of a summary its least, greatest and mean value. NaN breaks the line. */
  add(time: number, min: number, max: number, mean: number): void {
    const broken = this.#broken || time - this.#before > this.gap;
    this.#before = time;
    // Infinite values cannot be drawn any more than missing ones.
    if (!Number.isFinite(min) || !Number.isFinite(max)) {
      this.#broken = true;
      return;
    }
    this.#broken = false;
    this.samples++;
    // Multiplied first: what lies on the edge of a column, or at the end of the view, is not rounded to the one before.
    const column = Math.floor(((time - this.#start) * this.#columns) / this.#length);
    const inside = column >= 0 && column < this.#columns;
    if (inside) {
      if (min < this.low) this.low = min;
      if (max > this.high) this.high = max;
    } else if (column < 0) {
      // Only the nearest one on the left is of use.
      if (this.length && this.x[this.length - 1]! < 0) this.length--;
    } else if (this.length && this.x[this.length - 1]! >= this.#columns) return;
    const at = this.length - 1;
    // A break inside of one pixel cannot be seen.
    if (inside && at >= 0 && this.x[at] === column) {
      if (min < this.min[at]!) this.min[at] = min;
      if (max > this.max[at]!) this.max[at] = max;
      this.last[at] = mean;
      return;
    }
    const next = this.length++;
    this.x[next] = column;
    this.first[next] = mean;
    this.min[next] = min;
    this.max[next] = max;
    this.last[next] = mean;
    this.breaks[next] = broken ? 1 : 0;
  }
}
