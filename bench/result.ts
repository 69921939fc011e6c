// What a bench is and what it gives back.

/** One measured figure. */
export interface Result {
  /** What was measured, as a row of the table. */
  readonly what: string;
  readonly figure: number;
  /** Unit of the figure; `x` = a ratio of two figures of the same run. */
  readonly unit: string;
  /** The most that it may be, in the same unit; `null` = no budget, the figure stands for itself. */
  readonly budget: number | null;
  /** figure / budget: up to 1 the budget holds. `null` without a budget. */
  readonly ratio: number | null;
  /** How it came about, in a few words. */
  readonly note: string;
}

/** Makes a result; `budget` is the most allowed, in the figure's unit. */
export function result(what: string, figure: number, unit: string, options: { budget?: number; note?: string } = {}): Result {
  const { budget = null, note = '' } = options;
  return { what, figure, unit, budget, ratio: budget === null ? null : figure / budget, note };
}

/** How a run is measured. */
export interface BenchOptions {
  /** Length of one window of measurement in seconds; `null` = the bench's own. */
  readonly seconds: number | null;
  /** Numbers of viewers, the first is what the others are compared with; `null` = the bench's own. */
  readonly viewers: readonly number[] | null;
  /** Folder for V8 CPU profiles of the servers under test; `null` = none are made. */
  readonly profileDir: string | null;
  /** Tells a person what goes on. */
  readonly progress: (text: string) => void;
  /** Ends the run; everything that was started ends with it. */
  readonly signal: AbortSignal;
}

/** A row of the table of benches. */
export interface Bench {
  readonly name: string;
  /** What it answers, in one line. */
  readonly what: string;
  readonly run: (options: BenchOptions) => Promise<Result[]>;
}

/** The value below which `share` of the values lie (nearest rank). NaN without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN;
}

/** The middle of the values. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
