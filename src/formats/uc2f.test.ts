import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { readUc2f, UC2F_HEAD, uc2fMapping, uc2fSamples, writeUc2f } from './uc2f.ts';

const HEADER = { width: 3, height: 2, bitDepth: 12, channels: 1, pixels: 0, timestamp: 1_763_640_000_123_456_000n } as const;

it('writes the header byte by byte as ImSwitch packs it ("<4sB3xIIIHBBQ")', () => {
  const packet = writeUc2f(HEADER, new Uint8Array([1, 2, 3]));
  expect(Buffer.from(packet).toString('hex')).toBe(
    // magic, version, 3 empty, width, height, stride, bit depth, channels, pixel format, time, length, payload
    '55433246' + '01' + '000000' + '03000000' + '02000000' + '06000000' + '0c00' + '01' + '00' + '004a07673cb57918' + '03000000' + '010203',
  );
  expect(readUc2f(packet)).toEqual({ header: HEADER, payload: new Uint8Array([1, 2, 3]) });
});

it('reads nothing else and ends bytes from outside as bad-frame', () => {
  const good = writeUc2f(HEADER, new Uint8Array(12));
  for (const broken of [
    good.subarray(0, UC2F_HEAD - 1),
    good.subarray(0, -1),
    Uint8Array.from(good, (byte, i) => (i === 0 ? 0x56 : byte)),
    Uint8Array.from(good, (byte, i) => (i === 4 ? 2 : byte)),
    Uint8Array.from(good, (byte, i) => (i === 16 ? 7 : byte)),
    Uint8Array.from(good, (byte, i) => (i === 23 ? 3 : byte)),
  ])
    expect(() => readUc2f(broken)).toThrow(SluiceError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(fc.tuple(fc.nat(47), fc.nat(255)), { maxLength: 4 }), (noise, changes) => {
      const bytes = noise.length > 40 ? noise : Uint8Array.from(good);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      try {
        const { header, payload } = readUc2f(bytes);
        expect(Buffer.from(writeUc2f(header, payload)).subarray(8)).toEqual(Buffer.from(bytes).subarray(8));
      } catch (error) {
        expect((error as SluiceError).code).toBe('bad-frame');
      }
    }),
  );
});

it('makes 16-bit samples of every kind of picture', () => {
  const samples = (format: Parameters<typeof uc2fSamples>[2], bytes: Uint8Array, count: number) => {
    const out = new Uint16Array(count);
    uc2fSamples(out, bytes, format, count);
    return [...out];
  };
  expect(samples('gray', new Uint8Array([0, 1, 255]), 3)).toEqual([0, 256, 65_280]);
  expect(samples('gray16le', new Uint8Array(Uint16Array.of(0, 4095, 65_535).buffer), 3)).toEqual([0, 4095, 65_535]);
  expect(samples('bayer_rggb16le', new Uint8Array(Uint16Array.of(7, 65_535).buffer), 2)).toEqual([7, 65_535]);
  expect(samples('rgb24', new Uint8Array([255, 255, 255, 255, 0, 0]), 2)).toEqual([65_280, 76 << 8]);
  expect(samples('bgr24', new Uint8Array([0, 0, 255]), 1)).toEqual([76 << 8]);
  expect(samples('rgba', new Uint8Array([0, 255, 0, 9, 1, 1, 1, 9]), 2)).toEqual([150 << 8, 256]);
  expect(samples('rgb48le', new Uint8Array(Uint16Array.of(65_535, 65_535, 65_535, 1000, 1000, 1000).buffer), 2)).toEqual([65_535, 1000]);
  expect(samples('nv12', new Uint8Array([16, 235]), 2)).toEqual([4096, 60_160]);
  expect(samples('grayf32le', new Uint8Array(Float32Array.of(-1, 0.5, 2, Number.NaN).buffer), 4)).toEqual([0, 32_768, 65_535, 0]);
  expect(uc2fMapping('gray')).toEqual({ pixels: 0, shift: 8, gray: false });
  expect(uc2fMapping('bayer_rggb16le')).toEqual({ pixels: 1, shift: 0, gray: false });
  expect(uc2fMapping('rgb48le')).toEqual({ pixels: 0, shift: 0, gray: true });
});
