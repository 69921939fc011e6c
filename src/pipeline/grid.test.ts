import { expect, it } from 'vitest';
import { type Micros, toTicks } from '../core/time.ts';
import { DEFAULT_GOP_TICKS, GRID_TICKS, PART_TICKS, sequenceOf } from './grid.ts';

it('the media sequence number is the capture time in units of 2 s, on every node and in every run', () => {
  const at = (us: number) => sequenceOf(toTicks(us as Micros));
  expect(at(1_763_640_000_000_000)).toBe(881_820_000);
  expect(at(1_763_640_001_999_990)).toBe(881_820_000);
  expect(at(1_763_640_002_000_000)).toBe(881_820_001);
});

it('key frames and parts divide the grid', () => {
  expect(GRID_TICKS % DEFAULT_GOP_TICKS).toBe(0);
  expect(GRID_TICKS % PART_TICKS).toBe(0);
});
