// What of the timelines stays: as long as the DVR window and a day at least, spans round protected markers longer, all of it within its
// share of the disk. Work is done in small steps: markers and samples go on being written between them.
import type { DvrConfig } from '../api/schema.ts';
import { parseDuration } from '../core/time.ts';
import type { DatabaseThread } from '../timeline/database-thread.ts';
import { freeSpans, type Span } from '../timeline/free-spans.ts';
import type { MarkerCalls } from '../timeline/marker-schema.ts';
import type { MetricCalls } from '../timeline/metric-schema.ts';

/** Shares of all data on disk. Both are small beside pictures. */
const METRIC_SHARE = 0.08;
const MARKER_SHARE = 0.02;
/** What recordings leave to the timelines. */
export const TIMELINE_SHARE = METRIC_SHARE + MARKER_SHARE;
/** Numbers and words stay this long even where pictures go sooner, µs. */
const LEAST_AGE_US = 24 * 3600 * 1_000_000;
/** Rows, and free spans, of one step. */
const STEP = 500;

export interface KeeperDeps {
  readonly markers: DatabaseThread<MarkerCalls>;
  readonly metrics: DatabaseThread<MetricCalls>;
  /** Bytes that all data may take. */
  readonly maxBytes: number;
  /** Tests have no day to wait. */
  readonly leastAgeUs?: number;
}

/** Forgets what a stream need not keep. */
export async function forgetOld(deps: KeeperDeps, stream: string, dvr: DvrConfig, now: number): Promise<void> {
  const { markers, metrics } = deps;
  const micros = (value: string | number, field: string) => parseDuration(value, field) * 1000;
  const before = now - Math.max(micros(dvr.window, 'dvr.window'), deps.leastAgeUs ?? LEAST_AGE_US);
  let spans: Span[] = [];
  if (dvr.keep) {
    const round = { before: micros(dvr.keep.before, 'dvr.keep.before'), after: micros(dvr.keep.after, 'dvr.keep.after') };
    spans = await markers.call('spans', stream, dvr.keep.kinds, round, before);
  }
  const free = freeSpans(0, before, spans);
  for (let i = 0; i < free.length; i += STEP) {
    while ((await markers.call('forget', stream, free.slice(i, i + STEP), before, STEP)) >= STEP);
  }
  while (await metrics.call('forget', stream, before, spans));
}

/** Forgets the oldest of all streams until everything fits. */
export async function shrinkToFit({ markers, metrics, maxBytes }: KeeperDeps): Promise<void> {
  while (await metrics.call('shrink', maxBytes * METRIC_SHARE));
  while ((await markers.call('shrink', maxBytes * MARKER_SHARE, STEP)) > 0);
}
