// Range queries over series: raw samples, or bins made from the coarsest roll-ups that fit, so that hours cost as little as minutes.
import { Cell, samplesOf } from './metric-cell.ts';
import { CHUNK_US, type Chunk } from './metric-chunk.ts';
import type { EachCell, Level, SeriesKey } from './metric-rolls.ts';
import { BinRows, RawRows } from './metric-rows.ts';
import type { MetricRows, SeriesQuery, SeriesRows } from './metric-schema.ts';

/** What a query reads from. Seconds and minutes are counted from the Unix epoch. */
export interface SeriesReader {
  range(series: SeriesKey): { first: number; last: number } | null;
  /** Chunks of the seconds [from, to) in order. Stops when `each` returns `false`, and then returns it. */
  chunks(series: SeriesKey, from: number, to: number, each: (chunk: Chunk) => boolean): boolean;
  cells(level: Level, series: SeriesKey, from: number, to: number, each: EachCell): boolean;
}

/** Rows that an answer without `step` aims at. */
const WANTED_ROWS = 1000;
const MAX_ROWS = 10_000;
/** Numbers of a series of vectors in one answer at most. */
const MAX_NUMBERS = 500_000;
/** Lengths of bins that an answer without `step` chooses from, µs. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((ms) => ms * 1000),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400].map((s) => s * CHUNK_US),
];
const MINUTE_US = 60 * CHUNK_US;

/** Answers a query over some series; `start` and `end` are inside. */
export function queryMetrics(reader: SeriesReader, series: readonly (SeriesKey & { name: string })[], query: SeriesQuery): MetricRows {
  const ranges = series.map((entry) => reader.range(entry)).filter((range) => range !== null);
  const start = query.start ?? Math.min(...ranges.map(({ first }) => first)) * CHUNK_US;
  const end = query.end ?? (Math.max(...ranges.map(({ last }) => last)) + 1) * CHUNK_US - 1;
  if (!ranges.length || start > end) {
    const empty = (entry: SeriesKey & { name: string }) => new RawRows(entry.name, entry.width, 0).take();
    return { start: query.start ?? 0, end: query.end ?? 0, step: query.step ?? 0, series: series.map(empty) };
  }
  const step = query.step === undefined ? chooseStep(reader, series, start, end) : stepOf(query.step);
  const rows = (entry: SeriesKey & { name: string }): SeriesRows => {
    const limit = Math.min(query.limit ?? MAX_ROWS, Math.max(1, Math.floor(MAX_NUMBERS / entry.width)));
    return step === 0 ? rawRows(reader, entry, start, end, limit) : binRows(reader, entry, start, end, step, limit);
  };
  return { start, end, step, series: series.map(rows) };
}

/** Bins of a second and more are whole seconds, so that roll-ups fit into them. */
function stepOf(step: number): number {
  if (step >= MINUTE_US * 60) return Math.ceil(step / MINUTE_US) * MINUTE_US;
  return step > CHUNK_US ? Math.ceil(step / CHUNK_US) * CHUNK_US : Math.round(step);
}

function chooseStep(reader: SeriesReader, series: readonly SeriesKey[], start: number, end: number): number {
  const wanted = (width: number) => Math.max(50, Math.min(WANTED_ROWS, Math.floor(MAX_NUMBERS / width)));
  const few = series.every((entry) => {
    let count = 0;
    pieces(reader, entry, start, end + 1, 60, (_time, row, at) => {
      count += samplesOf(row, at) / entry.width;
      return count <= 2 * wanted(entry.width);
    });
    return count <= 2 * wanted(entry.width);
  });
  if (few) return 0;
  const rows = Math.min(...series.map(({ width }) => wanted(width)));
  const least = (end - start) / rows;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / MINUTE_US) * MINUTE_US;
}

function rawRows(reader: SeriesReader, series: SeriesKey & { name: string }, start: number, end: number, limit: number): SeriesRows {
  const rows = new RawRows(series.name, series.width, limit);
  reader.chunks(series, Math.floor(start / CHUNK_US), Math.floor(end / CHUNK_US) + 1, (chunk) => {
    for (let i = 0; i < chunk.length; i++) {
      if (chunk.timestamp[i]! < start || chunk.timestamp[i]! > end) continue;
      if (!rows.add(chunk, i)) return false;
    }
    return true;
  });
  return rows.take();
}

function binRows(
  reader: SeriesReader,
  series: SeriesKey & { name: string },
  start: number,
  end: number,
  step: number,
  limit: number,
): SeriesRows {
  const rows = new BinRows(series.name, series.width, step, limit);
  const sum = new Cell(series.width);
  let bin = Number.NaN;
  const take = (time: number): boolean => {
    const next = Math.floor(time / step) * step;
    if (next === bin) return true;
    if (!sum.empty && !rows.add(bin, sum)) return false;
    sum.clear();
    bin = next;
    return true;
  };
  let going = true;
  if (step < CHUNK_US) {
    going = samples(reader, series, start, end + 1, (time, chunk, i) => {
      if (!take(time)) return false;
      sum.addSample(chunk, i);
      return true;
    });
  } else {
    going = pieces(reader, series, start, end + 1, step / CHUNK_US, (time, row, at) => {
      if (!take(time)) return false;
      sum.addCell(row, at);
      return true;
    });
  }
  if (going && !sum.empty) rows.add(bin, sum);
  return rows.take();
}

function samples(
  reader: SeriesReader,
  series: SeriesKey,
  from: number,
  to: number,
  each: (time: number, chunk: Chunk, i: number) => boolean,
): boolean {
  if (from >= to) return true;
  return reader.chunks(series, Math.floor(from / CHUNK_US), Math.floor((to - 1) / CHUNK_US) + 1, (chunk) => {
    for (let i = 0; i < chunk.length; i++) {
      const time = chunk.timestamp[i]!;
      if (time >= from && time < to && !each(time, chunk, i)) return false;
    }
    return true;
  });
}

/**
 * Everything in [from, to) µs as cells in order: whole minutes where bins of `binSeconds` consist of them, else whole seconds, and single
 * samples at the edges.
 */
function pieces(reader: SeriesReader, series: SeriesKey, from: number, to: number, binSeconds: number, each: EachCell): boolean {
  const single = new Cell(series.width);
  const raw = (a: number, b: number) =>
    samples(reader, series, a, b, (time, chunk, i) => {
      single.clear().addSample(chunk, i);
      return each(time, single.data, 0);
    });
  const seconds = (a: number, b: number) => reader.cells('seconds', series, a, b, (second, row, at) => each(second * CHUNK_US, row, at));
  const first = Math.ceil(from / CHUNK_US);
  const last = Math.floor(to / CHUNK_US);
  if (first >= last) return raw(from, to);
  if (!raw(from, first * CHUNK_US)) return false;
  const firstMinute = Math.ceil(first / 60);
  const lastMinute = Math.floor(last / 60);
  if (binSeconds % 60 === 0 && firstMinute < lastMinute) {
    if (!seconds(first, firstMinute * 60)) return false;
    if (!reader.cells('minutes', series, firstMinute, lastMinute, (minute, row, at) => each(minute * MINUTE_US, row, at))) return false;
    if (!seconds(lastMinute * 60, last)) return false;
  } else if (!seconds(first, last)) return false;
  return raw(last * CHUNK_US, to);
}
