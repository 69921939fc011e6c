import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii, concatBytes, sameBytes } from './bytes.ts';

const bytes = fc.uint8Array({ maxLength: 40 });

describe('bytes', () => {
  it('concatBytes puts all parts behind one another', () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect([...concatBytes(parts)]).toEqual(parts.flatMap((part) => [...part]));
      }),
    );
    expect(concatBytes([]).length).toBe(0);
  });

  it('concatBytes reads views at their place', () => {
    const whole = Uint8Array.of(0, 1, 2, 3, 4);
    expect([...concatBytes([whole.subarray(3), whole.subarray(1, 3)])]).toEqual([3, 4, 1, 2]);
  });

  it('sameBytes compares length and content, not the memory', () => {
    fc.assert(fc.property(bytes, bytes, (a, b) => sameBytes(a, b) === (Buffer.compare(a, b) === 0)));
    fc.assert(fc.property(bytes, (a) => sameBytes(a, a.slice())));
    expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false);
  });

  it('ascii gives one byte per character', () => {
    expect([...ascii('moov')]).toEqual([0x6d, 0x6f, 0x6f, 0x76]);
    expect(ascii('').length).toBe(0);
  });
});
