import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { makePackets, makeTrack, START_US } from '../../../test/packets.ts';
import { parsePlaylist } from '../../../test/playlists.ts';
import type { TrackInfo } from '../../core/packet.ts';
import { GRID_TICKS } from '../../pipeline/grid.ts';
import type { DateRanges } from './date-ranges.ts';
import { multivariantPlaylist, PlaylistRenderer, partFile } from './playlist.ts';
import type { Recorder } from './recorder.ts';
import { type SegmentData, Segmenter } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

const FIRST = START_US / 2e6;
const ALL = { lowLatency: true, delta: 'none' as const, query: '' };

/** What the renderer reads of a recorder. */
class FakeRecorder {
  version = 1;
  recording = true;
  ended = false;
  track: TrackInfo | null = makeTrack();
  list: WindowSegment[] = [];
  segments = () => this.list;

  renderer(ranges: DateRanges | null = null): PlaylistRenderer {
    return new PlaylistRenderer(this as unknown as Recorder, ranges);
  }
}

/** Window of what a segmenter makes of `seconds` of 30 fps; the last one open unless `closed`. */
function windowOf(seconds: number, { start = START_US, era = 0, init = '0123abcd', closed = false } = {}): WindowSegment[] {
  const segments: SegmentData[] = [];
  const segmenter = new Segmenter({ onSegment: (segment) => void segments.push(segment), onPart: () => {}, onClosed: () => {} }, era, -1);
  for (const packet of makePackets(
    Array.from({ length: Math.round(seconds * 30) }, () => 33_333),
    { start },
  ))
    segmenter.push(packet);
  if (closed) segmenter.finish();
  return segments.filter((data) => data.parts.length).map((data) => ({ ...data, init, open: !data.closed }));
}

describe('PlaylistRenderer', () => {
  it('numbers segments by the grid, and EXTINF and parts are the media', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(9.5, { start: START_US + 500_000 });
    const parsed = parsePlaylist(recorder.renderer().text(ALL));
    expect(parsed.mediaSequence).toBe(FIRST);
    const whole = recorder.list.filter((segment) => !segment.open);
    expect(parsed.segments).toHaveLength(whole.length);
    parsed.segments.forEach((segment, i) => {
      expect(segment.uri).toBe(`s${FIRST + i}-0123abcd.m4s`);
      expect(segment.duration).toBeCloseTo((whole[i]!.end - whole[i]!.start) / 90_000, 5);
      expect(segment.dateTimeObject!.getTime()).toBe(Math.floor(whole[i]!.start / 90));
      expect(segment.map!.uri).toBe('init-0123abcd.mp4');
      if (segment.parts) expect(segment.parts.reduce((sum, part) => sum + part.duration, 0)).toBeCloseTo(segment.duration, 3);
    });
    const open = recorder.list.at(-1)!;
    expect(open.open).toBe(true);
    expect(parsed.preloadSegment!.parts!.map((part) => part.uri)).toEqual(open.parts.map((_, k) => partFile(open.sequence, k)));
    expect(parsed.preloadSegment!.preloadHints![0]!.uri).toBe(partFile(open.sequence, open.parts.length));
    expect(parsed.partTargetDuration).toBeGreaterThanOrEqual(Math.max(...parsed.preloadSegment!.parts!.map((part) => part.duration)));
  });

  it('lists parts for no longer than three target durations from the end', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(30);
    const parsed = parsePlaylist(recorder.renderer().text(ALL));
    expect(parsed.segments.filter((segment) => segment.parts?.length)).toHaveLength(2);
  });

  it('for old players has whole segments only', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(7);
    const text = recorder.renderer().text({ ...ALL, lowLatency: false });
    expect(text).not.toMatch(/PART|PRELOAD/);
    expect(parsePlaylist(text).segments.map((segment) => segment.uri)).toEqual(
      recorder.list.filter((segment) => !segment.open).map((segment) => `s${segment.sequence}-0123abcd.m4s`),
    );
  });

  it('fills the grid with gaps and marks the discontinuity behind them', () => {
    const recorder = new FakeRecorder();
    recorder.list = [...windowOf(3, { closed: true, era: 3 }), ...windowOf(3, { start: START_US + 10_000_000, era: 4, init: 'ffffffff' })];
    const parsed = parsePlaylist(recorder.renderer().text(ALL));
    expect(parsed.discontinuitySequence).toBe(3);
    expect(parsed.gaps).toEqual([false, false, true, true, true, false]);
    expect(parsed.segments.map((segment) => !!segment.discontinuity)).toEqual([false, false, false, false, false, true]);
    expect(parsed.segments.at(-1)!.map!.uri).toBe('init-ffffffff.mp4');
    expect(parsed.segments.map((segment) => Number(/\d+/.exec(segment.uri)![0]))).toEqual([0, 1, 2, 3, 4, 5].map((i) => FIRST + i));
  });

  it('begins behind a pause of years instead of listing it', () => {
    const recorder = new FakeRecorder();
    recorder.list = [...windowOf(3, { closed: true, start: 1_000_000_000_000_000 }), ...windowOf(5, { era: 1 })];
    const text = recorder.renderer().text(ALL);
    expect(text.length).toBeLessThan(20_000);
    const parsed = parsePlaylist(text);
    expect(parsed.mediaSequence).toBe(FIRST);
    expect(parsed.discontinuitySequence).toBe(1);
    expect(parsed.gaps).not.toContain(true);
  });

  it('a delta update leaves out what lies before the skip boundary; put together both are the full playlist', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(41);
    const renderer = recorder.renderer();
    const full = parsePlaylist(renderer.text(ALL));
    const delta = parsePlaylist(renderer.text({ ...ALL, delta: 'segments' }));
    const skipped = delta.skip!.skippedSegments;
    expect(skipped).toBeGreaterThan(5);
    expect([...full.segments.slice(0, skipped), ...delta.segments].map((segment) => segment.uri)).toEqual(
      full.segments.map((segment) => segment.uri),
    );
    // At least six target durations are not skipped, counted from the end of the last part.
    const kept = [...delta.segments, ...delta.preloadSegment!.parts!].reduce((sum, each) => sum + each.duration, 0);
    expect(kept).toBeGreaterThanOrEqual(12);
    recorder.list = windowOf(9);
    recorder.version++;
    expect(renderer.text({ ...ALL, delta: 'segments' })).toBe(renderer.text(ALL));
  });

  it('lists date ranges whole, or only the new ones where the client allows it and something is skipped', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(41);
    const entry = (id: string) => ({ id, class: 'x', start: START_US / 1000 + 100, end: null, instant: true, attributes: { FRAME: 1 } });
    const windows: { start: number; end: number }[] = [];
    const ranges = {
      version: 0,
      list: (window: { start: number; end: number }) => {
        windows.push(window);
        return { all: [entry('old'), entry('new')], fresh: [entry('new')], removed: ['gone'] };
      },
    };
    const renderer = recorder.renderer(ranges as unknown as DateRanges);
    const idsOf = (delta: 'none' | 'segments' | 'all') => parsePlaylist(renderer.text({ ...ALL, delta })).dateRanges!.map(({ id }) => id);
    expect(idsOf('none')).toEqual(['old', 'new']);
    expect(idsOf('segments')).toEqual(['old', 'new']);
    expect(idsOf('all')).toEqual(['new']);
    expect(renderer.text({ ...ALL, delta: 'all' })).toMatch(/SKIPPED-SEGMENTS=\d+,RECENTLY-REMOVED-DATERANGES="gone"/);
    expect(renderer.text({ ...ALL, delta: 'segments' })).not.toContain('RECENTLY-REMOVED');
    expect(windows[0]).toEqual({ start: recorder.list[0]!.start, end: recorder.list.at(-1)!.end });
    // A marker alone makes a new text; without one it stays.
    const asked = windows.length;
    renderer.text(ALL);
    expect(windows).toHaveLength(asked);
    ranges.version++;
    renderer.text(ALL);
    expect(windows).toHaveLength(asked + 1);
    // Too young to skip anything: whole.
    recorder.list = windowOf(9);
    recorder.version++;
    expect(idsOf('all')).toEqual(['old', 'new']);
  });

  it('ends with ENDLIST and without a hint', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(5, { closed: true });
    recorder.ended = true;
    recorder.recording = false;
    const text = recorder.renderer().text(ALL);
    expect(parsePlaylist(text).endList).toBe(true);
    expect(text).not.toContain('PRELOAD-HINT');
  });

  it('gives no hint while nothing is recorded', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(5, { closed: true });
    recorder.recording = false;
    const text = recorder.renderer().text(ALL);
    expect(text).not.toContain('PRELOAD-HINT');
    expect(parsePlaylist(text).endList).toBeFalsy();
  });

  it('carries the query into every address', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(5);
    const text = recorder.renderer().text({ ...ALL, query: '?token=abc' });
    const addresses = text
      .split('\n')
      .flatMap((line) => [...line.matchAll(/URI="([^"]+)"/g)].map((match) => match[1]!).concat(/^[^#]/.test(line) ? [line] : []));
    expect(addresses.length).toBeGreaterThan(10);
    for (const address of addresses) expect(address).toMatch(/\?token=abc$/);
  });

  it('renders and compresses each version once for all its viewers', async () => {
    const recorder = new FakeRecorder();
    let asked = 0;
    recorder.list = windowOf(5);
    recorder.segments = () => {
      asked++;
      return recorder.list;
    };
    const renderer = recorder.renderer();
    const [a, b] = await Promise.all([renderer.gzipped(ALL), renderer.gzipped(ALL)]);
    expect(a).toBe(b);
    expect(gunzipSync(a).toString()).toBe(renderer.text(ALL));
    expect(asked).toBe(1);
    recorder.version++;
    renderer.text(ALL);
    expect(asked).toBe(2);
  });
});

describe('multivariantPlaylist', () => {
  it('names codec, size and a bandwidth that no recent segment exceeds', () => {
    const recorder = new FakeRecorder();
    recorder.list = windowOf(7);
    recorder.list[1] = { ...recorder.list[1]!, bytes: 1_000_000 };
    const both = {
      video: recorder as unknown as Recorder,
      audio: Object.assign(new FakeRecorder(), { track: null }) as unknown as Recorder,
    };
    const [variant] = parsePlaylist(multivariantPlaylist(both, '?v=x', 30)!).playlists!;
    expect(variant!.uri).toBe('video/media.m3u8?v=x');
    expect(variant!.attributes).toMatchObject({ CODECS: 'avc1.42c00d', RESOLUTION: { width: 320, height: 180 }, 'FRAME-RATE': 30 });
    expect(variant!.attributes.BANDWIDTH).toBeGreaterThanOrEqual((1_000_000 * 8 * 90_000) / GRID_TICKS - 1);
  });
});
