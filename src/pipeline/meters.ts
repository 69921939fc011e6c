// Figures over the last seconds: rates and percentiles, cheap enough to be kept for every frame.

/** Events and their sizes over a sliding window of whole seconds. */
export class RateMeter {
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  #second = 0;

  constructor(seconds = 4) {
    this.#counts = new Float64Array(seconds + 1);
    this.#sums = new Float64Array(seconds + 1);
  }

  /** One event at a time in µs, with an amount. */
  add(now: number, amount = 0): void {
    this.#turn(now);
    const at = this.#second % this.#counts.length;
    this.#counts[at] = this.#counts[at]! + 1;
    this.#sums[at] = this.#sums[at]! + amount;
  }

  /** Events and amount per second over the complete seconds of the window. */
  rates(now: number): { perSecond: number; amountPerSecond: number } {
    this.#turn(now);
    const current = this.#second % this.#counts.length;
    const seconds = this.#counts.length - 1;
    let count = 0;
    let sum = 0;
    for (let i = 0; i <= seconds; i++) {
      if (i === current) continue;
      count += this.#counts[i]!;
      sum += this.#sums[i]!;
    }
    return { perSecond: Math.round((count / seconds) * 10) / 10, amountPerSecond: Math.round(sum / seconds) };
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1e6);
    const length = this.#counts.length;
    if (second <= this.#second) return;
    for (let s = Math.max(this.#second + 1, second - length + 1); s <= second; s++) {
      this.#counts[s % length] = 0;
      this.#sums[s % length] = 0;
    }
    this.#second = second;
  }
}

/** Mean and largest value over the last seconds. */
export class WindowMeter {
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  readonly #largest: Float64Array;
  #second = 0;

  constructor(seconds = 10) {
    this.#counts = new Float64Array(seconds);
    this.#sums = new Float64Array(seconds);
    this.#largest = new Float64Array(seconds);
  }

  /** A value at a time in µs. */
  add(now: number, value: number): void {
    this.#turn(now);
    const at = this.#second % this.#counts.length;
    this.#counts[at] = this.#counts[at]! + 1;
    this.#sums[at] = this.#sums[at]! + value;
    this.#largest[at] = this.#counts[at] === 1 ? value : Math.max(this.#largest[at]!, value);
  }

  /** Rounded to a tenth; `null` where nothing came. */
  figures(now: number): { count: number; mean: number | null; max: number | null } {
    this.#turn(now);
    const count = this.#counts.reduce((sum, one) => sum + one, 0);
    if (!count) return { count: 0, mean: null, max: null };
    const round = (value: number) => Math.round(value * 10) / 10;
    const sum = this.#sums.reduce((all, one) => all + one, 0);
    const max = this.#largest.reduce((most, one, at) => (this.#counts[at] ? Math.max(most, one) : most), Number.NEGATIVE_INFINITY);
    return { count, mean: round(sum / count), max: round(max) };
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1e6);
    const { length } = this.#counts;
    if (second <= this.#second) return;
    for (let s = Math.max(this.#second + 1, second - length + 1); s <= second; s++) {
      this.#counts[s % length] = 0;
      this.#sums[s % length] = 0;
    }
    this.#second = second;
  }
}

/** Percentiles of the last values. */
export class Percentiles {
  readonly #values: Float64Array;
  #count = 0;

  constructor(size = 240) {
    this.#values = new Float64Array(size);
  }

  add(value: number): void {
    this.#values[this.#count++ % this.#values.length] = value;
  }

  /** Rounded to a tenth; `null` before the first value. */
  get summary(): { p50: number | null; p95: number | null } {
    const filled = Math.min(this.#count, this.#values.length);
    if (!filled) return { p50: null, p95: null };
    const sorted = this.#values.slice(0, filled).sort();
    const at = (q: number) => Math.round(sorted[Math.min(filled - 1, Math.floor(q * filled))]! * 10) / 10;
    return { p50: at(0.5), p95: at(0.95) };
  }
}

/** Counters by name. */
export class Tally {
  readonly #counts: Record<string, number> = Object.create(null);

  add(name: string, count = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + count;
  }

  get total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  get counts(): Record<string, number> {
    return { ...this.#counts };
  }

  copy(): Tally {
    const copy = new Tally();
    for (const [name, count] of Object.entries(this.#counts)) copy.add(name, count);
    return copy;
  }
}
