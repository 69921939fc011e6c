import { expect, test } from 'vitest';
import { decodeTimeline } from './timeline-lookup.ts';

test('columns of differences become rows, repeats marked', () => {
  const rows = decodeTimeline({
    stream: 'cam',
    now: 0,
    start: null,
    end: null,
    segments: [],
    gaps: [],
    truncated: false,
    frames: { pts: [158_727_600_000_000, 3000, 18_000], id: [41, 1, 0], timestamp: [1_763_640_000_000_000, 33_333, 0], repeat: [2] },
  });
  expect(rows).toEqual([
    { pts: 158_727_600_000_000, id: 41, timestamp: 1_763_640_000_000_000, duration: 3000, repeat: false, cc: -1 },
    { pts: 158_727_600_003_000, id: 42, timestamp: 1_763_640_000_033_333, duration: 18_000, repeat: false, cc: -1 },
    { pts: 158_727_600_021_000, id: 42, timestamp: 1_763_640_000_033_333, duration: 0, repeat: true, cc: -1 },
  ]);
});
