import { expect, test } from 'vitest';
import type { Marker } from '../api/timeline.ts';
import { kindLook, markerText } from './marker-look.ts';

function luminance(hex: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test('a kind always has the same look, and every colour can be seen on light and on dark', () => {
  expect(kindLook('event')).toEqual(kindLook('event'));
  const kinds = Array.from({ length: 300 }, (_, n) => `kind-${n}`);
  const looks = new Set(kinds.map((kind) => JSON.stringify(kindLook(kind))));
  expect(looks.size).toBe(24);
  for (const kind of kinds) {
    const own = luminance(kindLook(kind).colour);
    expect((1 + 0.05) / (own + 0.05), kindLook(kind).colour).toBeGreaterThanOrEqual(3);
    expect((own + 0.05) / (luminance('#111317') + 0.05), kindLook(kind).colour).toBeGreaterThanOrEqual(3);
  }
});

test('a marker in words', () => {
  const marker: Marker = {
    id: 'a',
    label: 'spike',
    kind: 'event',
    frame: 12,
    timestamp: 1_763_640_000_120_000,
    endFrame: null,
    end: null,
    open: false,
    data: null,
    sequence: 1,
  };
  expect(markerText(marker)).toMatch(/^spike \(event\), \d\d:\d\d:00\.120, frame 12$/);
  expect(markerText({ ...marker, label: '', open: true, frame: null })).toMatch(/^Marker \(event\), \d\d:\d\d:00\.120, still open$/);
  const span = { ...marker, end: marker.timestamp + 1_500_000, endFrame: 50 };
  expect(markerText(span)).toMatch(/^spike \(event\), \d\d:\d\d:00\.120, 1\.5 s long, frames 12 to 50$/);
});
