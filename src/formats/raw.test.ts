import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMAT_NAMES, frameBytes, planesOf } from '../core/frame.ts';
import { checkRaw, packRows, packRowsInto, rowBytes, stridedBytes, stridedPlanes } from './raw.ts';

const geometry = fc.record({
  format: fc.constantFrom(...FORMAT_NAMES),
  width: fc.integer({ min: 1, max: 33 }),
  height: fc.integer({ min: 1, max: 9 }),
  padding: fc.integer({ min: 0, max: 17 }),
});

describe('packRows', () => {
  it('removes the padding and nothing else, in every format', () => {
    fc.assert(
      fc.property(geometry, ({ format, width, height, padding }) => {
        const stride = rowBytes(format, width) + padding;
        const tight = Uint8Array.from({ length: frameBytes(format, width, height) }, (_, i) => 1 + (i % 251));
        const src = new Uint8Array(stridedBytes(format, width, height, stride));
        const from = stridedPlanes(format, width, height, stride);
        planesOf(format, width, height).forEach((plane, p) => {
          for (let y = 0; y < plane.rows; y++) {
            const row = tight.subarray(plane.offset + y * plane.stride, plane.offset + (y + 1) * plane.stride);
            src.set(row, from[p]!.offset + y * from[p]!.stride);
          }
        });
        expect(packRows(src, format, width, height, stride)).toEqual(tight);
        const slot = new Uint8Array(tight.length + 5).fill(9);
        packRowsInto(slot, src, format, width, height, stride);
        expect(slot.subarray(0, tight.length)).toEqual(tight);
        expect(slot.subarray(tight.length)).toEqual(new Uint8Array(5).fill(9));
      }),
    );
  });

  it('gives a tight picture back without a copy', () => {
    const src = new Uint8Array(12);
    expect(packRows(src, 'rgb24', 2, 2)).toBe(src);
    expect(packRows(src, 'rgb24', 2, 2, 6)).toBe(src);
  });

  it('takes the tight stride for the tight layout also where chroma is rounded up', () => {
    expect(stridedPlanes('yuv420p', 5, 3, 5)).toEqual(planesOf('yuv420p', 5, 3));
    expect(stridedPlanes('nv12', 5, 3, 5)).toEqual(planesOf('nv12', 5, 3));
  });

  it('names expected and received', () => {
    expect(() => packRows(new Uint8Array(100), 'rgb24', 1280, 720, 3840)).toThrow(
      'expected 2764800 bytes (1280x720 rgb24, stride 3840), received 100',
    );
    expect(() => checkRaw(100, 'rgb24', 1280, 720, 1280)).toThrow('stride: 1280 received; expected at least 3840 bytes');
    expect(() => checkRaw(24, 'gray', 4, 3, 8)).not.toThrow();
    expect(() => checkRaw(12, 'gray', 4, 3, 8)).toThrow('leave the stride out');
    expect(() => checkRaw(12, 'gray', 4, 3, Number.NaN)).toThrow('stride');
    expect(() => checkRaw(12, 'nv12', 4, 3, 0xffffffff)).toThrow('received 12');
    expect(() => packRowsInto(new Uint8Array(3), new Uint8Array(4), 'gray', 2, 2)).toThrow('needs 4 bytes; the slot has 3');
  });
});
