// Series as a table: one row for each time, one column for each number. Made window by window, so that hours need no more memory than
// seconds.
import type { MetricRows, SeriesRows } from '../timeline/metric-schema.ts';
import type { MetricQuery } from '../timeline/timeline.ts';

/** What a table is read from. */
export interface TableSource {
  series(): Promise<readonly { readonly name: string; readonly width: number }[]>;
  rows(query: MetricQuery): Promise<MetricRows>;
  frameAt(timestamp: number): number | null;
}

/** A row: capture time in µs, frame id, and the numbers by column; NaN = nothing. */
export interface TableRow {
  readonly timestamp: number;
  readonly frame: number | null;
  readonly values: Float64Array;
}

export interface Table {
  /** Time of the first row that can come, µs. */
  readonly start: number;
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<TableRow>;
}

interface Column {
  readonly name: string;
  readonly width: number;
  /** Place of its first number in a row. */
  readonly at: number;
}

const FIRST_WINDOW_US = 10_000_000;
const LONGEST_WINDOW_US = 3_600_000_000;
/** Rows of a window that are worth making the next one longer. */
const FEW_ROWS = 2000;

/** @param query `step` 0 or absent = raw samples */
export async function metricTable(source: TableSource, query: MetricQuery): Promise<Table> {
  const { names, step = 0 } = query;
  const known = (await source.series()).filter(({ name }) => !names || names.includes(name));
  const range = await source.rows({ ...query, step: step || 60_000_000, limit: 1 });
  const binned = step > 0;
  const columns: Column[] = [];
  const heads: string[] = [];
  for (const { name, width } of known) {
    columns.push({ name, width, at: heads.length });
    if (width > 1) for (let i = 0; i < width; i++) heads.push(`${name}[${i}]`);
    else heads.push(name, ...(binned ? [`${name}_min`, `${name}_max`] : []));
  }
  const read = { ...(names ? { names } : {}), step: binned ? range.step : 0 };
  return {
    start: range.start,
    columns: heads,
    rows: windows(source, { ...read, start: range.start, end: range.end }, columns, heads.length),
  };
}

async function* windows(
  source: TableSource,
  query: { readonly start: number; readonly end: number; readonly step: number },
  columns: readonly Column[],
  count: number,
): AsyncGenerator<TableRow> {
  const { step } = query;
  const whole = (length: number) => (step > 0 ? Math.max(step, Math.floor(length / step) * step) : length);
  let length = whole(Math.max(FIRST_WINDOW_US, step * 1000));
  for (let start = query.start; columns.length > 0 && start <= query.end; ) {
    // Bins are whole: a window ends where one does.
    const next = step > 0 ? Math.floor(start / step) * step + length : start + length;
    const rows = await source.rows({ ...query, start, end: Math.min(query.end, next - 1), limit: 1_000_000 });
    if (rows.series.some(({ truncated }) => truncated) && length > Math.max(1, step)) {
      length = whole(Math.max(1, Math.floor(length / 2)));
      continue;
    }
    let given = 0;
    for (const row of merged(rows.series, columns, count, source)) {
      given++;
      yield row;
    }
    start = next;
    if (given < FEW_ROWS && length < LONGEST_WINDOW_US) length = whole(length * 2);
  }
}

function* merged(series: readonly SeriesRows[], columns: readonly Column[], count: number, source: TableSource): Generator<TableRow> {
  const places = series.map((rows) => ({
    rows,
    i: 0,
    column: columns.find(({ name, width }) => name === rows.name && width === rows.width),
  }));
  for (;;) {
    let timestamp = Number.POSITIVE_INFINITY;
    for (const { rows, i } of places) timestamp = Math.min(timestamp, rows.timestamp[i] ?? timestamp);
    if (timestamp === Number.POSITIVE_INFINITY) return;
    const values = new Float64Array(count).fill(Number.NaN);
    let frame: number | null = null;
    for (const place of places) {
      const { rows, i, column } = place;
      if (rows.timestamp[i] !== timestamp) continue;
      place.i++;
      // A series that began while the table was read has no column.
      if (!column) continue;
      const own = rows.frame?.[i];
      if (own !== undefined && !Number.isNaN(own)) frame ??= own;
      if (rows.value) values.set(rows.value.subarray(i * rows.width, (i + 1) * rows.width), column.at);
      else values.set([rows.mean![i]!, rows.min![i]!, rows.max![i]!], column.at);
    }
    yield { timestamp, frame: frame ?? source.frameAt(timestamp), values };
  }
}
