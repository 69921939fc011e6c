import { expect, test } from 'vitest';
import type { Marker } from '../api/timeline.ts';
import { MarkerPasses } from './marker-passes.ts';

const STEP = 40_000;
const frame = (id: number) => ({ id, timestamp: id * STEP });
const on = (id: number, more: Partial<Marker> = {}): Marker => ({
  id: `m${id}`,
  label: '',
  kind: 'event',
  frame: id,
  timestamp: id * STEP,
  endFrame: null,
  end: null,
  open: false,
  data: null,
  sequence: id,
  ...more,
});
const ids = (markers: readonly Marker[]) => markers.map(({ id }) => id);

/** Plays these frames, 40 ms apart. */
function play(passes: MarkerPasses, from: number, to: number, markers: readonly Marker[], atMs = from * 40, step = 1): string[] {
  const got: string[] = [];
  for (let id = from; id <= to; id += step) got.push(...ids(passes.shown(frame(id), atMs + (id - from) * 40, false, markers)));
  return got;
}

test('each marker is reached once, also where its own frame was left out', () => {
  const markers = [on(5), on(11), on(12), on(40)];
  const passes = new MarkerPasses();
  expect(play(passes, 1, 31, markers, 0, 3)).toEqual(['m5', 'm11', 'm12']);
});

test('the first frame reaches what lies on it and nothing of the past', () => {
  const passes = new MarkerPasses();
  expect(ids(passes.shown(frame(10), 0, false, [on(3), on(10), on(11)]))).toEqual(['m10']);
});

test('a repeated frame reaches nothing again', () => {
  const passes = new MarkerPasses();
  passes.shown(frame(9), 0, false, [on(10)]);
  expect(ids(passes.shown(frame(10), 40, false, [on(10)]))).toEqual(['m10']);
  expect(passes.shown(frame(10), 80, false, [on(10)])).toEqual([]);
});

test('a seek reaches only what it lands on; playing from there passes the rest again', () => {
  const markers = [on(5), on(10), on(20), on(60)];
  const passes = new MarkerPasses();
  expect(play(passes, 1, 30, markers)).toEqual(['m5', 'm10', 'm20']);
  expect(ids(passes.shown(frame(10), 2000, true, markers))).toEqual(['m10']);
  expect(play(passes, 11, 30, markers, 2040)).toEqual(['m20']);
  expect(ids(passes.shown(frame(90), 3000, true, markers))).toEqual([]);
  // Back without a seek, as a player that is opened anew.
  expect(ids(passes.shown(frame(4), 3040, false, markers))).toEqual([]);
  expect(play(passes, 5, 30, markers, 3080)).toEqual(['m5', 'm10', 'm20']);
});

test('a jump to the live edge passes nothing; a gap of the source does', () => {
  const passes = new MarkerPasses();
  passes.shown(frame(10), 0, false, []);
  expect(passes.shown(frame(500), 40, false, [on(100)])).toEqual([]);
  const after = { id: 505, timestamp: frame(500).timestamp + 5_000_000 };
  const inside = { ...on(502), timestamp: after.timestamp - 1_000_000 };
  expect(ids(passes.shown(after, 120, false, [inside]))).toEqual(['m502']);
});

test('markers without a frame are reached by time', () => {
  const passes = new MarkerPasses();
  const marker = on(10, { frame: null, timestamp: 10 * STEP + 15_000 });
  expect(play(passes, 1, 10, [marker])).toEqual([]);
  expect(ids(passes.shown(frame(11), 440, false, [marker]))).toEqual(['m10']);
});

test('a marker made after its live picture counts as reached if it is not old', () => {
  const passes = new MarkerPasses();
  expect(passes.isLate(on(1), true)).toBe(false);
  passes.shown(frame(1000), 0, false, []);
  expect(passes.isLate(on(995), true)).toBe(true);
  expect(passes.isLate(on(1001), true)).toBe(false);
  expect(passes.isLate(on(600), true)).toBe(false);
  expect(passes.isLate(on(995), false)).toBe(false);
});
