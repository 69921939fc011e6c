// A series as one line of samples: what was loaded of the past, then what came live.
import type { Bins } from './bins.ts';
import type { FeedSeries } from './metric-feed.ts';
import type { PastSeries } from './past.ts';
import type { SampleBuffer } from './sample-buffer.ts';

/** Samples that are further apart than so many of the usual distances have a gap between them. */
const GAP_INTERVALS = 5;
const UNKNOWN_GAP_US = 2_000_000;

/** µs from which on two samples count as apart; of summaries also some steps. */
export function gapOf(rows: SampleBuffer, step = 0): number {
  const interval = rows.interval();
  return Math.max(interval === null ? UNKNOWN_GAP_US : interval * GAP_INTERVALS, step * 2.5);
}

/** Puts all samples of a view into bins, with the nearest one on either side. */
export function readInto(bins: Bins, series: FeedSeries, past: PastSeries | undefined, start: number, end: number, columns: number): void {
  const gap = gapOf(series.live.length > 2 || !past ? series.live : past.rows);
  bins.begin(start, end, columns, gap);
  if (past && start < series.from) {
    const { rows, step } = past;
    bins.gap = Math.max(gap, gapOf(rows, step));
    const summary = step > 0 && rows.width === 3;
    for (let row = Math.max(0, rows.rowAt(start)); row < rows.length; row++) {
      const time = rows.timeAt(row);
      if (time >= series.from) break;
      if (summary) bins.add(time, rows.valueAt(row), rows.valueAt(row, 1), rows.valueAt(row, 2));
      else {
        const value = rows.valueAt(row);
        bins.add(time, value, value, value);
      }
      if (time > end) return;
    }
  }
  const { live } = series;
  bins.gap = gap;
  for (let row = Math.max(0, live.rowAt(Math.max(start, series.from - 1))); row < live.length; row++) {
    const time = live.timeAt(row);
    if (time < series.from) continue;
    const value = live.valueAt(row);
    bins.add(time, value, value, value);
    if (time > end) return;
  }
}

/** A value at a time: `exact` is false for the mean of a summary. */
export interface ValueAt {
  readonly time: number;
  readonly value: number;
  readonly exact: boolean;
}

/** The newest value that is not after `time`; `null` in a gap and before everything. */
export function valueAt(series: FeedSeries, past: PastSeries | undefined, time: number): ValueAt | null {
  const fromLive = time >= series.from ? sampleAt(series.live, time, series.from, 0) : null;
  if (fromLive) return fromLive;
  return past ? sampleAt(past.rows, time, Number.NEGATIVE_INFINITY, past.step) : null;
}

function sampleAt(rows: SampleBuffer, time: number, from: number, step: number): ValueAt | null {
  const row = rows.rowAt(time);
  if (row < 0) return null;
  const at = rows.timeAt(row);
  if (at < from || time - at > gapOf(rows, step)) return null;
  const value = rows.valueAt(row, step > 0 && rows.width === 3 ? 2 : 0);
  return Number.isFinite(value) ? { time: at, value, exact: step === 0 } : null;
}

/** Time of the sample next to `time`, after (1) or before (-1) it; `null` if there is none. */
export function neighbourTime(series: FeedSeries, past: PastSeries | undefined, time: number, direction: 1 | -1): number | null {
  let best: number | null = null;
  for (const rows of past ? [past.rows, series.live] : [series.live]) {
    const at = rows.rowAt(time);
    let row = direction === 1 ? at + 1 : at;
    if (direction === -1 && row >= 0 && rows.timeAt(row) === time) row--;
    if (row < 0 || row >= rows.length) continue;
    const found = rows.timeAt(row);
    if (best === null || Math.abs(found - time) < Math.abs(best - time)) best = found;
  }
  return best;
}
