import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canWrite } from './channel.ts';
import { CHANNEL_NAME } from './channels.ts';
import { parseSeq } from './http.ts';

describe('the number in a path', () => {
  it('is what Go reads as an integer', () => {
    const texts = ['0', '7', '-1', '-2', '+5', '007', '-0', '9223372036854775807'];
    expect(texts.map(parseSeq)).toEqual([0, 7, -1, -2, 5, 7, 0, 2 ** 63]);
    for (const text of ['', ' 1', '1 ', '1.0', '1e3', '0x1', '--1', '١', 'next', '1\n', '9'.repeat(20)]) expect(parseSeq(text)).toBeNull();
  });

  it('is an integer or nothing, whatever stands there, and never one that cannot be counted on', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.bigInt().map(String), fc.integer().map(String)), (text) => {
        const seq = parseSeq(text);
        if (seq === null) return;
        expect(Number.isInteger(seq)).toBe(true);
        if (canWrite(seq)) expect(Number.isSafeInteger(seq + 1)).toBe(true);
        if (canWrite(seq)) expect(BigInt(text)).toBe(BigInt(seq));
      }),
    );
  });
});

it('names of channels need no escapes in an address', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (name) => {
      if (!CHANNEL_NAME.test(name)) return;
      expect(new URL(`http://h/trickle/${name}/0`).pathname).toBe(`/trickle/${name}/0`);
    }),
  );
});
