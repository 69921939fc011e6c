import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStreamName } from './stream-name.ts';

describe('parseStreamName', () => {
  it('takes 1 to 64 characters of the small alphabet', () => {
    for (const name of ['a', 'cam-1', 'A.b_c-9', '.hidden', 'x'.repeat(64)]) expect(parseStreamName(name)).toBe(name);
  });

  it.each(['', '.', '..', '...', 'a/b', '../a', 'a b', 'ä', 'a\n', 'a%2f', 'x'.repeat(65), null, undefined, 7, ['a'], {}])(
    'refuses %j and says what is allowed',
    (name) => {
      expect(() => parseStreamName(name)).toThrow(/is not a stream name; allowed are 1 to 64 characters of A-Z a-z 0-9 \. _ -$/);
    },
  );

  it('lets nothing through that could leave its folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', '/', '\\', 'a', '\0', '%', '\n') }), (text) => {
        let name: string;
        try {
          name = parseStreamName(text);
        } catch {
          return;
        }
        expect(name).toMatch(/^[a.]+$/);
        expect(name).toContain('a');
      }),
    );
  });
});
