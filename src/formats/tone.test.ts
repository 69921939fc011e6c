import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMATS, frameBytes, type Picture, type PixelFormat } from '../core/frame.ts';
import { DEFAULT_VIEW, type ViewSettings } from '../core/view.ts';
import { ToneMap } from './tone.ts';

const bytesOf = (view: Uint16Array | Float32Array) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const gray16 = (values: ArrayLike<number>, width = values.length): Picture => ({
  format: 'gray16le',
  width,
  height: values.length / width,
  data: bytesOf(Uint16Array.from(values)),
});
const float = (values: ArrayLike<number>): Picture => ({
  format: 'grayf32le',
  width: values.length,
  height: 1,
  data: bytesOf(Float32Array.from(values)),
});
const ramp = (from: number, to: number, count = 1000) =>
  Array.from({ length: count }, (_, i) => Math.round(from + ((to - from) * i) / (count - 1)));

describe('ToneMap', () => {
  it('leaves 8-bit pictures alone', () => {
    const picture: Picture = { format: 'rgb24', width: 1, height: 1, data: Uint8Array.of(1, 2, 3) };
    expect(new ToneMap().map(picture)).toBe(picture);
  });

  it('shows uint8 x 257 and uint8 / 255 exactly as the uint8 picture', () => {
    const levels = Array.from({ length: 4096 }, (_, i) => 16 + ((i * 7) % 220));
    expect([...new ToneMap().map(gray16(levels.map((v) => v * 257))).data]).toEqual(levels);
    expect([...new ToneMap().map(float(levels.map((v) => v / 255))).data]).toEqual(levels);
    expect([...new ToneMap().map(float(levels)).data]).toEqual(levels);
    const rgb48: Picture = { ...gray16(levels.slice(0, 4095).map((v) => v * 257)), format: 'rgb48le', width: 1365 };
    expect(new ToneMap().map(rgb48)).toMatchObject({ format: 'rgb24', width: 1365 });
    expect([...new ToneMap().map(rgb48).data]).toEqual(levels.slice(0, 4095));
  });

  it('spreads a picture that uses little of its range from black to white', () => {
    const out = new ToneMap().map(gray16(ramp(300, 1300))).data;
    expect(out[0]).toBe(0);
    expect(out.at(-1)).toBe(255);
    expect(out[500]).toBeGreaterThan(125);
    expect(out[500]).toBeLessThan(131);
    const floats = new ToneMap().map(float(ramp(300, 1300).map((v) => -v / 1e6))).data;
    expect([floats[0], floats.at(-1)]).toEqual([255, 0]);
  });

  it('takes the whole range from significantBits', () => {
    const picture = { ...gray16(ramp(0, 3000)), significantBits: 12 };
    const tone = new ToneMap();
    expect(tone.map(picture).data.at(-1)).toBe(187);
    expect(tone.window).toEqual({ low: 0, high: 4095 });
    // Samples above the named bits: the name was wrong.
    expect(new ToneMap().map({ ...gray16(ramp(0, 60_000)), significantBits: 12 }).data.at(-1)).toBe(233);
  });

  it('is not led by single hot pixels', () => {
    const values = ramp(300, 1300, 100_000);
    values[500] = 65_535;
    const out = new ToneMap().map(gray16(values)).data;
    expect(out[500]).toBe(255);
    expect(Math.abs(out[50_000]! - 128)).toBeLessThan(3);
  });

  it('handles constant pictures, NaN and infinities', () => {
    expect([...new ToneMap().map(gray16([500, 500, 500, 500])).data]).toEqual([2, 2, 2, 2]);
    expect([...new ToneMap().map(float([0.5, 0.5])).data]).toEqual([128, 128]);
    expect([...new ToneMap().map(float([-3, -3])).data]).toEqual([128, 128]);
    expect([...new ToneMap().map(float([Number.NaN, Number.NaN])).data]).toEqual([0, 0]);
    const mixed = float([Number.NaN, 0, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect([...new ToneMap().map(mixed).data]).toEqual([0, 0, 255, 255, 0]);
  });

  it('does not stretch the noise of a dark picture to full contrast', () => {
    const out = new ToneMap().map(gray16(ramp(100, 103, 50))).data;
    expect(Math.max(...out) - Math.min(...out)).toBeLessThan(64);
  });

  it('sets the window at once with the first picture, then follows without a jump', () => {
    const tone = new ToneMap();
    tone.map(gray16(ramp(1000, 2000)));
    expect(tone.window!.low).toBeLessThan(1003);
    const before = tone.window!;
    // Noise of a few levels changes nothing.
    tone.map(gray16(ramp(1001, 2002)));
    expect(tone.window).toBe(before);
    let last = before;
    for (let i = 0; i < 60; i++) {
      tone.map(gray16(ramp(3000, 6000)));
      expect(tone.window!.low).toBeGreaterThanOrEqual(last.low);
      expect(tone.window!.low - last.low).toBeLessThan(250);
      last = tone.window!;
    }
    expect(Math.abs(last.low - 3000)).toBeLessThan(30);
    expect(Math.abs(last.high - 6000)).toBeLessThan(30);
  });

  it('starts anew with another format or size', () => {
    const tone = new ToneMap();
    tone.map(gray16(ramp(1000, 2000)));
    tone.map(gray16(ramp(20_000, 21_000), 500));
    expect(tone.window!.low).toBeGreaterThan(19_000);
  });

  it('keeps to the whole range while the picture stays near half of it', () => {
    const tone = new ToneMap();
    tone.map(gray16(ramp(0, 40_000)));
    for (let i = 0; i < 30; i++) tone.map(gray16(ramp(0, i % 2 ? 31_000 : 34_000)));
    expect(tone.window).toEqual({ low: 0, high: 65_535 });
  });

  it('makes colour of an RGGB mosaic, odd sizes too', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 9 }), (width, height) => {
        // A red plate: only the red sites see light.
        const values = Uint16Array.from({ length: width * height }, (_, i) =>
          (i % width) % 2 === 0 && Math.floor(i / width) % 2 === 0 ? 65_535 : 0,
        );
        const out = new ToneMap().map({ format: 'bayer_rggb16le', width, height, data: bytesOf(values) });
        expect(out).toMatchObject({ format: 'rgb24', width, height });
        for (let i = 0; i < out.data.length; i += 3) expect([...out.data.subarray(i, i + 3)]).toEqual([255, 0, 0]);
      }),
    );
  });

  it('takes any bytes of any format, also unaligned ones, and uses its memory again', () => {
    const tone = new ToneMap();
    const formats = ['gray16le', 'rgb48le', 'bayer_rggb16le', 'grayf32le'] as const satisfies PixelFormat[];
    fc.assert(
      fc.property(
        fc.constantFrom(...formats),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.infiniteStream(fc.nat(255)),
        fc.nat(3),
        (format, width, height, random, shift) => {
          const bytes = frameBytes(format, width, height);
          const memory = Uint8Array.from({ length: bytes + shift }, () => random.next().value as number);
          const picture = { format, width, height, data: memory.subarray(shift) };
          const first = tone.map(picture);
          expect(first.data.length).toBe(frameBytes(first.format, width, height));
          expect(FORMATS[first.format].depth).toBe(8);
          expect(tone.map(picture).data.buffer).toBe(first.data.buffer);
        },
      ),
    );
  });
});

describe('a view that is set', () => {
  const samples = Uint16Array.of(0, 400, 1000, 2000, 3000, 4095);
  const picture = { format: 'gray16le' as const, width: 6, height: 1, data: new Uint8Array(samples.buffer), significantBits: 12 };
  const mapped = (view: Partial<ViewSettings>) => {
    const tone = new ToneMap();
    tone.view = { ...DEFAULT_VIEW, ...view };
    const { format, data } = tone.map(picture);
    return [format, ...data];
  };

  it('window, whole range and shift', () => {
    expect(mapped({ window: { low: 400, high: 2000 } })).toEqual(['gray', 0, 0, 96, 255, 255, 255]);
    expect(mapped({ window: 'full' })).toEqual(['gray', 0, 25, 62, 125, 187, 255]);
    expect(mapped({ window: { shift: 4 } })).toEqual(['gray', 0, 25, 63, 125, 188, 255]);
  });

  it('gamma, colours and saturated pixels', () => {
    expect(mapped({ window: 'full', gamma: 2 })).toEqual(['gray', 0, 80, 126, 178, 218, 255]);
    const [format, ...bytes] = mapped({ window: 'full', map: 'green', saturated: true });
    expect(format).toBe('rgb24');
    expect(bytes.slice(3, 6)).toEqual([0, 25, 0]);
    expect(bytes.slice(-3)).toEqual([255, 0, 0]);
  });

  it('floats have gamma and colours too', () => {
    const values = Float32Array.of(0, 0.25, 0.5, Number.NaN);
    const float = { format: 'grayf32le' as const, width: 4, height: 1, data: new Uint8Array(values.buffer) };
    const tone = new ToneMap();
    tone.view = { ...DEFAULT_VIEW, window: { low: 0, high: 1 }, gamma: 2 };
    expect([...tone.map(float).data]).toEqual([0, 128, 180, 0]);
    tone.view = { ...DEFAULT_VIEW, window: { low: 0, high: 1 }, map: 'inverted' };
    expect([...tone.map(float).data]).toEqual([255, 255, 255, 191, 191, 191, 127, 127, 127, 255, 255, 255]);
  });

  it('goes on following with other limits', () => {
    const tone = new ToneMap();
    tone.view = { ...DEFAULT_VIEW, clip: 20 };
    const ramp = Uint16Array.from({ length: 1000 }, (_, i) => 1000 + i);
    tone.map({ format: 'gray16le', width: 1000, height: 1, data: new Uint8Array(ramp.buffer), significantBits: 12 });
    expect(tone.window).toEqual({ low: 1200, high: 1799 });
  });
});
