// What the live playlist lists of the segments that are kept.
import type { WindowSegment } from './window-segment.ts';

/** Longest run of gap entries in a playlist (an hour). */
export const MAX_GAPS = 1800;

/**
 * All from the last hole on that was made by removing, or that is too long for gap entries. What lies before is kept, and has playlists of
 * its own (`spanPlaylist`).
 * @param keptFrom media time from which on nothing was removed
 */
export function listed(segments: readonly WindowSegment[], keptFrom: number): readonly WindowSegment[] {
  for (let i = segments.length - 1; i > 0; i--) {
    const hole = segments[i]!.sequence - segments[i - 1]!.sequence;
    if (hole > MAX_GAPS || (hole > 1 && segments[i - 1]!.end < keptFrom)) return segments.slice(i);
  }
  return segments;
}
