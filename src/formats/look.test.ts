import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FORMAT_NAMES, FORMATS, frameBytes, type Picture } from '../core/frame.ts';
import { COLOR_MAPS, type Look } from '../core/view.ts';
import { colorTable } from './color-maps.ts';
import { drawPixels, fillTable, histogram, pixelValues, TABLE_SIZE, topValue } from './look.ts';

const LOOK: Look = { low: 100, high: 355, gamma: 1, map: 'gray', saturated: false };

function tableOf(look: Look, top = 4095): Uint32Array {
  const table = new Uint32Array(TABLE_SIZE);
  fillTable(table, look, top);
  return table;
}

const gray = (level: number) => (0xff000000 | (level << 16) | (level << 8) | level) >>> 0;

test('a window of 255 values is one gray level for each; what lies outside is black and white', () => {
  const table = tableOf(LOOK);
  for (const [value, level] of [
    [0, 0],
    [100, 0],
    [101, 1],
    [228, 128],
    [355, 255],
    [4095, 255],
    [65_535, 255],
  ] as const) {
    expect(table[value], String(value)).toBe(gray(level));
  }
});

test('gamma lifts the middle and leaves the ends; saturated pixels are red', () => {
  const table = tableOf({ ...LOOK, low: 0, high: 4000, gamma: 2, saturated: true });
  expect(table[0]).toBe(gray(0));
  expect(table[1000]).toBe(gray(128));
  expect(table[4094]).toBe(gray(255));
  expect(table[4095]).toBe(0xff0000ff);
});

test('colour maps begin dark, are opaque and never fall in brightness, but the inverted one', () => {
  for (const map of COLOR_MAPS) {
    const table = colorTable(map);
    const brightness = [...table].map((word) => 0.3 * (word & 255) + 0.59 * ((word >> 8) & 255) + 0.11 * ((word >> 16) & 255));
    for (const word of table) expect(word >>> 24).toBe(255);
    const sorted = [...brightness].sort((a, b) => (map === 'inverted' ? b - a : a - b));
    brightness.forEach((value, i) => void expect(Math.abs(value - sorted[i]!), `${map} ${i}`).toBeLessThan(1.5));
  }
});

test('a picture of every format is drawn whole, and its pixels can be read', () => {
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(fc.constantFrom(...FORMAT_NAMES), side, side, fc.integer({ min: 0, max: 255 }), (format, width, height, fill) => {
      const data = new Uint8Array(frameBytes(format, width, height)).fill(fill);
      const picture: Picture = { format, width, height, data };
      const out = new Uint32Array(width * height);
      drawPixels(out, picture, tableOf({ ...LOOK, low: 0, high: topValue(picture) }), LOOK);
      for (const word of out) expect(word >>> 24).toBe(255);
      const values = pixelValues(picture, width - 1, height - 1);
      expect(values).toHaveLength(FORMATS[format].bytesPerPixel ? FORMATS[format].channels : 3);
      for (const value of values) expect(value).toBeTypeOf('number');
    }),
  );
});

test('colours of colour pictures and of a mosaic', () => {
  const look: Look = { ...LOOK, low: 0, high: 255 };
  const one = (format: Picture['format'], bytes: number[]) => {
    const picture: Picture = { format, width: 1, height: 1, data: Uint8Array.from(bytes) };
    const out = new Uint32Array(1);
    drawPixels(out, picture, tableOf(look), look);
    return [out[0]! & 255, (out[0]! >> 8) & 255, (out[0]! >> 16) & 255];
  };
  expect(one('rgb24', [10, 20, 30])).toEqual([10, 20, 30]);
  expect(one('bgr24', [10, 20, 30])).toEqual([30, 20, 10]);
  expect(one('rgba', [10, 20, 30, 0])).toEqual([10, 20, 30]);
  expect(one('yuv420p', [235, 128, 128])).toEqual([255, 255, 255]);
  const mosaic = Uint16Array.of(10, 20, 40, 30);
  const out = new Uint32Array(4);
  drawPixels(out, { format: 'bayer_rggb16le', width: 2, height: 2, data: new Uint8Array(mosaic.buffer) }, tableOf(look), look);
  expect([...out].map((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255])).toEqual(Array(4).fill([10, 30, 30]));
});

test('a histogram counts every pixel of a small picture, outliers at the ends, not-a-number nowhere', () => {
  const values = Float32Array.of(-5, 0, 0.2, 0.5, 0.99, 1, 7, Number.NaN);
  const picture: Picture = { format: 'grayf32le', width: 8, height: 1, data: new Uint8Array(values.buffer) };
  expect([...histogram(picture, 0, 1, 4)]).toEqual([3, 0, 1, 3]);
});
