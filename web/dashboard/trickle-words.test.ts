import { expect, it } from 'vitest';
import { ageText, linkState } from './trickle-words.ts';

it('tells the age of a segment in tenths of seconds, never a negative one', () => {
  expect([-300, 0, 449, 12_000, 89_940, 120_000, 7_200_000].map(ageText)).toEqual([
    '0.0 s',
    '0.0 s',
    '0.4 s',
    '12.0 s',
    '89.9 s',
    '2 min',
    '2 h',
  ]);
});

it('a live channel without a new segment for half a minute stands still', () => {
  expect(linkState({ state: 'live', began: 1_000_000 }, 20_000)).toBe('live');
  expect(linkState({ state: 'live', began: 1_000_000 }, 40_000)).toBe('still');
  expect(linkState({ state: 'waiting', began: 1_000_000 }, 40_000)).toBe('waiting');
  expect(linkState({ state: 'live', began: null }, 40_000)).toBe('live');
});
