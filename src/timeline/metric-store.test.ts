import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Database } from '../native/sqlite.ts';
import type { MetricColumn, SeriesRows } from './metric-schema.ts';
import { MetricStore } from './metric-store.ts';

const T0 = 1_795_000_000_000_000;

interface Sample {
  readonly time: number;
  readonly value: number;
  readonly frame: number;
}

function column(samples: readonly Sample[], name = 'm'): MetricColumn {
  return {
    name,
    width: 1,
    timestamp: Float64Array.from(samples, ({ time }) => time),
    frame: Float64Array.from(samples, ({ frame }) => frame),
    value: Float64Array.from(samples, ({ value }) => value),
  };
}

const add = (store: MetricStore, samples: readonly Sample[], stream = 'cam') =>
  store.add([{ stream, columns: [column(samples)], count: samples.length }], T0);

/** What an array would hold: sorted by time, the last of one time wins. */
function model(samples: readonly Sample[]): Sample[] {
  return [...new Map(samples.map((sample) => [sample.time, sample])).values()].sort((a, b) => a.time - b.time);
}

function binned(samples: readonly Sample[], start: number, end: number, step: number) {
  const bins = new Map<number, Sample[]>();
  for (const sample of samples) {
    if (sample.time < start || sample.time > end) continue;
    const bin = Math.floor(sample.time / step) * step;
    bins.set(bin, [...(bins.get(bin) ?? []), sample]);
  }
  const rows: { time: number; min: number; max: number; mean: number; count: number }[] = [];
  let gapAt = Number.NaN;
  for (const [time, inside] of bins) {
    if (gapAt < time) rows.push({ time: gapAt, min: Number.NaN, max: Number.NaN, mean: Number.NaN, count: 0 });
    const values = inside.map(({ value }) => value).filter((value) => !Number.isNaN(value));
    const count = values.length;
    const mean = count ? values.reduce((sum, value) => sum + value, 0) / count : Number.NaN;
    const [min, max] = count ? [Math.min(...values), Math.max(...values)] : [Number.NaN, Number.NaN];
    rows.push({ time, min, max, mean, count });
    gapAt = count && Number.isNaN(inside.at(-1)!.value) ? time + step : Number.NaN;
  }
  return rows;
}

function rowsOf({ timestamp, min, max, mean, count }: SeriesRows) {
  return Array.from(timestamp, (time, i) => ({ time, min: min![i]!, max: max![i]!, mean: mean![i]!, count: count![i]! }));
}

const sample = fc.record({
  time: fc.oneof(
    // Close together, and far apart: minutes and hours are reached.
    fc.integer({ min: 0, max: 3_000_000 }),
    fc.integer({ min: 0, max: 200_000_000 }),
    fc.integer({ min: 0, max: 8_000_000_000 }),
  ),
  value: fc.oneof(
    { arbitrary: fc.integer({ min: -1000, max: 1000 }), weight: 5 },
    { arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }), weight: 3 },
    { arbitrary: fc.constant(Number.NaN), weight: 1 },
  ),
  frame: fc.oneof(fc.integer({ min: 1, max: 2 ** 40 }), fc.constant(Number.NaN)),
});
const at = ({ time, ...rest }: Sample): Sample => ({ time: T0 + time, ...rest });

describe('MetricStore', () => {
  it('answers as a plain array would: raw and binned, whatever the order, with writes in between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(sample, { maxLength: 60 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(1000, 50_000, 1_000_000, 2_000_000, 60_000_000, 90_000_000, 600_000_000, 3_600_000_000),
        fc.tuple(fc.integer({ min: -1_000_000, max: 8_001_000_000 }), fc.integer({ min: 0, max: 8_000_000_000 })),
        fc.boolean(),
        (groups, step, [from, length], rolled) => {
          const db = new Database(':memory:');
          const store = new MetricStore(db);
          const all: Sample[] = [];
          for (const group of groups) {
            const samples = group.map(at);
            add(store, samples);
            all.push(...samples);
            store.flush();
            if (rolled) store.flushRolls();
          }
          const start = T0 + from;
          const end = start + length;
          const kept = model(all).filter(({ time }) => time >= start && time <= end);
          const raw = store.query('cam', { start, end, step: 0 }).series[0];
          expect(Array.from(raw?.timestamp ?? [])).toEqual(kept.map(({ time }) => time));
          expect(Array.from(raw?.value ?? [])).toEqual(kept.map(({ value }) => value));
          expect(Array.from(raw?.frame ?? [])).toEqual(kept.map(({ frame }) => frame));
          const bins = store.query('cam', { start, end, step, limit: 100_000 }).series[0];
          const wanted = binned(model(all), start, end, step);
          const found = bins?.min ? rowsOf(bins) : [];
          expect(found.map(({ mean: _, ...row }) => row)).toEqual(wanted.map(({ mean: _, ...row }) => row));
          for (const [i, { mean }] of found.entries()) {
            if (Number.isNaN(wanted[i]!.mean)) expect(mean).toBeNaN();
            else expect(mean).toBeCloseTo(wanted[i]!.mean, 5);
          }
          db[Symbol.dispose]();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('forgets what is older than a time, but not protected spans, and the roll-ups follow', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 0, max: 8_000 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 8_000 }), fc.integer({ min: 0, max: 500 })), { maxLength: 3 }),
        fc.constantFrom(1_000_000, 60_000_000, 3_600_000_000),
        (input, beforeSeconds, spanSeconds, step) => {
          const db = new Database(':memory:');
          const store = new MetricStore(db);
          const samples = input.map(at);
          add(store, samples);
          const before = T0 + beforeSeconds * 1_000_000;
          const spans = spanSeconds.map(([start, length]) => ({ start: T0 + start * 1e6, end: T0 + (start + length) * 1e6 }));
          for (let i = 0; store.forget('cam', before, spans) && i < 100; i++);
          const second = (time: number) => Math.floor(time / 1e6);
          const stays = ({ time }: Sample) =>
            time >= before || spans.some(({ start, end }) => second(time) >= second(start) && second(time) <= second(end));
          const kept = model(samples).filter(stays);
          const raw = store.query('cam', { step: 0 }).series[0]!;
          expect(Array.from(raw.timestamp)).toEqual(kept.map(({ time }) => time));
          const bins = store.query('cam', { step, limit: 100_000 }).series[0]!;
          const wanted = binned(kept, 0, Number.MAX_SAFE_INTEGER, step);
          expect(bins.min ? rowsOf(bins).map(({ mean: _, ...row }) => row) : []).toEqual(wanted.map(({ mean: _, ...row }) => row));
          db[Symbol.dispose]();
        },
      ),
      { numRuns: 150 },
    );
  });

  it('holds vectors with gaps: raw, and as mean vectors of bins', () => {
    const store = new MetricStore(new Database(':memory:'));
    const value = Float64Array.from([1, Number.NaN, 3, 3, Number.NaN, 5, 0.1, 0.2, 0.3]);
    const timestamp = Float64Array.from([T0, T0 + 10, T0 + 61_000_000]);
    store.add([{ stream: 'cam', columns: [{ name: 'v', width: 3, timestamp, frame: null, value }], count: 1 }], T0);
    const raw = store.query('cam', { step: 0 }).series[0]!;
    expect(Array.from(raw.value!)).toEqual(Array.from(value));
    for (const step of [1_000_000, 60_000_000]) {
      const bins = store.query('cam', { step }).series[0]!;
      expect(Array.from(bins.value!)).toEqual([2, Number.NaN, 4, 0.1, 0.2, 0.3]);
      expect(Array.from(bins.min!)).toEqual([1, 0.1]);
      expect(Array.from(bins.count!)).toEqual([4, 3]);
    }
  });

  it('chooses a step so that about a thousand rows come, and raw samples where there are few', () => {
    const store = new MetricStore(new Database(':memory:'));
    const many = Array.from({ length: 30_000 }, (_, i) => ({ time: T0 + i * 10_000, value: i, frame: Number.NaN }));
    add(store, many);
    const all = store.query('cam', {});
    expect(all.step).toBe(500_000);
    expect(all.series[0]!.timestamp.length).toBe(600);
    const few = store.query('cam', { start: T0, end: T0 + 5_000_000 });
    expect(few.step).toBe(0);
    expect(few.series[0]!.value!.length).toBe(501);
    const cut = store.query('cam', { step: 0, limit: 10 }).series[0]!;
    expect(cut.truncated).toBe(true);
    expect(cut.timestamp.length).toBe(10);
  });

  it('makes the roll-ups that a crash has kept from being written', () => {
    const db = new Database(':memory:');
    add(new MetricStore(db), [{ time: T0, value: 1, frame: 1 }]);
    const first = new MetricStore(db);
    add(first, [
      { time: T0, value: 1, frame: 1 },
      { time: T0 + 70_000_000, value: 5, frame: 2 },
    ]);
    first.flush();
    expect(db.all('SELECT id FROM seconds')).toHaveLength(0);
    const second = new MetricStore(db);
    expect(Array.from(second.query('cam', { step: 3_600_000_000 }).series[0]!.max!)).toEqual([5]);
  });

  it('keeps the names of streams apart, and removes all that a stream has', () => {
    const store = new MetricStore(new Database(':memory:'));
    add(store, [{ time: T0, value: 1, frame: 1 }], 'a');
    add(store, [{ time: T0, value: 2, frame: 1 }], 'b');
    store.removeStream('a');
    expect(store.series('a')).toEqual([]);
    expect(Array.from(store.query('b', { step: 0 }).series[0]!.value!)).toEqual([2]);
    add(store, [{ time: T0 + 5, value: 3, frame: 1 }], 'a');
    expect(Array.from(store.query('a', { step: 0 }).series[0]!.timestamp)).toEqual([T0 + 5]);
    expect(store.arrived('a', T0)).toEqual({ count: 1, from: T0 + 5, to: T0 + 5 });
  });

  it('forgets the oldest of all streams where there is too much', () => {
    const store = new MetricStore(new Database(':memory:'));
    const hour = Array.from({ length: 3600 }, (_, i) => ({ time: T0 + i * 1_000_000, value: Math.random(), frame: Number.NaN }));
    add(store, hour, 'a');
    add(store, hour, 'b');
    store.flush();
    store.flushRolls();
    const limit = store.bytes() * 0.6;
    for (let i = 0; store.shrink(limit) && i < 100; i++);
    expect(store.bytes()).toBeLessThanOrEqual(limit);
    for (const stream of ['a', 'b']) {
      const { timestamp } = store.query(stream, { step: 0 }).series[0]!;
      expect(timestamp.at(-1)).toBe(T0 + 3599_000_000);
      expect(timestamp[0]).toBeGreaterThan(T0);
    }
  });
});
