// The frame index of a segment as columns of doubles: small to store, quick to search.
import type { FrameRow } from './segmenter.ts';

const COLUMNS = 5;
const KEY = 1;
const REPEAT = 2;

/** Frames of a segment as bytes. */
export function packFrames(frames: readonly FrameRow[]): Uint8Array {
  const columns = new Float64Array(frames.length * COLUMNS);
  const n = frames.length;
  frames.forEach((frame, i) => {
    columns[i] = frame.pts;
    columns[n + i] = frame.id;
    columns[2 * n + i] = frame.timestamp;
    columns[3 * n + i] = (frame.key ? KEY : 0) | (frame.repeat ? REPEAT : 0);
    columns[4 * n + i] = frame.offset;
  });
  return new Uint8Array(columns.buffer);
}

/** Reads back what `packFrames` wrote. */
export function unpackFrames(bytes: Uint8Array): FrameRow[] {
  const columns = new Float64Array(bytes.slice().buffer);
  const n = columns.length / COLUMNS;
  return Array.from({ length: Math.floor(n) }, (_, i) => ({
    pts: columns[i]!,
    id: columns[n + i]!,
    timestamp: columns[2 * n + i]!,
    key: (columns[3 * n + i]! & KEY) !== 0,
    repeat: (columns[3 * n + i]! & REPEAT) !== 0,
    offset: columns[4 * n + i]!,
  }));
}
