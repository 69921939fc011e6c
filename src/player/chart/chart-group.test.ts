import { expect, test } from 'vitest';
import { ChartGroup, followEdge } from './chart-group.ts';

const S = 1_000_000;

test('a live chart ends now, whatever is shown', () => {
  expect(followEdge(null, 60 * S, null, 'live', 1000 * S)).toBe(1000 * S);
  expect(followEdge(900 * S, 60 * S, 999 * S, 'live', 1000 * S)).toBe(1000 * S);
  expect(followEdge(900 * S, 60 * S, null, 'paused', 1000 * S)).toBe(1000 * S);
});

test('a chart stands still while the shown frame moves inside of it', () => {
  for (const shown of [941, 970, 999, 1000]) expect(followEdge(1000 * S, 60 * S, shown * S, 'paused', 1100 * S)).toBe(1000 * S);
  for (const shown of [941, 970, 990]) expect(followEdge(1000 * S, 60 * S, shown * S, 'playing', 1100 * S)).toBe(1000 * S);
});

test('a chart goes along when the shown frame plays towards its end, or steps past it', () => {
  expect(followEdge(1000 * S, 60 * S, 996 * S, 'playing', 1100 * S)).toBe(1002 * S);
  expect(followEdge(1000 * S, 60 * S, 1001 * S, 'paused', 1100 * S)).toBe(1001 * S);
});

test('a seek far away puts the frame into the middle, but never the end before now', () => {
  expect(followEdge(1000 * S, 60 * S, 500 * S, 'paused', 1000 * S)).toBe(530 * S);
  expect(followEdge(500 * S, 60 * S, 990 * S, 'playing', 1000 * S)).toBe(1000 * S);
});

test('a zoom is never so narrow that it shows nothing, and all charts hear of it', () => {
  const group = new ChartGroup(null);
  let heard = 0;
  group.join({ onShown: () => {}, onCursor: () => heard++, onZoom: () => heard++ });
  group.zoomTo({ start: 1000, end: 1000 });
  expect(group.zoom).toEqual({ start: 500, end: 1500 });
  group.pointAt(5);
  group.pointAt(5);
  group.zoomTo(null);
  expect([heard, group.cursor, group.zoom]).toEqual([3, 5, null]);
});
