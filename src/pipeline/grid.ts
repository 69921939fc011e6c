// The fixed grid on which every node and every run cuts the same media at the same places (DESIGN 6).

/** Length of a segment, in 90 kHz ticks: 2 s. */
export const GRID_TICKS = 180_000;
/** Longest time between key frames unless asked otherwise: 1 s, so that viewers join and seek quickly. */
export const DEFAULT_GOP_TICKS = 90_000;
/** Usual length of a part, and the longest time without a picture before the last one is repeated: 0.2 s in ticks. */
export const PART_TICKS = 18_000;
/** So long without a frame and a source counts as lost, ms. */
export const LOST_AFTER_MS = 10_000;

/** Media sequence number of the segment that a media time belongs to. */
export function sequenceOf(pts: number): number {
  return Math.floor(pts / GRID_TICKS);
}
