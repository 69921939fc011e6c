// Counts of values by size, as Prometheus histograms have them: cheap enough for every frame, and only ever growing.

/** Upper ends of buckets for times from capture to screen, in s. */
export const LATENCY_BUCKETS = [0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10] as const;
/** For work on one frame, in s. */
export const WORK_BUCKETS = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1] as const;

/** A histogram as it is told: `buckets` are cumulative, the last one has the limit `null` (infinity) and all values. */
export interface HistogramCounts {
  readonly buckets: readonly (readonly [limit: number | null, count: number])[];
  readonly sum: number;
  readonly count: number;
}

export class Histogram {
  readonly #limits: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param limits upper ends of the buckets, each included, rising */
  constructor(limits: readonly number[]) {
    this.#limits = limits;
    this.#counts = new Float64Array(limits.length + 1);
  }

  /** Counts one value; what is no finite number is left out. */
  add(value: number): void {
    if (!Number.isFinite(value)) return;
    let at = 0;
    while (at < this.#limits.length && value > this.#limits[at]!) at++;
    this.#counts[at] = this.#counts[at]! + 1;
    this.#sum += value;
  }

  get counts(): HistogramCounts {
    let count = 0;
    const buckets = [...this.#limits, null].map((limit, i) => {
      count += this.#counts[i]!;
      return [limit, count] as const;
    });
    return { buckets, sum: this.#sum, count };
  }
}
