import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Marker } from '../api/timeline.ts';
import { LANES, layoutGaps, layoutMarkers, tickAt } from './marker-layout.ts';

const at = (timestamp: number, more: Partial<Marker> = {}): Marker => ({
  id: `m${timestamp}`,
  label: '',
  kind: 'event',
  frame: null,
  timestamp,
  endFrame: null,
  end: null,
  open: false,
  data: null,
  sequence: 1,
  ...more,
});
const view = { start: 1000, end: 2000, until: 2000, width: 100 };

test('ticks lie where their capture time is; those ahead wait, those behind have left', () => {
  const { ticks } = layoutMarkers([at(500), at(1000), at(1500), at(1900), at(1950), at(2500)], { ...view, until: 1900 });
  expect(ticks.map(({ x, markers }) => [x, markers.length])).toEqual([
    [0, 1],
    [50, 1],
    [90, 1],
  ]);
});

test('ticks closer than 3 pixels are one with a count', () => {
  const { ticks } = layoutMarkers([at(1000), at(1010), at(1029), at(1060), at(1500)], view);
  expect(ticks.map(({ markers }) => markers.length)).toEqual([3, 1, 1]);
});

test('no marker of the window is lost or doubled, and few ticks are drawn of however many', () => {
  const times = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 400 }).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(times, fc.integer({ min: 10, max: 400 }), (all, width) => {
      const { ticks } = layoutMarkers(
        all.map((time) => at(time)),
        { ...view, width },
      );
      const drawn = ticks.flatMap(({ markers }) => markers.map(({ timestamp }) => timestamp));
      expect(drawn).toEqual(all.filter((time) => time >= 1000 && time <= 2000));
      // At most two within any 3 pixels: one on each side of a border of the grid.
      expect(ticks.length).toBeLessThanOrEqual((2 * width) / 3 + 2);
    }),
  );
});

test('where many are close they keep their company while the window moves', () => {
  const dense = Array.from({ length: 3000 }, (_, n) => at(1000 + n));
  const company = (shift: number) =>
    new Set(layoutMarkers(dense, { start: 1000 + shift, end: 2000 + shift, until: 9000, width: 100 }).ticks.map((t) => t.markers.length));
  // But for the ones at the ends, which are cut.
  for (const shift of [0, 7, 13, 500]) expect(company(shift)).toContain(30);
});

test('spans lie in lanes, run on while they are open, and are cut at the ends', () => {
  const spans = layoutMarkers(
    [
      at(500, { end: 1200 }),
      at(1100, { end: 1300 }),
      at(1250, { end: 1400 }),
      at(1500, { open: true }),
      at(1600, { end: 1601 }),
      at(100, { end: 900 }),
    ].sort((a, b) => a.timestamp - b.timestamp),
    view,
  ).spans;
  expect(spans.map(({ x, width, lane }) => [x, Math.round(width), lane])).toEqual([
    [0, 20, 0],
    [10, 20, 1],
    [25, 15, 0],
    [50, 50, 0],
    [60, 3, 1],
  ]);
  const many = Array.from({ length: 9 }, (_, n) => at(1000 + n, { open: true }));
  expect(Math.max(...layoutMarkers(many, view).spans.map(({ lane }) => lane))).toBe(LANES - 1);
});

test('gaps are cut at the ends and always wide enough to be seen', () => {
  expect(
    layoutGaps(
      [
        { start: 0, end: 1100 },
        { start: 1500, end: 1501 },
        { start: 1990, end: 5000 },
        { start: 0, end: 900 },
      ],
      view,
    ),
  ).toEqual([
    { x: 0, width: 10 },
    { x: 50, width: 2 },
    { x: 99, width: 2 },
  ]);
});

test('a click means the nearest tick within reach', () => {
  const { ticks } = layoutMarkers([at(1100), at(1180)], view);
  expect(tickAt(ticks, 13, 6)?.x).toBe(10);
  expect(tickAt(ticks, 16, 6)?.x).toBe(18);
  expect(tickAt(ticks, 40, 6)).toBeNull();
});

test('an empty bar has nothing on it', () => {
  expect(layoutMarkers([at(1)], { start: 5, end: 5, until: 5, width: 100 })).toEqual({ ticks: [], spans: [] });
});
