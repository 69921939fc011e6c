import { describe, expect, it } from 'vitest';
import { makePackets, START_US } from '../../../test/packets.ts';
import { Timeline } from '../../api/schema.ts';
import type { Recorder } from './recorder.ts';
import type { FrameRow } from './segmenter.ts';
import { type SegmentData, Segmenter } from './segmenter.ts';
import { timelineOf } from './timeline.ts';
import type { WindowSegment } from './window-segment.ts';

function record(parts: { start: number; count: number; interval?: number; firstId: number }[]): WindowSegment[] {
  const segments: SegmentData[] = [];
  const segmenter = new Segmenter({ onSegment: (segment) => void segments.push(segment), onPart: () => {}, onClosed: () => {} }, 0, -1);
  for (const { start, count, interval = 33_337, firstId } of parts) {
    for (const packet of makePackets(
      Array.from({ length: count - 1 }, () => interval),
      { start, firstId },
    ))
      segmenter.push(packet);
    segmenter.finish();
  }
  return segments.map((data) => ({ ...data, init: '0123abcd', open: false }));
}

function recorderOf(segments: WindowSegment[]): Recorder {
  return {
    stream: { name: 'cam', clock: { now: () => START_US + 60_000_000 }, state: 'asleep', lastFrame: null },
    recording: false,
    keptFrom: 0,
    segments: () => segments,
    segmentOfId: (id: number) => segments.find((segment) => segment.frames.some((frame) => frame.id === id)),
  } as unknown as Recorder;
}

/** Rows out of the columns with their differences. */
function rows(timeline: Timeline): { pts: number; id: number; timestamp: number; repeat: boolean }[] {
  const sum = { pts: 0, id: 0, timestamp: 0 };
  return timeline.frames.pts.map((pts, i) => {
    sum.pts += pts;
    sum.id += timeline.frames.id[i]!;
    sum.timestamp += timeline.frames.timestamp[i]!;
    return { ...sum, repeat: timeline.frames.repeat.includes(i) };
  });
}

describe('timelineOf', () => {
  const segments = record([{ start: START_US + 11, count: 200, firstId: 1000 }]);
  const all: FrameRow[] = segments.flatMap((segment) => [...segment.frames]);

  it('gives every frame of the window as differences, in the form of the schema', () => {
    const timeline = Timeline.parse(timelineOf(recorderOf(segments), {}));
    expect(rows(timeline)).toEqual(all.map(({ pts, id, timestamp, repeat }) => ({ pts, id, timestamp, repeat })));
    expect(timeline).toMatchObject({ stream: 'cam', now: START_US + 60_000_000, gaps: [], truncated: false });
    expect(timeline.segments.map((segment) => segment.sequence)).toEqual([0, 1, 2, 3].map((i) => START_US / 2e6 + i));
    expect(timeline.frames.id.slice(1).every((step) => step === 1)).toBe(true);
  });

  it('asked for from and to the capture times of two frames gives both of them, for every frame', () => {
    for (let i = 0; i + 20 < all.length; i += 7) {
      const [from, to] = [all[i]!, all[i + 20]!];
      const timeline = timelineOf(recorderOf(segments), { start: String(from.timestamp), end: String(to.timestamp) });
      const ids = rows(timeline).map((row) => row.id);
      expect([ids[0], ids.at(-1), ids.length]).toEqual([from.id, to.id, 21]);
    }
  });

  it('asked for a frame gives its surroundings; a frame that is gone is named with those that are kept', () => {
    const ids = rows(timelineOf(recorderOf(segments), { frame: '1100' })).map((row) => row.id);
    expect(ids).toContain(1100);
    expect(() => timelineOf(recorderOf(segments), { frame: '7' })).toThrow('frame 7 is not kept; frames 1000 to 1199 are');
    expect(() => timelineOf(recorderOf([]), { frame: '7' })).toThrow('frame 7 is not kept; no frames are');
  });

  it('marks gaps and discontinuities', () => {
    const broken = record([
      { start: START_US, count: 30, firstId: 1 },
      { start: START_US + 8_000_000, count: 30, firstId: 31 },
    ]);
    const timeline = timelineOf(recorderOf(broken), {});
    expect(timeline.segments.map((segment) => segment.discontinuity)).toEqual([false, true]);
    expect(timeline.gaps).toEqual([{ start: timeline.segments[0]!.end, end: START_US + 8_000_000, reason: 'nothing was recorded' }]);
    expect(timeline.gaps[0]!.start).toBeGreaterThan(START_US + 29 * 33_337);
    expect(timeline.gaps[0]!.start).toBeLessThan(START_US + 29 * 33_337 + 210_000);
    expect(rows(timeline)).toHaveLength(60);
  });

  it('without frames it answers for the whole window at once', () => {
    const long = record([{ start: START_US, count: 3500, interval: 200_000, firstId: 1 }]);
    const timeline = timelineOf(recorderOf(long), { frames: '0' });
    expect(timeline.truncated).toBe(false);
    expect(timeline.frames.pts).toEqual([]);
    expect(timeline.segments).toHaveLength(350);
    expect(() => timelineOf(recorderOf(long), { frames: 'no' })).toThrow();
  });

  it('gives at most ten minutes and says that there is more', () => {
    const long = record([{ start: START_US, count: 3500, interval: 200_000, firstId: 1 }]);
    const first = timelineOf(recorderOf(long), {});
    expect(first.truncated).toBe(true);
    const seen = rows(first);
    expect(seen.at(-1)!.timestamp - seen[0]!.timestamp).toBe(600_000_000);
    const rest = timelineOf(recorderOf(long), { start: String(seen.at(-1)!.timestamp + 1000) });
    expect(rest.truncated).toBe(false);
    expect(new Set([...seen, ...rows(rest)].map((row) => row.id)).size).toBe(3500);
  });

  it('of an empty window is empty', () => {
    expect(timelineOf(recorderOf([]), {})).toMatchObject({
      start: null,
      end: null,
      segments: [],
      gaps: [],
      frames: { pts: [] },
      truncated: false,
    });
  });

  it('refuses what it cannot read', () => {
    expect(() => timelineOf(recorderOf(segments), { start: '1763640000' })).toThrow('looks like seconds');
    expect(() => timelineOf(recorderOf(segments), { start: String(START_US + 9), end: String(START_US) })).toThrow(/is later than end/);
    expect(() => timelineOf(recorderOf(segments), { frame: 'x' })).toThrow();
  });
});
