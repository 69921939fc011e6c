// Asks the server for metrics of a span: GET …/metrics.
import type { MetricAnswer, MetricSeries } from '../../api/timeline.ts';
import type { StreamAddress } from '../address.ts';
import { SampleBuffer } from './sample-buffer.ts';

/** Rows per series that one answer has at most. */
export const PAGE_ROWS = 10_000;

export interface MetricSpan {
  /** Absent: all metrics of the stream. */
  readonly names?: readonly string[];
  /** µs. */
  readonly start: number;
  readonly end: number;
  /** µs of a row; 0: every sample. */
  readonly step: number;
  readonly limit?: number;
}

/** Rejects with an Error that has the server's own sentence, or with what `fetch` rejects with. */
export async function requestMetrics(address: StreamAddress, span: MetricSpan, signal: AbortSignal): Promise<MetricAnswer> {
  const url = address.api(`streams/${encodeURIComponent(address.name)}/metrics`, {
    names: span.names?.join(','),
    start: Math.floor(span.start),
    end: Math.ceil(span.end),
    step: span.step,
    limit: span.limit ?? PAGE_ROWS,
  });
  const response = await fetch(url, { signal, cache: 'no-store' });
  if (response.ok) return (await response.json()) as MetricAnswer;
  const problem = (await response.json().catch(() => null)) as { detail?: unknown } | null;
  throw new Error(typeof problem?.detail === 'string' ? problem.detail : `The server answered with status ${response.status}.`);
}

/** Calls back for each row, oldest first, with its absolute time. */
export function eachRow(series: MetricSeries, row: (time: number, at: number) => void): void {
  let time = 0;
  series.timestamp.forEach((difference, at) => {
    time += difference;
    row(time, at);
  });
}

/** What an answer says of one series, as a buffer: samples as they are, or with least, greatest and mean value of each step. */
export function bufferOf(series: MetricSeries): SampleBuffer {
  const rows = Math.max(1, series.timestamp.length);
  if (series.value) {
    const buffer = new SampleBuffer(series.width, rows);
    eachRow(series, (time, at) => buffer.add(time, series.value![at] ?? null));
    return buffer;
  }
  const buffer = new SampleBuffer(3, rows, true);
  eachRow(series, (time, at) => buffer.add(time, [series.min?.[at] ?? null, series.max?.[at] ?? null, series.mean?.[at] ?? null]));
  return buffer;
}
