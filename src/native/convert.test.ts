import { describe, expect, it } from 'vitest';
import { frameBytes, type Picture, planesOf } from '../core/frame.ts';
import { toPacked } from './convert.ts';

function plain(format: 'yuv420p' | 'nv12', width: number, height: number, [y, u, v]: readonly number[]): Picture {
  const data = new Uint8Array(frameBytes(format, width, height)).fill(y!, 0, width * height);
  const [, first, second] = planesOf(format, width, height);
  if (second) data.fill(u!, first!.offset, second.offset).fill(v!, second.offset);
  else for (let i = first!.offset; i < data.length; i += 2) data.set([u!, v!], i);
  return { format, width, height, data };
}

// Limited-range values of the standards' colour bars (100 %).
const COLOURS = [
  { name: 'red', rgb: [255, 0, 0], bt601: [81, 90, 240], bt709: [63, 102, 240] },
  { name: 'green', rgb: [0, 255, 0], bt601: [145, 54, 34], bt709: [173, 42, 26] },
  { name: 'blue', rgb: [0, 0, 255], bt601: [41, 240, 110], bt709: [32, 240, 118] },
  { name: 'white', rgb: [255, 255, 255], bt601: [235, 128, 128], bt709: [235, 128, 128] },
  { name: 'black', rgb: [0, 0, 0], bt601: [16, 128, 128], bt709: [16, 128, 128] },
] as const;

describe('toPacked', () => {
  it.each(COLOURS)('makes $name of BT.601 below 720 lines and of BT.709 above, odd sizes too', ({ rgb, bt601, bt709 }) => {
    for (const format of ['yuv420p', 'nv12'] as const) {
      for (const [height, yuv] of [
        [5, bt601],
        [721, bt709],
      ] as const) {
        const out = toPacked(plain(format, 7, height, yuv));
        expect(out).toMatchObject({ format: 'rgb24', width: 7, height });
        expect(out.data.length).toBe(7 * height * 3);
        const worst = out.data.reduce((most, value, i) => Math.max(most, Math.abs(value - rgb[i % 3]!)), 0);
        expect(worst, `${format} ${height}`).toBeLessThanOrEqual(2);
      }
    }
  });

  it('puts each chroma sample over its own 2x2 pixels', () => {
    const picture = plain('nv12', 3, 3, [128, 128, 128]);
    // V of the right one in the first row of chroma.
    picture.data[9 + 3] = 255;
    const out = toPacked(picture).data;
    const red = Array.from({ length: 9 }, (_, i) => out[i * 3]! > out[0]! + 50);
    expect(red).toEqual([false, false, true, false, false, true, false, false, false]);
  });

  it('leaves packed pictures alone', () => {
    const picture: Picture = { format: 'bgr24', width: 1, height: 1, data: Uint8Array.of(1, 2, 3) };
    expect(toPacked(picture)).toBe(picture);
  });
});
