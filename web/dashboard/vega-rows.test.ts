import { expect, test } from 'vitest';
import type { FeedSeries } from '../../src/player/chart/metric-feed.ts';
import { SampleBuffer } from '../../src/player/chart/sample-buffer.ts';
import { exampleSpec, rowsOf } from './vega-rows.ts';

function series(name: string, width: number, rows: [number, number | null | number[]][]): FeedSeries {
  const live = new SampleBuffer(width, 100_000);
  for (const [time, value] of rows) live.add(time, value);
  return { name, width, unit: '', label: name, config: {}, live, from: 0 };
}

test('one row for each sample since a time; gaps are null, vectors have a row for each place', () => {
  const all = [
    series('a', 1, [[1000, 1], [2000, null], [3000, 3]]), // biome-ignore format: a table
    series('v', 2, [[2500, [7, 8]]]),
  ];
  expect(rowsOf(all, 2000).sort((x, y) => x.timestamp - y.timestamp || (x.index ?? 0) - (y.index ?? 0))).toEqual([
    { name: 'a', timestamp: 2000, time: 2, value: null },
    { name: 'v', timestamp: 2500, time: 2.5, value: 7, index: 0 },
    { name: 'v', timestamp: 2500, time: 2.5, value: 8, index: 1 },
    { name: 'a', timestamp: 3000, time: 3, value: 3 },
  ]);
});

test('of too many samples some are taken, the newest always', () => {
  const many = series(
    'a',
    1,
    Array.from({ length: 10_000 }, (_, at) => [at, at]),
  );
  const rows = rowsOf([many], 0, 1000);
  expect(rows).toHaveLength(1000);
  expect(rows.at(-1)?.value).toBe(9999);
  expect(rows.map(({ timestamp }) => timestamp)).toEqual(rows.map(({ timestamp }) => timestamp).sort((a, b) => a - b));
});

test('the example names what there is', () => {
  expect(JSON.parse(exampleSpec(['a', 'b'])).transform[0].filter.oneOf).toEqual(['a', 'b']);
  expect(JSON.parse(exampleSpec([])).transform).toBeUndefined();
});
