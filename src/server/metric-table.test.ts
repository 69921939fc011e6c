import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Database } from '../native/sqlite.ts';
import { MetricStore } from '../timeline/metric-store.ts';
import { metricTable, type TableRow } from './metric-table.ts';

const T0 = 1_795_000_000_000_000;

function tableSource(store: MetricStore) {
  return {
    series: async () => store.series('cam'),
    rows: async (query: Parameters<MetricStore['query']>[1]) => store.query('cam', query),
    frameAt: (timestamp: number) => (timestamp - T0 > 5 ? 77 : null),
  };
}

async function all(rows: AsyncIterable<TableRow>) {
  const found: { timestamp: number; frame: number | null; values: number[] }[] = [];
  for await (const { timestamp, frame, values } of rows) found.push({ timestamp, frame, values: Array.from(values) });
  return found;
}

it('has a row for each time and a column for each number, over seconds and hours', async () => {
  const times = fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 40_000_000_000 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(times, times, async (a, b) => {
      const store = new MetricStore(new Database(':memory:'));
      const [first, second] = [a, b].map((list) => [...new Set(list)].map((time) => T0 + time));
      const column = (name: string, width: number, list: readonly number[]) => ({
        name,
        width,
        timestamp: Float64Array.from(list),
        frame: width === 1 ? Float64Array.from(list, (time) => (time % 2 ? 9 : Number.NaN)) : null,
        value: Float64Array.from(list.flatMap((time) => Array.from({ length: width }, (_, k) => time - T0 + k))),
      });
      store.add([{ stream: 'cam', columns: [column('a', 1, first!), column('b', 2, second!)], count: 1 }], T0);
      const table = await metricTable(tableSource(store), {});
      expect(table.columns).toEqual(['a', 'b[0]', 'b[1]']);
      const times = [...new Set([...first!, ...second!])].sort((x, y) => x - y);
      expect(await all(table.rows)).toEqual(
        times.map((timestamp) => {
          const value = timestamp - T0;
          const [hasA, hasB] = [first!.includes(timestamp), second!.includes(timestamp)];
          return {
            timestamp,
            frame: hasA && timestamp % 2 ? 9 : value > 5 ? 77 : null,
            values: [hasA ? value : Number.NaN, hasB ? value : Number.NaN, hasB ? value + 1 : Number.NaN],
          };
        }),
      );
    }),
    { numRuns: 60 },
  );
});

it('goes on where more samples lie in a window than an answer holds', async () => {
  const store = new MetricStore(new Database(':memory:'));
  const width = 1024;
  const count = 1200;
  const timestamp = Float64Array.from({ length: count }, (_, i) => T0 + i * 1000);
  const value = new Float64Array(count * width).fill(0.5);
  store.add([{ stream: 'cam', columns: [{ name: 'v', width, timestamp, frame: null, value }], count: 1 }], T0);
  const table = await metricTable(tableSource(store), {});
  const rows = await all(table.rows);
  expect(rows.map((row) => row.timestamp)).toEqual(Array.from(timestamp));
  expect(rows.every(({ values }) => values.every((value) => value === 0.5))).toBe(true);
});

it('with a step has mean, least and most of each metric, and whole bins', async () => {
  const store = new MetricStore(new Database(':memory:'));
  const timestamp = Float64Array.from({ length: 3600 * 2 }, (_, i) => T0 + i * 500_000);
  const value = timestamp.map((_, i) => i);
  store.add([{ stream: 'cam', columns: [{ name: 'm', width: 1, timestamp, frame: null, value }], count: 1 }], T0);
  const table = await metricTable(tableSource(store), { step: 2_000_000 });
  expect(table.columns).toEqual(['m', 'm_min', 'm_max']);
  const rows = await all(table.rows);
  expect(rows).toHaveLength(1800);
  expect(rows[900]!.values).toEqual([3601.5, 3600, 3603]);
});

it('without samples has no rows', async () => {
  const table = await metricTable(tableSource(new MetricStore(new Database(':memory:'))), {});
  expect(table.columns).toEqual([]);
  expect(await all(table.rows)).toEqual([]);
});
