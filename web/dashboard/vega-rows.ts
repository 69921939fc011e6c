// The rows that a Vega-Lite spec gets: one for each sample of each metric. Pure.
import type { FeedSeries } from '../../src/player/chart/metric-feed.ts';

/** A row of the data set `metrics`. */
export interface MetricRow {
  readonly name: string;
  /** Capture time, µs. */
  readonly timestamp: number;
  /** Capture time, ms: what Vega-Lite takes for a temporal field. */
  readonly time: number;
  /** `null`: a gap. */
  readonly value: number | null;
  /** Place in the vector; absent for numbers. */
  readonly index?: number;
}

/** More than this cannot be drawn ten times a second. */
export const MOST_ROWS = 20_000;

/** Samples since `from` (µs). Where there are more than `most`, every second, third, … of each series is taken. */
export function rowsOf(all: Iterable<FeedSeries>, from: number, most = MOST_ROWS): MetricRow[] {
  const spans = [...all].map((series) => ({ series, first: series.live.rowAt(Math.max(from, series.from) - 1) + 1 }));
  const count = spans.reduce((sum, { series, first }) => sum + (series.live.length - first) * series.width, 0);
  const stride = Math.max(1, Math.ceil(count / most));
  const rows: MetricRow[] = [];
  for (const { series, first } of spans) {
    const { live, name, width } = series;
    // Counted from the end of time, so that the same samples are taken while the window moves on.
    for (let row = live.length - 1; row >= first; row -= stride) {
      const timestamp = live.timeAt(row);
      for (let index = 0; index < width; index++) {
        const number = live.valueAt(row, index);
        const value = Number.isNaN(number) ? null : number;
        rows.push({ name, timestamp, time: timestamp / 1000, value, ...(width > 1 && { index }) });
      }
    }
  }
  return rows.reverse();
}

/** A spec to begin with, for metrics of these names. */
export function exampleSpec(names: readonly string[]): string {
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    data: { name: 'metrics' },
    ...(names.length > 0 && { transform: [{ filter: { field: 'name', oneOf: names.slice(0, 4) } }] }),
    mark: { type: 'area', opacity: 0.5, line: true },
    encoding: {
      x: { field: 'time', type: 'temporal', title: null },
      y: { field: 'value', type: 'quantitative', title: null },
      color: { field: 'name', type: 'nominal', title: null },
      row: { field: 'name', type: 'nominal', title: null, header: { labels: false } },
    },
    resolve: { scale: { y: 'independent' } },
    height: 70,
  };
  return JSON.stringify(spec, null, 2);
}
