import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FORMAT_NAMES, FORMATS, frameBytes } from '../core/frame.ts';
import { planRegion, regionBytes, takeRegion } from './region.ts';

const ALL = { crop: null, step: 1, binning: false };

/** A gray16le picture whose value says where the pixel is. */
function places(width: number, height: number): Uint8Array {
  const samples = Uint16Array.from({ length: width * height }, (_, i) => Math.floor(i / width) * 100 + (i % width));
  return new Uint8Array(samples.buffer);
}

function take(format: 'gray16le' | 'bayer_rggb16le', width: number, height: number, request: Parameters<typeof planRegion>[3]) {
  const plan = planRegion(format, width, height, request);
  const out = new Uint8Array(regionBytes(format, plan));
  takeRegion(out, places(width, height), format, width, plan);
  const samples = [...new Uint16Array(out.buffer)];
  return { plan, rows: Array.from({ length: plan.height }, (_, y) => samples.slice(y * plan.width, (y + 1) * plan.width)) };
}

test('a square from the middle, a region, and what lies outside is cut off', () => {
  expect(take('gray16le', 8, 6, { ...ALL, crop: 2 }).rows).toEqual([
    [203, 204],
    [303, 304],
  ]);
  expect(take('gray16le', 8, 6, { ...ALL, crop: { x: 6, y: 5, width: 9, height: 9 } }).rows).toEqual([[506, 507]]);
  expect(take('gray16le', 8, 6, { ...ALL, crop: 100 }).plan).toMatchObject({ whole: true, width: 8, height: 6 });
});

test('every third pixel, or the mean of nine', () => {
  expect(take('gray16le', 7, 4, { ...ALL, step: 3 }).rows).toEqual([
    [0, 3, 6],
    [300, 303, 306],
  ]);
  const { rows, plan } = take('gray16le', 7, 4, { ...ALL, step: 3, binning: true });
  expect(rows).toEqual([[101, 104]]);
  expect(plan).toMatchObject({ step: 3, binning: true });
});

test('a mosaic stays a mosaic', () => {
  expect(take('bayer_rggb16le', 8, 4, { ...ALL, step: 2 }).rows).toEqual([
    [0, 1, 4, 5],
    [100, 101, 104, 105],
  ]);
  expect(take('bayer_rggb16le', 8, 4, { ...ALL, crop: { x: 3, y: 1, width: 3, height: 3 } }).plan.region).toEqual({
    x: 2,
    y: 0,
    width: 2,
    height: 2,
  });
  // Red is the mean of the reds.
  expect(take('bayer_rggb16le', 4, 4, { ...ALL, step: 2, binning: true }).rows).toEqual([
    [101, 102],
    [201, 202],
  ]);
});

test('any request on any picture: inside the picture, never empty, filled to the last byte', () => {
  const side = fc.integer({ min: 1, max: 40 });
  const place = fc.integer({ min: 0, max: 60 });
  const crop = fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 60 }), fc.record({ x: place, y: place, width: side, height: side }));
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMAT_NAMES),
      side,
      side,
      crop,
      fc.integer({ min: 1, max: 16 }),
      fc.boolean(),
      (format, width, height, asked, step, binning) => {
        const plan = planRegion(format, width, height, { crop: asked, step, binning });
        expect(plan.width).toBeGreaterThan(0);
        expect(plan.height).toBeGreaterThan(0);
        const { region } = plan;
        expect(region.x).toBeGreaterThanOrEqual(0);
        expect(region.x + region.width).toBeLessThanOrEqual(width);
        expect(region.y + region.height).toBeLessThanOrEqual(height);
        if (!FORMATS[format].bytesPerPixel || plan.whole) return;
        const pixels = new Uint8Array(frameBytes(format, width, height)).fill(format === 'grayf32le' ? 0 : 7);
        const out = new Uint8Array(regionBytes(format, plan)).fill(99);
        takeRegion(out, pixels, format, width, plan);
        expect(new Set(out)).toEqual(new Set([format === 'grayf32le' ? 0 : 7]));
      },
    ),
  );
});
