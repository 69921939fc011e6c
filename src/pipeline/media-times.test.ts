import { expect, test } from 'vitest';
import { MediaTimes } from './media-times.ts';

test('the newest frames are known, older and unknown ones are not', () => {
  const times = new MediaTimes();
  for (let id = 1; id <= 10_000; id++) times.set(id, id * 3003);
  expect(times.of(10_000)).toBe(10_000 * 3003);
  expect(times.of(10_000 - 4095)).toBe((10_000 - 4095) * 3003);
  expect([times.of(10_000 - 4096), times.of(10_001), times.of(0), times.of(-5)]).toEqual([null, null, null, null]);
});
