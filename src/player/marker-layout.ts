// Where markers lie on the bar: instants as ticks, those too close to tell apart as one tick with a count, spans as bars in lanes. Pure.
// Positions come from capture times alone.
import type { Marker } from '../api/timeline.ts';

export interface Tick {
  /** Pixels from the left end. */
  readonly x: number;
  /** At least one, oldest first. */
  readonly markers: readonly Marker[];
}

export interface SpanBar {
  readonly x: number;
  readonly width: number;
  readonly lane: number;
  readonly marker: Marker;
}

export interface MarkerLayout {
  readonly ticks: readonly Tick[];
  readonly spans: readonly SpanBar[];
}

export interface LayoutView {
  /** Capture times of the bar's ends, µs. */
  readonly start: number;
  readonly end: number;
  /** Later markers wait. */
  readonly until: number;
  /** Pixels. */
  readonly width: number;
}

/** Ticks closer than this, in pixels, are one. */
const CLOSE = 3;
export const LANES = 3;
/** Spans beyond this many are not drawn: nobody could tell them apart. */
const MAX_SPANS = 300;

export function layoutMarkers(markers: readonly Marker[], view: LayoutView): MarkerLayout {
  const length = view.end - view.start;
  const ticks: Tick[] = [];
  const spans: SpanBar[] = [];
  if (!(length > 0) || !(view.width > 0)) return { ticks, spans };
  const scale = view.width / length;
  const at = (time: number) => (time - view.start) * scale;
  // Where many are close they are collected on a grid of capture time, so that they do not change company while the window moves.
  const cell = CLOSE / scale;
  const laneEnds: number[] = new Array(LANES).fill(Number.NEGATIVE_INFINITY);
  let group: Marker[] = [];
  let groupCell = Number.NaN;
  const flush = () => {
    const first = group[0];
    if (first) ticks.push({ x: at(first.timestamp), markers: group });
    group = [];
  };
  for (const marker of markers) {
    if (marker.timestamp > view.until) break;
    const isSpan = marker.open || marker.end !== null;
    if (isSpan) {
      const end = Math.min(marker.end ?? view.until, view.until, view.end);
      if (end < view.start || marker.timestamp > view.end || spans.length >= MAX_SPANS) continue;
      const x = Math.max(0, at(marker.timestamp));
      const width = Math.max(CLOSE, at(end) - x);
      const free = laneEnds.findIndex((laneEnd) => laneEnd <= x);
      const lane = free < 0 ? LANES - 1 : free;
      laneEnds[lane] = Math.max(laneEnds[lane]!, x + width);
      spans.push({ x, width, lane, marker });
      continue;
    }
    if (marker.timestamp < view.start || marker.timestamp > view.end) continue;
    const own = Math.floor(marker.timestamp / cell);
    // Two over the border of a cell may still be too close.
    if (group.length && own !== groupCell && at(marker.timestamp) - at(group[0]!.timestamp) >= CLOSE) flush();
    if (!group.length) groupCell = own;
    group.push(marker);
  }
  flush();
  return { ticks, spans };
}

/** The tick nearest to a place, at most `reach` pixels away. */
export function tickAt(ticks: readonly Tick[], x: number, reach: number): Tick | null {
  let best: Tick | null = null;
  for (const tick of ticks) {
    if (Math.abs(tick.x - x) <= (best ? Math.abs(best.x - x) : reach)) best = tick;
  }
  return best;
}

/** Gaps as places on the bar; wide enough to be seen. */
export function layoutGaps(gaps: readonly { start: number; end: number }[], view: LayoutView): { x: number; width: number }[] {
  const scale = view.width / (view.end - view.start);
  return gaps
    .filter((gap) => gap.end > view.start && gap.start < view.end)
    .map((gap) => {
      const x = Math.max(0, (gap.start - view.start) * scale);
      return { x, width: Math.max(2, Math.min(view.width, (gap.end - view.start) * scale) - x) };
    });
}
