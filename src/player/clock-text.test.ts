import { expect, test } from 'vitest';
import { bitrateText, dateText, lengthText, timeText, utcText, zoneText } from './clock-text.ts';

const AT = Date.UTC(2026, 10, 20, 23, 38, 1, 250) * 1000 + 123;

test('times of a zone carry its offset, and its date', () => {
  expect(timeText(AT, 0)).toBe('23:38:01.250');
  expect(timeText(AT, 60)).toBe('00:38:01.250');
  expect(dateText(AT, 60)).toBe('2026-11-21');
  expect(dateText(AT, -210)).toBe('2026-11-20');
  expect([0, 60, -210, 345].map(zoneText)).toEqual(['UTC+00:00', 'UTC+01:00', 'UTC−03:30', 'UTC+05:45']);
});

test('UTC with microseconds, also from interpolated times', () => {
  expect(utcText(AT)).toBe('2026-11-20 23:38:01.250123 UTC');
  expect(utcText(AT + 0.25)).toBe('2026-11-20 23:38:01.250123 UTC');
});

test('lengths of time never read 60', () => {
  expect([0, 640, 59_940, 59_960, 60_000, 185_000, 3_599_999, 3_720_000].map(lengthText)).toEqual([
    '0.0 s',
    '0.6 s',
    '59.9 s',
    '1 min 00 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 00 min',
    '1 h 02 min',
  ]);
});

test('bit rates', () => {
  expect([0, 850_400, 3_140_000].map(bitrateText)).toEqual(['0 kbit/s', '850 kbit/s', '3.1 Mbit/s']);
});
