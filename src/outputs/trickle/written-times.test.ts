import { expect, it } from 'vitest';
import type { Ticks } from '../../core/time.ts';
import { WrittenTimes } from './written-times.ts';

const at = (pts: number, repeat = false) => ({ pts: pts as Ticks, repeat });

it('writes capture times where nothing else is known', () => {
  const times = new WrittenTimes();
  expect(times.picture(at(1000), null)).toBe(1000);
  expect(times.sound(at(1500))).toBe(1500);
});

it('gives back the times of the medium exactly, and what lies between follows them', () => {
  const times = new WrittenTimes();
  expect(times.picture(at(1_000_000), 5000)).toBe(5000);
  expect(times.picture(at(1_003_000), null)).toBe(8000);
  // A repeat shows a frame whose time is known, at another moment.
  expect(times.picture(at(1_004_000, true), 5000)).toBe(9000);
  expect(times.picture(at(1_006_010), 11_000)).toBe(11_000);
  // Another frame that was made of the same one: its time must rise nevertheless.
  expect(times.picture(at(1_006_005), null)).toBe(11_001);
  expect(times.picture(at(2_000_000), 90)).toBe(90);
});

it('sound is as far from the capture times as the pictures, and follows without a leap', () => {
  const times = new WrittenTimes();
  times.picture(at(1_000_000), 0);
  expect(times.sound(at(1_000_000))).toBe(0);
  times.picture(at(1_003_000), 3100);
  // 100 ticks away, 1800 ticks later: nine of them.
  expect(times.sound(at(1_001_800))).toBe(1809);
  times.picture(at(1_006_000), 900_000);
  expect(times.sound(at(1_003_600))).toBe(897_600);
});
