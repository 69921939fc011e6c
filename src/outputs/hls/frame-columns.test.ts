import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packFrames, unpackFrames } from './frame-columns.ts';

const row = fc.record({
  pts: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  timestamp: fc.integer({ min: 1e15, max: 5e15 }),
  key: fc.boolean(),
  repeat: fc.boolean(),
  offset: fc.integer({ min: 0, max: 2 ** 40 }),
});

it('frames come back from their columns exactly, also from bytes at an odd place', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), fc.integer({ min: 0, max: 7 }), (frames, shift) => {
      const packed = packFrames(frames);
      expect(packed.length).toBe(frames.length * 40);
      const memory = new Uint8Array(packed.length + 16);
      memory.set(packed, shift);
      expect(unpackFrames(memory.subarray(shift, shift + packed.length))).toEqual(frames);
    }),
  );
  expect(unpackFrames(new Uint8Array())).toEqual([]);
});
