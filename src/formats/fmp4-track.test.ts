// Init segments are read back to what they were made of; other bytes are nothing and never an exception.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { initSegment } from './fmp4.ts';
import { readVideoTrack } from './fmp4-read.ts';

const side = fc.integer({ min: 16, max: 16_384 });

it('reads back the track of an init segment', () => {
  fc.assert(
    fc.property(side, side, fc.uint8Array({ minLength: 7, maxLength: 80 }), (width, height, description) => {
      expect(readVideoTrack(initSegment({ width, height, description }))).toEqual({ width, height, description });
    }),
  );
});

it('answers null or a track for any bytes, and never throws', () => {
  const init = initSegment({ width: 640, height: 360, description: Uint8Array.of(1, 66, 192, 31, 255, 225, 0) });
  fc.assert(
    fc.property(fc.nat(init.length), fc.uint8Array({ maxLength: 60 }), (cut, garbage) => {
      readVideoTrack(garbage);
      readVideoTrack(init.subarray(0, cut));
      readVideoTrack(init.subarray(cut));
    }),
  );
  expect(readVideoTrack(Uint8Array.of(1, 2, 3))).toBeNull();
});
