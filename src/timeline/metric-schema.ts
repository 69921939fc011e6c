// What the store of metrics holds, and the calls that cross into its thread.
import type { Span } from './free-spans.ts';

/** Samples of one series as columns. */
export interface MetricColumn {
  readonly name: string;
  /** Numbers of a sample. */
  readonly width: number;
  /** µs. */
  readonly timestamp: Float64Array;
  /** Frame ids, NaN = not bound to one; `null` = none is. */
  readonly frame: Float64Array | null;
  /** `width` numbers for each sample; NaN = gap. */
  readonly value: Float64Array;
}

export interface MetricBatch {
  readonly stream: string;
  readonly columns: readonly MetricColumn[];
  /** Samples: rows with values of one or several series. */
  readonly count: number;
}

/** Rows of one series, oldest first. Raw: `value` and `frame`; bins: the others, and of vectors the mean vectors as `value`. */
export interface SeriesRows {
  readonly name: string;
  readonly width: number;
  readonly timestamp: Float64Array;
  readonly value: Float64Array | null;
  readonly frame: Float64Array | null;
  readonly min: Float64Array | null;
  readonly max: Float64Array | null;
  readonly mean: Float64Array | null;
  readonly count: Float64Array | null;
  readonly truncated: boolean;
}

export interface MetricRows {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly series: readonly SeriesRows[];
}

export interface SeriesQuery {
  readonly names?: readonly string[];
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
  readonly limit?: number;
}

/** The calls of the store of metrics. Samples are written some times a second; queries see them at once. */
export interface MetricCalls {
  /** @param now server UTC, µs: when they came */
  add(batches: readonly MetricBatch[], now: number): void;
  query(stream: string, query: SeriesQuery): MetricRows;
  /** Names and widths of a stream's series. */
  series(stream: string): { name: string; width: number }[];
  /** Samples of a stream that have come since the second of a time, and the span of their capture times. */
  arrived(stream: string, since: number): { count: number; from: number; to: number };
  /** Forgets samples before a time, but for spans. Returns whether some are left to do. */
  forget(stream: string, before: number, spans: readonly Span[]): boolean;
  /** Forgets the oldest samples of all streams. Returns whether the content still takes more than `maxBytes`. */
  shrink(maxBytes: number): boolean;
  removeStream(stream: string): void;
  bytes(): number;
  flush(): void;
}

export const METRIC_SCHEMA = `
CREATE TABLE IF NOT EXISTS series (
  id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, name TEXT NOT NULL, width INTEGER NOT NULL,
  UNIQUE (stream, name, width)) STRICT;
CREATE TABLE IF NOT EXISTS chunks (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS seconds (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS minutes (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS unrolled (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS arrivals (
  stream TEXT NOT NULL, second INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (stream, second)) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
`;
