import { expect, test } from 'vitest';
import { plotPath } from './sparkline.ts';

test('lowest and highest point touch the edges, holes stay holes, a flat line lies in the middle', () => {
  const [nan] = [Number.NaN];
  expect(
    plotPath(
      [
        [0, 5],
        [1, 15],
        [2, nan],
        [3, 10],
      ],
      30,
      12,
    ),
  ).toEqual({ path: 'M0.0 11.0L10.0 1.0M30.0 6.0', low: 5, high: 15 });
  expect(
    plotPath(
      [
        [0, 7],
        [4, 7],
      ],
      10,
      20,
    ).path,
  ).toBe('M0.0 10.0L10.0 10.0');
  expect(plotPath([[-1, 2]], 10, 10, { from: -2, to: 0, low: 0, high: 4 }).path).toBe('M5.0 5.0');
  expect(plotPath([], 10, 10).path).toBe('');
});
