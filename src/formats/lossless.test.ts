import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compressLz4 } from '../native/compress.ts';
import { decodeLz4, filterSamples, unfilterSamples } from './lossless.ts';

test('the filter by hand: differences within a row as zigzag, low bytes first', () => {
  const out = new Uint8Array(8);
  filterSamples(out, Uint16Array.of(300, 299, 0, 65_535), 2);
  // Row 300 299: 300 -> 600, -1 -> 1. Row 0 65535: 0 -> 0, -1 modulo 2^16 -> 1.
  expect([...out]).toEqual([600 & 255, 1, 0, 1, 600 >> 8, 0, 0, 0]);
});

test('any samples come back from the filter', () => {
  fc.assert(
    fc.property(fc.uint16Array({ maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (values, row) => {
      const samples = values.subarray(0, Math.floor(values.length / row) * row);
      const bytes = new Uint8Array(samples.length * 2);
      filterSamples(bytes, samples, row);
      const back = new Uint16Array(samples.length);
      unfilterSamples(back, bytes, row);
      expect(back).toEqual(samples);
    }),
  );
});

test('blocks of the LZ4 library decode to what was put in', () => {
  const runs = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 90 })), { maxLength: 40 });
  fc.assert(
    fc.property(runs, (parts) => {
      const bytes = Uint8Array.from(parts.flatMap(([piece, times]) => Array.from({ length: times }, () => [...piece]).flat()));
      const out = new Uint8Array(bytes.length);
      decodeLz4(out, compressLz4(bytes).subarray(4));
      expect(out).toEqual(bytes);
    }),
  );
});

test('a broken block is refused, never read or written beyond its ends', () => {
  const block = compressLz4(Uint8Array.from({ length: 500 }, (_, i) => (i * i) & 63)).subarray(4);
  expect(() => decodeLz4(new Uint8Array(499), block)).toThrow(/more than the 499 bytes/);
  expect(() => decodeLz4(new Uint8Array(501), block)).toThrow(/holds 500 bytes; the picture has 501/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 600 }), (bytes, size) => {
      try {
        decodeLz4(new Uint8Array(size), bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-frame' });
      }
    }),
  );
});
