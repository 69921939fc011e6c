import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePacket, makePackets, makeTrack, START_US } from '../../../test/packets.ts';
import type { Packet } from '../../core/packet.ts';
import { readIdentities } from '../../formats/fmp4-read.ts';
import { GRID_TICKS, PART_TICKS, sequenceOf } from '../../pipeline/grid.ts';
import { PART_TARGET_TICKS, type PartData, type SegmentData, Segmenter } from './segmenter.ts';

interface Log {
  segments: SegmentData[];
  parts: { segment: SegmentData; part: PartData }[];
  closed: SegmentData[];
  order: string[];
}

function run(packets: readonly Packet[], { finish = true, era = 0, lastSequence = -1 } = {}): Log & { segmenter: Segmenter } {
  const log: Log = { segments: [], parts: [], closed: [], order: [] };
  const segmenter = new Segmenter(
    {
      onSegment: (segment) => {
        log.segments.push(segment);
        log.order.push(`open ${segment.sequence}`);
      },
      onPart: (segment, part) => {
        log.parts.push({ segment, part });
        log.order.push(`part ${segment.sequence}`);
      },
      onClosed: (segment) => {
        log.closed.push(segment);
        log.order.push(`close ${segment.sequence}`);
      },
    },
    era,
    lastSequence,
  );
  for (const packet of packets) segmenter.push(packet);
  if (finish) segmenter.finish();
  return { ...log, segmenter };
}

const bytesOf = (segment: SegmentData) => Buffer.concat(segment.parts.map((part) => part.bytes));
const steady = (count: number, interval = 33_333) => Array.from({ length: count }, () => interval);

/** What must hold for every run without a break. */
function checkContinuous(packets: readonly Packet[], log: Log): void {
  // Every frame is there once, at its own time, and lasts until the next one.
  const samples = log.closed.flatMap((segment) => readIdentities(bytesOf(segment)));
  expect(samples.map(({ pts, identity }) => ({ pts, id: identity.id, timestamp: identity.timestamp }))).toEqual(
    packets.map(({ pts, id, timestamp }) => ({ pts, id, timestamp })),
  );
  samples.slice(1).forEach((sample, i) => void expect(samples[i]!.duration).toBe(sample.pts - samples[i]!.pts));
  expect(samples.at(-1)!.duration).toBeGreaterThan(0);
  expect(samples.at(-1)!.duration).toBeLessThanOrEqual(PART_TICKS);
  let before: SegmentData | undefined;
  for (const segment of log.closed) {
    // The grid: a segment holds exactly the frames of its cell.
    expect(segment.frames.every((frame) => sequenceOf(frame.pts) === segment.sequence)).toBe(true);
    expect(segment.frames[0]!.key).toBe(true);
    expect(segment.closed).toBe(true);
    if (before) {
      expect(segment.sequence).toBe(before.sequence + 1);
      expect(segment.start).toBe(before.end);
      expect(segment.era).toBe(before.era);
    }
    before = segment;
    // EXTINF = media = sum of its parts, without a hole in time or in bytes.
    expect(segment.parts.reduce((sum, part) => sum + part.duration, 0)).toBe(segment.end - segment.start);
    let offset = 0;
    for (const part of segment.parts) {
      expect(part.offset).toBe(offset);
      offset += part.bytes.length;
      const inside = readIdentities(part.bytes);
      expect(inside.reduce((sum, sample) => sum + sample.duration, 0)).toBe(part.duration);
      const frame = segment.frames.find((row) => row.offset === part.offset)!;
      expect(frame.pts).toBe(inside[0]!.pts);
      const rows = inside.map((sample) => segment.frames.find((row) => row.pts === sample.pts)!);
      expect(part.independent).toBe(rows.some((row) => row.key));
    }
    expect(segment.bytes).toBe(offset);
    // The index points at fragments.
    for (const [i, frame] of segment.frames.entries()) {
      const end = segment.frames[i + 1]?.offset ?? offset;
      const [sample, ...more] = readIdentities(new Uint8Array(bytesOf(segment).subarray(frame.offset, end)));
      expect(more).toEqual([]);
      expect(sample).toMatchObject({ pts: frame.pts, identity: { id: frame.id, timestamp: frame.timestamp, repeat: frame.repeat } });
    }
  }
}

describe('Segmenter', () => {
  it('cuts on the 2 s grid whatever the beginning', () => {
    for (const start of [START_US, START_US + 700_000, START_US + 1_999_999]) {
      const packets = makePackets(steady(200), { start });
      const log = run(packets);
      checkContinuous(packets, log);
      expect(log.closed[0]!.sequence).toBe(sequenceOf(packets[0]!.pts));
    }
  });

  it('at 30 fps with jitter keeps parts between 85 % and 100 % of the target, but for the last of a segment', () => {
    const intervals = Array.from({ length: 300 }, (_, i) => 33_333 + ((i * 7919) % 2000) - 1000);
    const packets = makePackets(intervals);
    const log = run(packets);
    checkContinuous(packets, log);
    expect(log.parts.length).toBeGreaterThan(45);
    log.parts.forEach(({ segment, part }, i) => {
      expect(part.duration).toBeLessThanOrEqual(PART_TARGET_TICKS);
      const next = log.parts[i + 1];
      if (next?.segment === segment) {
        expect(part.duration).toBeGreaterThanOrEqual(0.85 * PART_TARGET_TICKS);
      }
    });
  });

  it('keeps every capture time of irregular sources: 16 to 61 ms, one frame in ten missing', () => {
    const gap = fc.tuple(fc.integer({ min: 16_000, max: 61_000 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 200 }), fc.integer({ min: 0, max: 1_999_999 }), (gaps, offset) => {
        // One in ten missing: its interval belongs to the frame before. Never two in a row here, so a part can hold any interval.
        const intervals: number[] = [];
        let missing = 0;
        for (const [interval, dice] of gaps) {
          if (dice === 0 && missing === 0) missing = interval;
          else {
            intervals.push(interval + missing);
            missing = 0;
          }
        }
        const packets = makePackets(intervals, { start: START_US + offset });
        const log = run(packets);
        checkContinuous(packets, log);
        for (const { part } of log.parts) expect(part.duration).toBeLessThanOrEqual(PART_TARGET_TICKS);
        for (const segment of log.closed) expect(Math.round((segment.end - segment.start) / 90_000)).toBeLessThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  it('holds a frame until the next one says how long it lasts', () => {
    const packets = makePackets(steady(6, 40_000));
    const { segmenter, parts, segments } = run(packets.slice(0, 1), { finish: false });
    expect(segments).toEqual([]);
    segmenter.push(packets[1]!);
    expect(segments).toHaveLength(1);
    expect(segmenter.current!.frames.map((frame) => frame.id)).toEqual([1]);
    for (const packet of packets.slice(2)) segmenter.push(packet);
    expect(parts.map(({ part }) => part.duration)).toEqual([5 * 3600]);
  });

  it('tells of a segment before its parts and of its end after them', () => {
    const { order } = run(makePackets(steady(80)));
    const sequences = [...new Set(order.map((entry) => entry.split(' ')[1]))];
    for (const sequence of sequences) {
      const own = order.filter((entry) => entry.endsWith(` ${sequence}`));
      expect(own[0]).toBe(`open ${sequence}`);
      expect(own.at(-1)).toBe(`close ${sequence}`);
      expect(own.slice(1, -1).every((entry) => entry === `part ${sequence}`)).toBe(true);
    }
    expect(order).toEqual([...order].sort((a, b) => Number(a.split(' ')[1]) - Number(b.split(' ')[1])));
  });

  it('waits for a key frame at the beginning and for a cell that no earlier run has closed', () => {
    const packets = makePackets(steady(100));
    const first = sequenceOf(packets[0]!.pts);
    expect(run(packets.slice(3, 20)).closed).toEqual([]);
    const log = run(packets, { era: 4, lastSequence: first });
    expect(log.closed.map((segment) => segment.sequence)).toEqual([first + 1]);
    expect(log.closed[0]!.era).toBe(4);
    expect(log.closed[0]!.start).toBe(packets.find((packet) => sequenceOf(packet.pts) === first + 1)!.pts);
  });

  it('begins a new era, in the next cell, after a change of the track', () => {
    const before = makePackets(steady(30));
    const after = makePackets(steady(90), { track: makeTrack(2, 640, 360), start: before.at(-1)!.timestamp + 33_333, firstId: 32 });
    const { closed } = run([...before, ...after]);
    expect(closed.map(({ era, track }) => [era, track.version])).toEqual([
      [0, 1],
      [1, 2],
      [1, 2],
    ]);
    // The last frame before the break fills its part; nothing is written into the closed segment any more.
    expect(closed[0]!.end).toBeGreaterThan(before.at(-1)!.pts);
    expect(closed[0]!.end).toBeLessThanOrEqual(before.at(-1)!.pts + PART_TICKS);
    expect(closed[0]!.frames).toHaveLength(31);
    expect(closed[1]!.sequence).toBe(closed[0]!.sequence + 1);
    expect(closed[1]!.frames[0]!.key).toBe(true);
  });

  it('begins a new era after a pause of ten seconds, after a step back, and after finish; none is lost unmarked', () => {
    for (const jump of [10_000_000, 3_600_000_000]) {
      const before = makePackets(steady(10));
      const after = makePackets(steady(10), { start: before.at(-1)!.timestamp + jump, firstId: 20 });
      const { closed } = run([...before, ...after]);
      expect(closed.map((segment) => segment.era)).toEqual([0, 1]);
      expect(closed.flatMap((segment) => segment.frames.map((frame) => frame.id))).toEqual(
        [...before, ...after].map((packet) => packet.id),
      );
    }
    const { segmenter, closed } = run(makePackets(steady(10)));
    for (const packet of makePackets(steady(10), { start: START_US + 4_000_000, firstId: 50 })) segmenter.push(packet);
    segmenter.finish();
    expect(closed.map((segment) => segment.era)).toEqual([0, 1]);
  });

  it('counts one discontinuity between two segments, however often it broke off between them', () => {
    const { segmenter, closed } = run(makePackets(steady(10)));
    segmenter.finish();
    segmenter.push(makePacket(makeTrack(2), 30, START_US + 500_000, { key: true }));
    segmenter.push(makePacket(makeTrack(3), 31, START_US + 600_000, { key: true }));
    segmenter.finish();
    segmenter.finish();
    for (const packet of makePackets(steady(10), { start: START_US + 2_000_000, firstId: 50 })) segmenter.push(packet);
    segmenter.finish();
    expect(closed.map((segment) => segment.era)).toEqual([0, 1]);
  });

  it('never goes back to a cell: no name stands for two things', () => {
    const first = makePackets(steady(40));
    const again = makePackets(steady(200), { track: makeTrack(2), start: START_US + 100_000, firstId: 100 });
    const { closed } = run([...first, ...again]);
    const sequences = closed.map((segment) => segment.sequence);
    expect(new Set(sequences).size).toBe(sequences.length);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  });

  it('marks repeats in the index and in the media', () => {
    const track = makeTrack();
    const packets = [
      makePacket(track, 1, START_US, { key: true }),
      ...[1, 2, 3].map((n) => makePacket(track, 1, START_US, { repeat: true, pts: (START_US * 9) / 100 + n * PART_TICKS })),
      makePacket(track, 2, START_US + 700_000),
    ];
    const { closed } = run(packets);
    expect(closed[0]!.frames.map(({ id, repeat }) => [id, repeat])).toEqual([
      [1, false],
      [1, true],
      [1, true],
      [1, true],
      [2, false],
    ]);
    const read = readIdentities(bytesOf(closed[0]!));
    expect(read.map(({ identity }) => [identity.repeat, identity.timestamp])).toEqual([
      [false, START_US],
      [true, START_US],
      [true, START_US],
      [true, START_US],
      [false, START_US + 700_000],
    ]);
  });

  it('survives any order of times and tracks: segments rise, frames rise, nothing is there twice', () => {
    const step = fc.record({
      by: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1000, max: 300_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: -5_000_000, max: 30_000_000 }) },
      ),
      key: fc.boolean(),
      newTrack: fc.integer({ min: 0, max: 15 }).map((dice) => dice === 0),
      finish: fc.integer({ min: 0, max: 25 }).map((dice) => dice === 0),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { segmenter, closed } = run([], { finish: false });
        let at = START_US;
        let track = makeTrack();
        steps.forEach(({ by, key, newTrack, finish }, i) => {
          at += by;
          if (newTrack) track = makeTrack(i + 2);
          const boundary = Math.floor(at / 2e6) !== Math.floor((at - by) / 2e6);
          segmenter.push(makePacket(track, i + 1, at, { key: key || boundary || newTrack }));
          if (finish) segmenter.finish();
        });
        segmenter.finish();
        let last: SegmentData | undefined;
        const ids = new Set<number>();
        for (const segment of closed) {
          if (last) {
            expect(segment.sequence).toBeGreaterThan(last.sequence);
            expect(segment.era - last.era).toBe(segment.start === last.end && segment.track === last.track ? 0 : 1);
          }
          last = segment;
          expect(segment.frames[0]!.key).toBe(true);
          expect(segment.start).toBeGreaterThanOrEqual(segment.sequence * GRID_TICKS);
          const times = segment.frames.map((frame) => frame.pts);
          expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
          for (const { id } of segment.frames) {
            expect(ids.has(id)).toBe(false);
            ids.add(id);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
