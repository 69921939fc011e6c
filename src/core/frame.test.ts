import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMAT_NAMES, FORMATS, frameBytes, MAX_SIDE, parseFormat, parseSide, planesOf } from './frame.ts';

describe('formats', () => {
  it('have the numbers of the frame header, which is also their order', () => {
    expect(FORMAT_NAMES).toEqual([
      'gray',
      'gray16le',
      'rgb24',
      'bgr24',
      'rgba',
      'yuv420p',
      'nv12',
      'rgb48le',
      'bayer_rggb16le',
      'grayf32le',
    ]);
    for (const [number, name] of FORMAT_NAMES.entries()) expect(FORMATS[name].wire).toBe(number);
  });

  it('are read by name; gray8 is gray', () => {
    expect(parseFormat('gray8')).toBe('gray');
    for (const name of FORMAT_NAMES) expect(parseFormat(name)).toBe(name);
    expect(() => parseFormat('yuv444p', 'format')).toThrow(/^format: "yuv444p" is not a pixel format; allowed are gray, gray16le, rgb24/);
    for (const value of ['toString', '__proto__', undefined, 3, ['gray']])
      expect(() => parseFormat(value)).toThrow(/is not a pixel format/);
  });
});

describe('parseSide', () => {
  it('takes integers from 1 to the largest side, also as text', () => {
    expect([parseSide(1, 'width'), parseSide('640', 'width'), parseSide(MAX_SIDE, 'width')]).toEqual([1, 640, MAX_SIDE]);
  });

  it.each([0, -1, 1.5, MAX_SIDE + 1, '0', '-4', '1e3', ' 5', '', null, undefined, Number.NaN])('refuses %s', (value) => {
    expect(() => parseSide(value, 'height')).toThrow(/^height: .* received; expected an integer from 1 to 16384$/);
  });
});

describe('frameBytes', () => {
  it.each([
    ['gray', 641 * 361],
    ['gray16le', 641 * 361 * 2],
    ['rgb24', 641 * 361 * 3],
    ['bgr24', 641 * 361 * 3],
    ['rgba', 641 * 361 * 4],
    ['yuv420p', 641 * 361 + 2 * 321 * 181],
    ['nv12', 641 * 361 + 642 * 181],
    ['rgb48le', 641 * 361 * 6],
    ['bayer_rggb16le', 641 * 361 * 2],
    ['grayf32le', 641 * 361 * 4],
  ] as const)('of %s rounds chroma up for odd sizes', (format, bytes) => {
    expect(frameBytes(format, 641, 361)).toBe(bytes);
  });

  it('is the sum of planes that lie behind one another without a hole', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMAT_NAMES), fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 }), (format, w, h) => {
        let end = 0;
        for (const plane of planesOf(format, w, h)) {
          expect(plane.offset).toBe(end);
          end += plane.stride * plane.rows;
        }
        expect(frameBytes(format, w, h)).toBe(end);
      }),
    );
  });
});
