// Asks the server's timeline for frames that the player has not loaded.
import type { Timeline } from '../api/schema.ts';
import type { StreamAddress } from './address.ts';
import type { FrameRow } from './frame-table.ts';

/** A moment or span of the timeline. Times in µs UTC. */
export type TimelineQuery = { readonly frame: number } | { readonly start: number; readonly end: number };

/** Frames of a span, or those around a frame; empty if none are kept there. Rejects with what `fetch` rejects with. */
export async function framesAround(address: StreamAddress, query: TimelineQuery, signal: AbortSignal): Promise<FrameRow[]> {
  const asked = 'frame' in query ? query : { start: Math.floor(query.start), end: Math.ceil(query.end) };
  const response = await fetch(address.live('timeline.json', asked), { signal, cache: 'no-store' });
  if (response.status === 404 || response.status === 410) return [];
  if (!response.ok) throw new Error(`The timeline could not be loaded (status ${response.status}).`);
  return decodeTimeline((await response.json()) as Timeline);
}

/** Rows of a timeline answer, in which each column holds differences to the row before. */
export function decodeTimeline({ frames }: Timeline): FrameRow[] {
  const repeats = new Set(frames.repeat);
  const rows: FrameRow[] = [];
  let pts = 0;
  let id = 0;
  let timestamp = 0;
  frames.pts.forEach((step, i) => {
    pts += step;
    id += frames.id[i] ?? 0;
    timestamp += frames.timestamp[i] ?? 0;
    rows.push({ pts, id, timestamp, duration: frames.pts[i + 1] ?? 0, repeat: repeats.has(i), cc: -1 });
  });
  return rows;
}
