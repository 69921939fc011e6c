import { describe, expect, it } from 'vitest';
import type { WindowSegment } from '../outputs/hls/window-segment.ts';
import { GRID_TICKS } from '../pipeline/grid.ts';
import { insideFrame, steadyPlaylist, steadyRun } from './hls-stream.ts';

const segment = (sequence: number, more: Partial<WindowSegment> = {}): WindowSegment => ({
  sequence,
  init: '00000000',
  era: 0,
  start: sequence * GRID_TICKS + 1500,
  end: (sequence + 1) * GRID_TICKS + 900,
  bytes: 1,
  frames: [],
  parts: [],
  open: false,
  ...more,
});
const run = (segments: readonly WindowSegment[]) => steadyRun(segments).map(({ sequence }) => sequence);

it('a marker leads into its frame, also into the last one before a segment ends', () => {
  const grid = 1_795_264_338_000_000;
  expect(insideFrame(grid)).toBe(grid + 200);
  expect(insideFrame(grid + 33_000)).toBe(grid + 33_200);
  expect(insideFrame(grid - 40)).toBe(grid - 20);
});

describe('the segments that a page of python-hls-stream sees', () => {
  it('are whole and follow each other', () => {
    expect(run([])).toEqual([]);
    expect(run([segment(5), segment(6), segment(7, { open: true })])).toEqual([5, 6]);
    expect(run([segment(5), segment(7), segment(8)])).toEqual([7, 8]);
    expect(run([segment(5), segment(6, { era: 1 }), segment(7, { era: 1 })])).toEqual([6, 7]);
    expect(run([segment(5), segment(6, { init: '11111111' })])).toEqual([6]);
    expect(run([segment(5, { start: 5.4 * GRID_TICKS }), segment(6)])).toEqual([6]);
    expect(run([segment(4), segment(5, { start: 5.4 * GRID_TICKS }), segment(6)])).toEqual([6]);
    expect(run([segment(6, { start: 6.4 * GRID_TICKS })])).toEqual([]);
  });

  it('are ten minutes at most', () => {
    const many = Array.from({ length: 500 }, (_, i) => segment(1000 + i));
    expect(run(many)).toEqual(many.slice(-300).map(({ sequence }) => sequence));
  });

  it('stand in the playlist with 2 s each, whatever the frames', () => {
    const text = steadyPlaylist([segment(5), segment(6)], true, '?stream=a');
    expect(text.split('\n')).toEqual([
      '#EXTM3U',
      '#EXT-X-VERSION:7',
      '#EXT-X-TARGETDURATION:2',
      '#EXT-X-MEDIA-SEQUENCE:5',
      '#EXT-X-MAP:URI="init-00000000.mp4?stream=a"',
      '#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10.000Z',
      '#EXTINF:2.000000000,',
      's5-00000000.m4s?stream=a',
      '#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:12.000Z',
      '#EXTINF:2.000000000,',
      's6-00000000.m4s?stream=a',
      '#EXT-X-ENDLIST',
      '',
    ]);
  });
});
