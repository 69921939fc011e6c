// Markers inside the media: event messages in front of the part that holds their frame.
import type { Marker } from '../../api/timeline.ts';
import { type Micros, type Ticks, toMicros, toTicks } from '../../core/time.ts';
import { writeMarkerEmsg } from '../../formats/emsg.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';
import type { FrameRow } from './segmenter.ts';

/** Longest JSON of a marker in the media, characters: a longer one goes without its `data`. */
const MAX_JSON = 8192;
/** A marker that was set for a frame to come has a guessed time until that frame is bound to it: looked for so far around, µs. */
const AROUND_US = 60_000_000;
/** Markers in front of one part at most: bulk belongs to the API. */
const MAX_MESSAGES = 100;

/**
 * Event messages for the markers of a part's frames that are known now, each in one part only: a marker of a frame goes with the first
 * showing of that frame, one that was set by time with what is shown then. `end` is the end of the last frame, ticks.
 */
export function markerMessages(
  timeline: Pick<StreamTimeline, 'recentMarkers'>,
  frames: readonly FrameRow[],
  end: number,
): readonly Uint8Array[] {
  const first = frames[0];
  if (!first) return [];
  const from = Math.min(...frames.map((row) => row.timestamp), toMicros(first.pts as Ticks));
  const markers = timeline.recentMarkers(from - AROUND_US, toMicros(end as Ticks) + AROUND_US);
  const found: { row: FrameRow; marker: Marker }[] = [];
  for (const marker of markers) {
    const row = rowOf(marker, frames, end);
    if (row) found.push({ row, marker });
  }
  found.sort((a, b) => a.row.pts - b.row.pts || a.marker.sequence - b.marker.sequence);
  return found.slice(0, MAX_MESSAGES).map(({ row, marker }) => message(marker, row, frames, end));
}

function rowOf(marker: Marker, frames: readonly FrameRow[], end: number): FrameRow | undefined {
  const own = frames.find((row) => row.id === marker.frame && !row.repeat);
  // Later than the frame's own time it was set by time, and what was on show then may not be the frame that the store knew first.
  if (own && marker.timestamp <= own.timestamp) return own;
  if ((marker.frame ?? 0) > frames.at(-1)!.id) return undefined;
  const pts = toTicks(marker.timestamp as Micros);
  return pts < end ? frames.findLast((row) => row.pts <= pts) : undefined;
}

function message(marker: Marker, row: FrameRow, frames: readonly FrameRow[], end: number): Uint8Array {
  // An instant lasts as long as its frame: hls.js takes an event without length for one without an end.
  let duration: number | null = (frames[frames.indexOf(row) + 1]?.pts ?? end) - row.pts;
  if (marker.open) duration = null;
  else if (marker.end !== null) duration = Math.max(duration, toTicks(marker.end as Micros) - row.pts);
  const whole = JSON.stringify(marker);
  const json = whole.length > MAX_JSON ? JSON.stringify({ ...marker, data: null }) : whole;
  return writeMarkerEmsg({ kind: marker.kind, pts: row.pts, duration, sequence: marker.sequence, json });
}
