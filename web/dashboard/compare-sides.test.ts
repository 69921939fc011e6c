import { expect, test } from 'vitest';
import { readSides, writeSides } from './compare-sides.ts';

test('what is written is read again, names with dots too', () => {
  const sides = [
    { stream: 'scope.left', way: 'lossless' },
    { stream: 'h264', way: 'auto' },
  ] as const;
  expect(readSides(writeSides(sides), [])).toEqual(sides);
});

test('what is not said is filled up: two streams, or one in two ways', () => {
  expect(readSides('', [])).toBe(null);
  expect(readSides('', ['a'])).toEqual([
    { stream: 'a', way: 'lossless' },
    { stream: 'a', way: 'auto' },
  ]);
  expect(readSides('', ['a', 'b'])).toEqual([
    { stream: 'a', way: 'lossless' },
    { stream: 'b', way: 'lossless' },
  ]);
  expect(readSides('b', ['a', 'b'])).toEqual([
    { stream: 'b', way: 'auto' },
    { stream: 'b', way: 'lossless' },
  ]);
});
