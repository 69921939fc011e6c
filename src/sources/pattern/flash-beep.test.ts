import { expect, it } from 'vitest';
import type { Micros } from '../../core/time.ts';
import { BEEP_RATE, beepBlock, drawFlash, flashes, flashSquare } from './flash-beep.ts';

const SECOND = 1_700_000_000_000_000;

it('the first sample of a second is loud, the last before it silent', () => {
  const before = beepBlock((SECOND - 20_000) as Micros, 0).data[0]!;
  const first = beepBlock(SECOND as Micros, 0).data[0]!;
  expect(before.every((value) => value === 0)).toBe(true);
  expect(first[0]).toBeCloseTo(0.5);
  expect(beepBlock((SECOND + 100_000) as Micros, 0).data[0]!.every((value) => value === 0)).toBe(true);
});

it('a tone goes on from block to block and from second to second', () => {
  const samples = [-40, -20, 0, 20].flatMap((ms) => [...beepBlock((SECOND + 500_000 + ms * 1000) as Micros, 440).data[0]!]);
  const most = (0.01 * 2 * Math.PI * 440) / BEEP_RATE;
  for (let i = 1; i < samples.length; i++) expect(Math.abs(samples[i]! - samples[i - 1]!)).toBeLessThan(most * 1.01);
  const across = [-20, 0].flatMap((ms) => [...beepBlock((SECOND + ms * 1000) as Micros, 440).data[0]!]);
  // Behind the second the beep is on top.
  expect(Math.abs(across[959]!)).toBeLessThan(0.011);
});

it('the square is white while the beep lasts', () => {
  expect([0, 99_999, 100_000, 999_999].map((us) => flashes((SECOND + us) as Micros))).toEqual([true, true, false, false]);
  const pixels = new Uint8Array(64 * 48 * 3).fill(7);
  drawFlash(pixels, 'rgb24', 64, 48, true, { black: 0, white: 255 });
  const { x, y, side } = flashSquare(64, 48);
  expect(pixels[(y * 64 + x) * 3]).toBe(255);
  expect(pixels[((y - 1) * 64 + x) * 3]).toBe(7);
  expect(pixels.filter((value) => value === 255).length).toBe(side * side * 3);
});
