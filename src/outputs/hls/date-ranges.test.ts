import { describe, expect, it } from 'vitest';
import type { Marker } from '../../api/timeline.ts';
import { Emitter } from '../../core/emitter.ts';
import { type Micros, toTicks } from '../../core/time.ts';
import type { TimelineEvents } from '../../timeline/timeline.ts';
import { DateRanges } from './date-ranges.ts';

const START_US = 1_763_640_000_000_123;
const ticks = (us: number): number => toTicks(us as Micros);

/** A store in memory: what the ranges read of a timeline. */
class FakeTimeline {
  readonly events = new Emitter<TimelineEvents>();
  readonly markers = new Map<string, Marker>();
  #sequence = 0;

  set(id: string, fields: Partial<Marker> = {}): void {
    const before = this.markers.get(id);
    const fresh = { id, label: id, kind: 'event', frame: null, timestamp: START_US, endFrame: null, end: null, open: false, data: null };
    const marker = { ...fresh, ...before, ...fields, sequence: ++this.#sequence };
    this.markers.set(id, marker);
    this.events.emit('marker', { action: 'set', marker });
  }

  remove(id: string): void {
    const marker = this.markers.get(id)!;
    this.markers.delete(id);
    this.events.emit('marker', { action: 'remove', marker });
  }

  recentMarkers = (start: number, end: number) =>
    [...this.markers.values()].filter((each) => each.timestamp <= end && (each.open ? Infinity : (each.end ?? each.timestamp)) >= start);
}

function setUp(frames: Record<number, number> = {}) {
  const timeline = new FakeTimeline();
  const clock = { ms: 0 };
  const ranges = new DateRanges(
    timeline,
    { ptsOf: (frame) => frames[frame], newestFrame: 100, ptsAt: (at) => Object.values(frames).findLast((pts) => pts <= at) },
    () => clock.ms,
  );
  const window = { start: ticks(START_US - 60_000_000), end: ticks(START_US + 60_000_000) };
  const lines = (which: 'all' | 'fresh' = 'all') =>
    ranges.list(window)[which].map(({ id, start, end, instant }) => ({ id, start: start - Math.floor(START_US / 1000), end, instant }));
  return { timeline, clock, ranges, window, lines };
}

describe('DateRanges', () => {
  it('lists markers of the window by time, with the frame, the exact time and the label', () => {
    const { timeline, ranges, window } = setUp();
    timeline.set('later', { timestamp: START_US + 1_000_000, frame: 31 });
    timeline.set('first', { kind: 'spike', label: 'Spike' });
    timeline.set('not yet', { timestamp: START_US + 60_000_001 });
    timeline.set('of a frame to come', { frame: 101 });
    timeline.set('too old', { timestamp: START_US - 60_100_000 });
    expect(ranges.list(window).all).toEqual([
      {
        id: 'first',
        class: 'spike',
        start: Math.ceil(START_US / 1000) + 1,
        end: null,
        instant: true,
        attributes: { TIMESTAMP: START_US, LABEL: 'Spike' },
      },
      expect.objectContaining({ id: 'later', attributes: { FRAME: 31, TIMESTAMP: START_US + 1_000_000, LABEL: 'later' } }),
    ]);
  });

  it('begins inside the frame, never before it: by the media time of the frame where that is known', () => {
    const late = ticks(START_US + 700_000) + 1;
    const { timeline, lines } = setUp({ 7: late });
    timeline.set('late', { timestamp: START_US + 690_000, frame: 7 });
    const [range] = lines();
    const start = (Math.floor(START_US / 1000) + range!.start) * 90;
    expect(start - late).toBeGreaterThanOrEqual(90);
    expect(start - late).toBeLessThan(180);
  });

  it('set by time begins with what is on show then, before its frame is known and after', () => {
    const [shown, next] = [ticks(START_US), ticks(START_US + 40_000)];
    const { timeline, lines } = setUp({ 7: shown, 8: next });
    timeline.set('m', { timestamp: START_US + 30_000 });
    const [before] = lines();
    timeline.set('m', { frame: 7 });
    expect(lines()).toEqual([before]);
    expect((Math.floor(START_US / 1000) + before!.start) * 90 - shown).toBeLessThan(180);
  });

  it('opens without an end and gets one under the same id', () => {
    const { timeline, lines } = setUp();
    timeline.set('span', { open: true });
    expect(lines()).toEqual([{ id: 'span', start: 2, end: null, instant: false }]);
    timeline.set('span', { open: false, end: START_US + 2_000_000 });
    expect(lines()).toEqual([{ id: 'span', start: 2, end: Math.ceil((START_US + 2_000_000) / 1000) + 1, instant: false }]);
  });

  it('a frame that becomes known is added; any other change makes a new range and takes the old one away', () => {
    const { timeline, ranges, window } = setUp();
    timeline.set('m');
    ranges.list(window);
    timeline.set('m', { frame: 5 });
    expect(ranges.list(window).all[0]).toMatchObject({ id: 'm', attributes: { FRAME: 5 } });
    timeline.set('m', { label: 'other' });
    expect(ranges.list(window)).toMatchObject({ all: [{ id: 'm~2', attributes: { LABEL: 'other' } }], removed: ['m'] });
    timeline.set('m', { end: START_US + 5 });
    expect(ranges.list(window).all[0]!.id).toBe('m~3');
    timeline.set('m', { end: START_US + 500_000 });
    expect(ranges.list(window)).toMatchObject({ all: [{ id: 'm~4' }], removed: ['m', 'm~2', 'm~3'] });
  });

  it('tells delta updates what is new and what went, for as long as a client may not know it', () => {
    const { timeline, clock, ranges, window, lines } = setUp();
    timeline.set('a');
    timeline.set('b', { open: true });
    expect(lines('fresh').map(({ id }) => id)).toEqual(['a', 'b']);
    clock.ms = 12_000;
    expect(lines('fresh')).toEqual([]);
    timeline.set('b', { open: false, end: START_US + 1000 });
    timeline.set('c');
    timeline.remove('a');
    expect(lines('fresh').map(({ id }) => id)).toEqual(['b', 'c']);
    expect(ranges.list(window).removed).toEqual(['a']);
    // Comes back as something else: not under the id that players just forgot or still have.
    timeline.set('a', { kind: 'again' });
    expect(ranges.list(window)).toMatchObject({ all: [{ id: 'b' }, { id: 'c' }, { id: 'a~2' }], removed: ['a'] });
    clock.ms = 30_000;
    expect(ranges.list(window)).toMatchObject({ fresh: [], removed: [] });
  });

  it('a marker that comes back as it was keeps its id', () => {
    const { timeline, ranges, window } = setUp();
    timeline.set('a');
    ranges.list(window);
    timeline.remove('a');
    ranges.list(window);
    timeline.set('a');
    expect(ranges.list(window)).toMatchObject({ fresh: [{ id: 'a' }], removed: [] });
  });

  it('holds the newest 200 of the last 10 minutes', () => {
    const { timeline, ranges } = setUp();
    for (let i = 0; i < 900; i++) timeline.set(`m${i}`, { timestamp: START_US + i * 1_000_000 });
    const { all } = ranges.list({ start: 0, end: ticks(START_US + 900_000_000) });
    expect(all.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, i) => `m${700 + i}`));
    for (let i = 0; i < 900; i++) timeline.set(`m${i}`, { timestamp: START_US + i * 10_000_000 });
    const wide = ranges.list({ start: 0, end: ticks(START_US + 9_000_000_000) }).all;
    expect(wide).toHaveLength(60);
  });

  it('has a new version with each change, until it is disposed', () => {
    const { timeline, ranges } = setUp();
    const before = ranges.version;
    timeline.set('a');
    timeline.remove('a');
    expect(ranges.version).toBe(before + 2);
    ranges[Symbol.dispose]();
    timeline.set('b');
    expect(ranges.version).toBe(before + 2);
  });
});
