import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Micros, Ticks } from '../core/time.ts';
import type { Identity } from './identity.ts';
import { insertJpegIdentity, JPEG_IDENTITY_BYTES, readJpegIdentity, readJpegSize } from './jpeg-segment.ts';

const JFIF = [0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
const SOF = [0xff, 0xc2, 0, 11, 8, 2, 0xd0, 5, 0, 1, 1, 0x11, 0]; // 1280x720, one component
const SCAN = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3, 0xff, 0xd9];
const jpeg = (...parts: number[][]) => Uint8Array.from([0xff, 0xd8, ...parts.flat()]);

const identity: fc.Arbitrary<Identity> = fc.record({
  id: fc.maxSafeNat(),
  timestamp: fc.maxSafeNat().map((value) => value as Micros),
  pts: fc.maxSafeNat().map((value) => value as Ticks),
  repeat: fc.boolean(),
});

describe('JPEG identity', () => {
  it('comes back, and the rest of the file stays as it was', () => {
    fc.assert(
      fc.property(identity, fc.boolean(), (written, jfif) => {
        const before = jfif ? jpeg(JFIF, SOF, SCAN) : jpeg(SOF, SCAN);
        const after = insertJpegIdentity(before, written);
        expect(readJpegIdentity(after)).toEqual(written);
        const at = jfif ? 20 : 2;
        expect([...after.subarray(0, at), ...after.subarray(at + JPEG_IDENTITY_BYTES)]).toEqual([...before]);
        expect(readJpegSize(after)).toEqual({ width: 1280, height: 720, components: 1, precision: 8 });
      }),
    );
  });

  it('leaves what is no JPEG alone', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(insertJpegIdentity(bytes, { id: 1, timestamp: 0 as Micros, pts: 0 as Ticks, repeat: false })).toBe(bytes);
    expect(readJpegIdentity(bytes)).toBeNull();
  });

  it('passes foreign APP9 segments and fill bytes', () => {
    const foreign = [0xff, 0xe9, 0, 4, 0x53, 0x6c];
    const written = { id: 7, timestamp: 1 as Micros, pts: 2 as Ticks, repeat: true };
    const own = insertJpegIdentity(jpeg(SOF, SCAN), written);
    const bytes = Uint8Array.from([0xff, 0xd8, ...foreign, 0xff, 0xff, ...own.subarray(2)]);
    expect(readJpegIdentity(bytes)).toEqual(written);
  });

  it('does not look behind the start of the scan', () => {
    const own = insertJpegIdentity(jpeg(SOF), { id: 7, timestamp: 1 as Micros, pts: 2 as Ticks, repeat: false });
    expect(readJpegIdentity(Uint8Array.from([...jpeg(SCAN), ...own.subarray(2)]))).toBeNull();
  });

  it('tolerates any bytes', () => {
    const marker = fc
      .tuple(fc.nat(255), fc.nat(80), fc.uint8Array({ maxLength: 60 }))
      .map(([code, length, body]) => [0xff, code, 0, length, ...body]);
    const near = fc.array(marker, { maxLength: 6 }).map((parts) => jpeg(...parts));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), near), (bytes) => {
        readJpegIdentity(bytes);
        const size = readJpegSize(bytes);
        if (size) expect(size.width).toBeLessThan(65_536);
        const inserted = insertJpegIdentity(bytes, { id: 5, timestamp: 1 as Micros, pts: 2 as Ticks, repeat: false });
        if (inserted !== bytes) expect(readJpegIdentity(inserted)?.id).toBe(5);
      }),
      { numRuns: 500 },
    );
  });
});
