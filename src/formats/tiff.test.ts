import { describe, expect, it } from 'vitest';
import { FORMATS, frameBytes } from '../core/frame.ts';
import { encodeTiff } from './tiff.ts';

/** Fields of the only directory as lists of numbers (ASCII: as text), after TIFF 6.0 section 2. */
function fields(tiff: Uint8Array): Map<number, number[] | string> {
  const bytes = Buffer.from(tiff);
  expect(bytes.toString('latin1', 0, 4)).toBe('II*\0');
  const start = bytes.readUInt32LE(4);
  const found = new Map<number, number[] | string>();
  let before = 0;
  const count = bytes.readUInt16LE(start);
  for (let i = 0; i < count; i++) {
    const at = start + 2 + i * 12;
    const [tag, type, values] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2), bytes.readUInt32LE(at + 4)];
    expect(tag, 'tags rise').toBeGreaterThan(before);
    before = tag;
    const size = { 2: 1, 3: 2, 4: 4, 5: 8 }[type]!;
    const from = size * values <= 4 ? at + 8 : bytes.readUInt32LE(at + 8);
    expect(from % 2, 'word boundary').toBe(0);
    if (type === 2) found.set(tag, bytes.toString('latin1', from, from + values));
    else
      found.set(
        tag,
        Array.from({ length: values }, (_, n) => (type === 3 ? bytes.readUInt16LE(from + n * 2) : bytes.readUInt32LE(from + n * 4))),
      );
  }
  expect(bytes.readUInt32LE(start + 2 + count * 12), 'no further directory').toBe(0);
  return found;
}

describe('encodeTiff', () => {
  it.each(['gray', 'gray16le', 'rgb24', 'bgr24', 'rgba', 'rgb48le', 'bayer_rggb16le', 'grayf32le'] as const)(
    'writes %s at full depth',
    (format) => {
      const [width, height] = [5, 3];
      const data = new Uint8Array(frameBytes(format, width, height)).map((_, i) => (i * 31) & 255);
      const tiff = encodeTiff({ format, width, height, data }, '{"id":7,"where":"Köln"}');
      const found = fields(tiff);
      const { depth, channels } = FORMATS[format];
      expect([found.get(256), found.get(257)]).toEqual([[width], [height]]);
      expect(found.get(258)).toEqual(Array(channels).fill(depth));
      expect(found.get(262)).toEqual([channels === 1 ? 1 : 2]);
      expect(found.get(270)).toBe('{"id":7,"where":"K\\u00f6ln"}\0');
      expect(found.get(277)).toEqual([channels]);
      expect(found.get(338)).toEqual(format === 'rgba' ? [2] : undefined);
      expect(found.get(339)).toEqual(Array(channels).fill(depth === 32 ? 3 : 1));
      const [strip] = found.get(273) as number[];
      expect(found.get(279)).toEqual([data.length]);
      expect(strip! + data.length).toBe(tiff.length);
      const expected = format === 'bgr24' ? data.map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)]!) : data;
      expect(tiff.subarray(strip!)).toEqual(expected);
    },
  );

  it('has the size of a pixel as resolution per centimetre, or none', () => {
    const picture = { format: 'gray', width: 2, height: 2, data: new Uint8Array(4) } as const;
    const rationals = (tiff: Uint8Array) => {
      const bytes = Buffer.from(tiff);
      const at = (tag: number) => {
        for (let i = 0; ; i++) if (bytes.readUInt16LE(10 + i * 12) === tag) return 10 + i * 12 + 8;
      };
      const ratio = (place: number) => bytes.readUInt32LE(place) / bytes.readUInt32LE(place + 4);
      return [ratio(bytes.readUInt32LE(at(282))), ratio(bytes.readUInt32LE(at(283))), bytes.readUInt16LE(at(296))];
    };
    expect(rationals(encodeTiff(picture, 'x'))).toEqual([1, 1, 1]);
    for (const size of [0.0001, 0.65, 6.5, 1000]) {
      const [x, y, unit] = rationals(encodeTiff(picture, 'x', size));
      expect([x! * size, y! * size]).toEqual([expect.closeTo(10_000, 2), expect.closeTo(10_000, 2)]);
      expect(unit).toBe(3);
    }
  });

  it('refuses planar pictures', () => {
    expect(() => encodeTiff({ format: 'yuv420p', width: 2, height: 2, data: new Uint8Array(6) }, '')).toThrow('format: yuv420p');
  });
});
