// Metrics: what 1,000 samples a second cost the server, and how long a range query over 10 million samples takes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseThread } from '../src/timeline/database-thread.ts';
import type { MetricCalls, SeriesQuery } from '../src/timeline/metric-schema.ts';
import { type Bench, type BenchOptions, percentile, type Result, result } from './result.ts';
import { BenchServer } from './server.ts';

const SAMPLES = 10_000_000;
const PER_SECOND = 1000;
const QUERIES = 51;
const SCANS = 5;
const BATCH = 10_000;
const BUDGET_MS = 20;
const SECOND = 1_000_000;
const START = 1_795_000_000_000_000;

export const series: Bench = {
  name: 'series',
  what: `metrics: ${PER_SECOND} samples/s written, and ranges of ${SAMPLES / 1e6} million samples read`,
  run: async (options) => [...(await writing(options)), ...(await reading(options))],
};

/** Ten metrics at 100 Hz, posted 20 times a second, beside a server that does nothing else. */
async function writing(options: BenchOptions): Promise<Result[]> {
  const seconds = options.seconds ?? 10;
  await using server = await BenchServer.start({ scope: { source: { type: 'push' } } }, options);
  const names = Array.from({ length: 10 }, (_, i) => `m${i}`);
  const idle = await server.load(Math.min(seconds, 3));
  let running = true;
  const send = async () => {
    for (let sent = 0, at = performance.now(); running; at += 50) {
      const now = Date.now() * 1000;
      const samples = Array.from({ length: 5 }, (_, i) => ({
        timestamp: now + i * 10_000,
        values: Object.fromEntries(names.map((name, k) => [name, Math.sin(sent + i + k)])),
      }));
      sent += samples.length;
      const response = await fetch(new URL('api/streams/scope/metrics', server.url), {
        method: 'POST',
        body: JSON.stringify(samples),
        headers: { 'content-type': 'application/json' },
      });
      await response.arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at + 50 - performance.now())));
    }
  };
  const sending = send();
  let load: number;
  try {
    load = (await server.load(seconds)).all - idle.all;
  } finally {
    running = false;
    await sending.catch(() => {});
  }
  const { metrics } = await server.stats('scope');
  return [
    result(`${PER_SECOND} numbers/s by REST`, load / 10, '% of a core', {
      note: `10 metrics at 100 Hz in 20 requests/s, over ${seconds} s`,
    }),
    result('samples without a place', metrics?.dropped ?? Number.NaN, '', { note: 'must be 0' }),
  ];
}

async function reading(options: BenchOptions): Promise<Result[]> {
  // For a moment's run fewer will do.
  const count = options.seconds !== null && options.seconds < 1 ? SAMPLES / 50 : SAMPLES;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-series-'));
  try {
    await using store = new DatabaseThread<MetricCalls>({ worker: 'metric', path: join(folder, 'metrics.db') });
    const timestamp = new Float64Array(count);
    const value = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      timestamp[i] = START + i * (SECOND / PER_SECOND);
      value[i] = Math.sin(i / 1000) + Math.random();
    }
    options.progress(`writing ${count} samples`);
    const started = performance.now();
    for (let i = 0; i < count; i += BATCH) {
      options.signal.throwIfAborted();
      const column = { name: 'm', width: 1, timestamp: timestamp.slice(i, i + BATCH), frame: null, value: value.slice(i, i + BATCH) };
      await store.callWith(
        'add',
        [column.timestamp.buffer, column.value.buffer],
        [{ stream: 's', columns: [column], count: BATCH }],
        START,
      );
    }
    await store.call('flush');
    const rate = count / ((performance.now() - started) / 1000);
    const bytes = (await store.call('bytes')) / count;
    const end = START + count * (SECOND / PER_SECOND);
    const ranges: [string, SeriesQuery][] = [
      ['whole range', {}],
      ['last hour', { start: Math.max(START, end - 3600 * SECOND), end }],
      ['last minute', { start: end - 60 * SECOND, end }],
      ['10,000 raw samples', { start: end - 10 * SECOND, end, step: 0 }],
    ];
    const results: Result[] = [];
    for (const [what, query] of ranges) {
      options.progress(what);
      const times: number[] = [];
      for (let i = 0; i < QUERIES; i++) {
        const from = performance.now();
        await store.call('query', 's', query);
        times.push(performance.now() - from);
      }
      const p50 = percentile(times, 0.5);
      const note = `p95 ${percentile(times, 0.95).toFixed(1)} ms, ${QUERIES} queries, with the hop to the thread and back`;
      results.push(result(`range query, ${what}, p50`, p50, 'ms', { budget: BUDGET_MS, note }));
    }
    const scans = Array.from({ length: SCANS }, () => scan(timestamp, value, 10 * SECOND));
    const whole = results[0]!.figure;
    return [
      result(`samples stored`, count, '', { note: `${Math.round(rate)} written a second, ${bytes.toFixed(1)} bytes each` }),
      ...results,
      result('whole range against a scan of arrays', whole / percentile(scans, 0.5), 'x', {
        note: `the scan takes ${percentile(scans, 0.5).toFixed(0)} ms, with all samples in memory`,
      }),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the answer costs without a store: bins from plain arrays, in ms. */
function scan(timestamp: Float64Array, value: Float64Array, step: number): number {
  const started = performance.now();
  const bins = new Map<number, { min: number; max: number; sum: number; count: number }>();
  for (let i = 0; i < timestamp.length; i++) {
    const at = Math.floor(timestamp[i]! / step);
    const bin = bins.get(at) ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0, count: 0 };
    bins.set(at, bin);
    if (value[i]! < bin.min) bin.min = value[i]!;
    if (value[i]! > bin.max) bin.max = value[i]!;
    bin.sum += value[i]!;
    bin.count++;
  }
  return performance.now() - started;
}
