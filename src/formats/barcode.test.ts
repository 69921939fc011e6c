import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barcodeHeight, decodeCells, drawBarcode, encodeCells, readBarcode } from './barcode.ts';

const CODE = { frame: 123_456_789, timeMs: 1_763_640_000_123.4, tag: 1 };

describe('cells', () => {
  it('are those of barcode v1', () => {
    const cells = [...encodeCells(CODE)];
    expect(cells.slice(0, 4)).toEqual([1, 0, 1, 0]);
    expect(cells.slice(60, 64)).toEqual([0, 1, 0, 1]);
    const bits = [...cells.slice(4, 60), ...cells.slice(68, 124)].join('');
    // Frame number, time in 100 µs, tag: written out by hand; the CRC-16/CCITT of these twelve bytes.
    const body = (123_456_789).toString(2).padStart(32, '0') + (17_636_400_001_234).toString(2).padStart(48, '0') + '1'.padStart(16, '0');
    expect(bits.slice(0, 96)).toBe(body);
    expect(Number.parseInt(bits.slice(96), 2)).toBe(crcByDivision(body));
  });

  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(2 ** 47), fc.nat(0xffff), (frame, tenths, tag) => {
        const levels = [...encodeCells({ frame, timeMs: tenths / 10, tag })].map((cell) => (cell ? 180 : 60));
        expect(decodeCells(levels)).toEqual({ frame, timeMs: tenths / 10, tag });
      }),
    );
  });

  it('take the frame number modulo 2^32', () => {
    expect(decodeCells(encodeCells({ ...CODE, frame: 2 ** 32 + 5 }).map((cell) => cell * 255))?.frame).toBe(5);
  });

  it('with one or two wrong bits are no barcode', () => {
    const good = [...encodeCells(CODE)].map((cell) => cell * 255);
    fc.assert(
      fc.property(fc.nat(127), fc.nat(127), (a, b) => {
        const bad = [...good];
        bad[a] = 255 - bad[a]!;
        if (a !== b) bad[b] = 255 - bad[b]!;
        expect(decodeCells(bad)).toBeNull();
      }),
    );
  });

  it('of any levels never throw', () => {
    fc.assert(fc.property(fc.array(fc.double(), { maxLength: 140 }), (levels) => void decodeCells(levels)));
    expect(decodeCells(new Array(128).fill(Number.NaN))).toBeNull();
    expect(decodeCells([])).toBeNull();
  });
});

describe('the strip', () => {
  it('is readable at any width from 64 pixels, in any packing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 2100 }), fc.constantFrom(1, 3, 4), fc.boolean(), (width, channels, wide) => {
        const height = barcodeHeight(width) + 3;
        const samples = wide ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
        expect(drawBarcode(samples, width, channels, CODE, 10, wide ? 4000 : 200)).toBe(true);
        expect(readBarcode(samples, width, channels)).toEqual(CODE);
        // Nothing below the strip is touched.
        expect(samples.subarray(barcodeHeight(width) * width * channels).every((sample) => sample === 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is not drawn where it has no room', () => {
    const small = new Uint8Array(63 * 10);
    expect(drawBarcode(small, 63, 1, CODE)).toBe(false);
    expect(small.every((sample) => sample === 0)).toBe(true);
    expect(drawBarcode(new Uint8Array(640 * 10), 640, 1, CODE)).toBe(false);
    expect(readBarcode(new Uint8Array(640 * 10), 640)).toBeNull();
  });

  it('survives loss of contrast and noise', () => {
    const width = 320;
    const samples = new Uint8Array(width * 20);
    drawBarcode(samples, width, 1, CODE, 90, 150);
    for (let i = 0; i < samples.length; i++) samples[i] = samples[i]! + ((i * 7919) % 21) - 10;
    expect(readBarcode(samples, width)).toEqual(CODE);
  });
});

/** CRC-16/CCITT of a string of bits by long division: another way than the one under test. */
function crcByDivision(bits: string): number {
  let register = 0xffff;
  for (const bit of bits) {
    const out = (register >> 15) ^ Number(bit);
    register = ((register << 1) & 0xffff) ^ (out ? 0x1021 : 0);
  }
  return register;
}
