// Where the window has no pictures, and why. Repeats of the last picture fill the media for 10 s, but a gap is a gap: what counts is
// when a new frame came.
import { type Micros, toTicks } from '../../core/time.ts';
import { LOST_AFTER_MS, PART_TICKS } from '../../pipeline/grid.ts';
import type { WindowSegment } from './window-segment.ts';

/** A span without a new frame, in ticks of media time. */
export interface Gap {
  readonly start: number;
  readonly end: number;
  readonly reason: 'no frames came' | 'nothing was recorded' | 'the clock was set' | 'no longer kept';
}

/** Shorter is no gap, ticks. */
const LEAST_TICKS = 90_000;
/** Nor is what is not much longer than the usual time between two frames. */
const INTERVALS = 5;
/** Where the media breaks off so long after the last frame, the source was lost: repeats go on for 10 s. */
const LOST_TICKS = LOST_AFTER_MS * 90 - 2 * PART_TICKS;
/** So many segments say what is usual. */
const SAMPLE = 200;
/** Capture and media time of late frames differ by less than this, ticks. */
const SHIFT_TICKS = 90_000;

/** What a segment says about its frames; repeats are none. */
interface Summary {
  readonly first: number;
  readonly last: number;
  /** Middle time between two frames; `null`: there is only one. */
  readonly usual: number | null;
  /** Pairs of frames that are at least `LEAST_TICKS` apart. */
  readonly long: readonly (readonly [number, number])[];
  /** Media time minus capture time. */
  readonly shift: number;
}

const known = new WeakMap<WindowSegment['frames'], Summary | null>();

function summaryOf(segment: WindowSegment): Summary | null {
  const cached = segment.open ? undefined : known.get(segment.frames);
  if (cached !== undefined) return cached;
  const times: number[] = [];
  const long: [number, number][] = [];
  let shift = Number.POSITIVE_INFINITY;
  for (const row of segment.frames) {
    if (row.repeat) continue;
    const before = times.at(-1);
    if (before !== undefined && row.pts - before >= LEAST_TICKS) long.push([before, row.pts]);
    times.push(row.pts);
    shift = Math.min(shift, row.pts - toTicks(row.timestamp as Micros));
  }
  const summary =
    times.length === 0
      ? null
      : { first: times[0]!, last: times.at(-1)!, usual: middle(times.slice(1).map((time, i) => time - times[i]!)), long, shift };
  if (!segment.open) known.set(segment.frames, summary);
  return summary;
}

function middle(values: readonly number[]): number | null {
  return values.length ? values.toSorted((a, b) => a - b)[values.length >> 1]! : null;
}

/**
 * All gaps of the window, in order.
 * @param keptFrom media time from which on everything is kept; holes before it were made by removing segments
 * @param now media time up to which the last gap lasts if frames should come and do not; `null`: none are expected
 */
export function gapsOf(segments: readonly WindowSegment[], keptFrom: number, now: number | null): Gap[] {
  const summaries = segments.map(summaryOf);
  const least = threshold(summaries);
  const gaps: Gap[] = [];
  let before: WindowSegment | null = null;
  /** The last segment that has a frame of its own. */
  let last: Summary | null = null;
  for (const [i, segment] of segments.entries()) {
    const summary = summaries[i] ?? null;
    const from = last?.last ?? null;
    if (before && segment.start - before.end > 1 && before.end < keptFrom) {
      gaps.push({ start: before.end, end: segment.start, reason: 'no longer kept' });
    } else if (before && before.era !== segment.era) {
      const set = last && summary && Math.abs(summary.shift - last.shift) > SHIFT_TICKS;
      const quiet = from !== null && before.end - from >= Math.min(least, LOST_TICKS);
      const end = summary?.first ?? segment.start;
      if (set) gaps.push({ start: before.end, end: segment.start, reason: 'the clock was set' });
      else if (quiet) gaps.push({ start: from, end, reason: 'no frames came' });
      else if (segment.start - before.end > 1) gaps.push({ start: before.end, end: segment.start, reason: 'nothing was recorded' });
    } else if (from !== null && summary && summary.first - from >= least) {
      gaps.push({ start: from, end: summary.first, reason: 'no frames came' });
    }
    for (const [start, end] of summary?.long ?? []) if (end - start >= least) gaps.push({ start, end, reason: 'no frames came' });
    before = segment;
    last = summary ?? last;
  }
  if (now !== null && last && now - last.last >= least) gaps.push({ start: last.last, end: now, reason: 'no frames came' });
  return gaps;
}

function threshold(summaries: readonly (Summary | null)[]): number {
  const recent = summaries.slice(-SAMPLE).filter((summary) => summary !== null);
  const inside = middle(recent.flatMap(({ usual }) => usual ?? []));
  // Frames that are farther apart than segments are long.
  const usual = inside ?? middle(recent.slice(1).map(({ first }, i) => first - recent[i]!.last)) ?? 0;
  return Math.max(LEAST_TICKS, usual * INTERVALS);
}
