import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Micros, Ticks } from '../core/time.ts';
import { IDENTITY_BYTES, IDENTITY_UUID, type Identity, readIdentity, writeIdentity } from './identity.ts';

/** Every identity that can occur. */
const anyIdentity: fc.Arbitrary<Identity> = fc.record({
  id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  timestamp: fc.integer({ min: 1e15, max: 5e15 }).map((value) => value as Micros),
  pts: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map((value) => value as Ticks),
  repeat: fc.boolean(),
});

describe('identity block', () => {
  it('has the written layout, big-endian', () => {
    const block = writeIdentity({ id: 0x0102030405, timestamp: 0x0607080910 as Micros, pts: 0x1112131415 as Ticks, repeat: true });
    expect(Buffer.from(block).toString('hex')).toBe(
      '6f1b6a0e51c34f0b9d6d736c75696365' + '01' + '01' + '0000' + '0000000102030405' + '0000000607080910' + '0000001112131415',
    );
    expect(Buffer.from(IDENTITY_UUID.subarray(10)).toString('latin1')).toBe('sluice');
  });

  it('is read back exactly, wherever it lies in its memory', () => {
    fc.assert(
      fc.property(anyIdentity, fc.uint8Array({ maxLength: 9 }), (identity, before) => {
        const block = writeIdentity(identity);
        expect(block.length).toBe(IDENTITY_BYTES);
        const memory = new Uint8Array([...before, ...block, 1, 2, 3]);
        expect(readIdentity(memory.subarray(before.length))).toEqual(identity);
      }),
    );
  });

  it('is null for foreign, short or newer blocks', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => readIdentity(bytes) === null));
    const block = writeIdentity({ id: 1, timestamp: 2 as Micros, pts: 3 as Ticks, repeat: false });
    for (let length = 0; length < block.length; length++) expect(readIdentity(block.subarray(0, length))).toBe(null);
    for (let at = 0; at < 17; at++) expect(readIdentity(block.with(at, block[at]! ^ 0x40))).toBe(null);
  });
});
