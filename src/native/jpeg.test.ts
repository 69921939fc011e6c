import { describe, expect, it } from 'vitest';
import { frameBytes, type Picture } from '../core/frame.ts';
import { readJpegSize } from '../formats/jpeg-segment.ts';
import { decodeJpeg, encodeJpeg, encodeJpegSync } from './jpeg.ts';

function smooth(format: Picture['format'], width: number, height: number): Picture {
  const channels = frameBytes(format, width, height) / (width * height);
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const [x, y, c] = [Math.floor(i / channels) % width, Math.floor(i / channels / width), i % channels];
    data[i] =
      c === 3
        ? 255
        : (x * (c + 1) * 2 + y * (3 - c)) % 512 < 256
          ? (x * (c + 1) * 2 + y * (3 - c)) % 256
          : 255 - ((x * (c + 1) * 2 + y * (3 - c)) % 256);
  }
  return { format, width, height, data };
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

describe('JPEG', () => {
  it('keeps gray gray and colour rgb24, odd sizes too', async () => {
    for (const format of ['gray', 'rgb24'] as const) {
      const picture = smooth(format, 67, 33);
      const decoded = await decodeJpeg(encodeJpegSync(picture, 95));
      expect(decoded).toMatchObject({ format, width: 67, height: 33 });
      expect(meanDifference(decoded.data, picture.data)).toBeLessThan(2);
    }
  });

  it('takes bgr24 and rgba as the same picture', async () => {
    const rgb = smooth('rgb24', 64, 48);
    const expected = encodeJpegSync(rgb, 90);
    const bgr = rgb.data.map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)]!);
    expect(encodeJpegSync({ ...rgb, format: 'bgr24', data: bgr }, 90)).toEqual(expected);
    const rgba = new Uint8Array(64 * 48 * 4).map((_, i) => (i % 4 === 3 ? 7 : rgb.data[(i >> 2) * 3 + (i % 4)]!));
    expect(await encodeJpeg({ ...rgb, format: 'rgba', data: rgba }, 90)).toEqual(expected);
  });

  it('gives memory of its own, as long as the picture', () => {
    const first = encodeJpegSync(smooth('rgb24', 64, 48), 90);
    const copy = first.slice();
    encodeJpegSync(smooth('gray', 64, 48), 50);
    expect(first).toEqual(copy);
    expect(first.buffer.byteLength).toBe(first.length);
  });

  it('reads pixels from shared memory', async () => {
    const picture = smooth('rgb24', 32, 16);
    const shared = new Uint8Array(new SharedArrayBuffer(picture.data.length + 1)).subarray(1);
    shared.set(picture.data);
    expect(encodeJpegSync({ ...picture, data: shared }, 80)).toEqual(await encodeJpeg(picture, 80));
  });

  it('refuses formats, qualities and lengths by name', () => {
    const data = new Uint8Array(12);
    expect(() => encodeJpegSync({ format: 'nv12', width: 2, height: 2, data }, 80)).toThrow('format: nv12 cannot become JPEG');
    for (const quality of [0, 101, Number.NaN, 50.5]) {
      expect(() => encodeJpegSync({ format: 'rgb24', width: 2, height: 2, data }, quality)).toThrow('expected an integer from 1 to 100');
    }
    expect(() => encodeJpegSync({ format: 'rgb24', width: 2, height: 3, data }, 80)).toThrow('expected 18 bytes (2x3 rgb24), received 12');
  });

  it('refuses foreign bytes, cut pictures and wrong sizes with bad-picture', async () => {
    const good = encodeJpegSync(smooth('rgb24', 64, 48), 80);
    await expect(decodeJpeg(new TextEncoder().encode('hello'))).rejects.toMatchObject({ code: 'bad-picture' });
    await expect(decodeJpeg(new Uint8Array(0))).rejects.toThrow('0 bytes received that are not a JPEG');
    await expect(decodeJpeg(good.subarray(0, good.length >> 1))).rejects.toMatchObject({ code: 'bad-picture' });
    const sof = good.findIndex((byte, i) => byte === 0xff && good[i + 1] === 0xc0);
    const huge = good.slice();
    huge.set([0xff, 0xff, 0xff, 0xff], sof + 5);
    expect(readJpegSize(huge)).toMatchObject({ width: 65_535, height: 65_535 });
    await expect(decodeJpeg(huge)).rejects.toThrow('JPEG of 65535x65535 pixels received; expected sides from 1 to 16384');
    const empty = good.slice();
    empty.set([0, 0], sof + 5);
    await expect(decodeJpeg(empty)).rejects.toThrow('64x0');
    const cmyk = good.slice();
    cmyk[sof + 9] = 4;
    await expect(decodeJpeg(cmyk)).rejects.toThrow('4 components of 8 bits received; expected 1 (gray) or 3 (colour)');
    await expect(decodeJpeg(good, 9215)).rejects.toMatchObject({ code: 'frame-too-large' });
    expect((await decodeJpeg(good, 9216)).data.length).toBe(9216);
  });

  it('outlives damaged pictures', async () => {
    const good = encodeJpegSync(smooth('rgb24', 64, 48), 80);
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const bytes = good.slice();
      bytes[2 + ((i * 7919) % (bytes.length - 2))] = (i * 31) & 255;
      await decodeJpeg(bytes).catch((error: { code: string }) => {
        expect(['bad-picture', 'frame-too-large']).toContain(error.code);
        refused++;
      });
    }
    expect(refused).toBeGreaterThan(10);
  });
});
