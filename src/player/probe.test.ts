import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Picture } from '../core/frame.ts';
import { lineValues, lineWithin, rectWithin, regionStats } from './probe.ts';

const [width, height] = [40, 30];
const values = Uint16Array.from({ length: width * height }, (_, i) => (i * 37) % 4096);
const picture: Picture = { format: 'gray16le', width, height, significantBits: 12, data: new Uint8Array(values.buffer) };

test('a line reads each pixel that it meets', () => {
  expect([...lineValues(picture, { x1: 3, y1: 2, x2: 6, y2: 2 })]).toEqual([83, 84, 85, 86].map((i) => values[i]));
  expect([...lineValues(picture, { x1: 2, y1: 5, x2: 2, y2: 3 })]).toEqual([202, 162, 122].map((i) => values[i]));
  expect([...lineValues(picture, { x1: 0, y1: 0, x2: 2, y2: 2 })]).toEqual([0, 41, 82].map((i) => values[i]));
  expect([...lineValues(picture, { x1: 7, y1: 7, x2: 7, y2: 7 })]).toEqual([values[287]]);
});

test('colour is the mean of its channels without alpha', () => {
  const colour: Picture = { format: 'rgba', width: 1, height: 1, data: Uint8Array.of(10, 20, 60, 255) };
  expect([...lineValues(colour, { x1: 0, y1: 0, x2: 0, y2: 0 })]).toEqual([30]);
  expect(regionStats(colour, { x: 0, y: 0, width: 1, height: 1 })).toMatchObject({ mean: 30, min: 10, max: 60, count: 3 });
});

test('of a mosaic it is the mean of the cell', () => {
  const mosaic: Picture = {
    format: 'bayer_rggb16le',
    width: 3,
    height: 2,
    data: new Uint8Array(Uint16Array.of(4, 8, 9, 12, 16, 7).buffer),
  };
  expect([...lineValues(mosaic, { x1: 0, y1: 1, x2: 2, y2: 1 })]).toEqual([10, 10, 10]);
});

test('a region has the statistics of its values, whatever rectangle', () => {
  fc.assert(
    fc.property(fc.record({ x: fc.nat(60), y: fc.nat(60), width: fc.nat(60), height: fc.nat(60) }), (asked) => {
      const rect = rectWithin(asked, width, height);
      expect(rect.x + rect.width).toBeLessThanOrEqual(width);
      expect(rect.y + rect.height).toBeLessThanOrEqual(height);
      const inside: number[] = [];
      for (let y = rect.y; y < rect.y + rect.height; y++)
        for (let x = rect.x; x < rect.x + rect.width; x++) inside.push(values[y * width + x]!);
      const mean = inside.reduce((a, b) => a + b) / inside.length;
      const std = Math.sqrt(inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length);
      const stats = regionStats(picture, rect);
      expect(stats).toMatchObject({ count: inside.length, min: Math.min(...inside), max: Math.max(...inside) });
      expect(stats.mean).toBeCloseTo(mean, 6);
      expect(stats.std).toBeCloseTo(std, 4);
      expect(stats.saturated).toBe(inside.filter((value) => value >= 4095).length);
    }),
  );
});

test('values that are none do not count', () => {
  const floats = Float32Array.of(Number.NaN, 2, Number.POSITIVE_INFINITY, 4);
  const float: Picture = { format: 'grayf32le', width: 2, height: 2, data: new Uint8Array(floats.buffer) };
  expect(regionStats(float, { x: 0, y: 0, width: 2, height: 2 })).toEqual({ mean: 3, std: 1, min: 2, max: 4, count: 2, saturated: 0 });
  expect(regionStats(float, { x: 0, y: 0, width: 1, height: 1 })).toMatchObject({ count: 0, mean: Number.NaN });
});

test('lines end in the picture', () => {
  expect(lineWithin({ x1: -4, y1: 2.4, x2: 99, y2: 29.6 }, width, height)).toEqual({ x1: 0, y1: 2, x2: 39, y2: 29 });
});
