import { expect, test } from 'vitest';
import { Silence } from './silence.ts';

test('a second without a picture is suspect, at slow sources four frames, with a buffer two seconds', () => {
  expect(new Silence(() => 0).look(1000, 40, false)).toBe('fine');
  expect(new Silence(() => 0).look(1001, 40, false)).toBe('suspect');
  expect(new Silence(() => 0).look(3900, 1000, false)).toBe('fine');
  expect(new Silence(() => 0).look(1999, 40, true)).toBe('fine');
});

test('pictures that come again end the doubt, and the next one comes later', () => {
  const clock = { ms: 0 };
  const silence = new Silence(() => clock.ms);
  expect(silence.look(1100, 40, false)).toBe('suspect');
  expect([silence.doubted, silence.look(1200, 40, false)]).toEqual([true, 'waiting']);
  expect([silence.look(20, 40, false), silence.doubted]).toEqual(['false-alarm', false]);
  expect(silence.look(1900, 40, false)).toBe('fine');
  expect(silence.look(2100, 40, false)).toBe('suspect');
  clock.ms = 29_999;
  expect(silence.look(32_000, 40, false)).toBe('waiting');
  clock.ms = 30_000;
  expect(silence.look(32_000, 40, false)).toBe('false-alarm');
  silence.fresh();
  expect(silence.look(1100, 40, false)).toBe('suspect');
  silence.over();
  expect(silence.doubted).toBe(false);
});
