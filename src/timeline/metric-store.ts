// Metrics in SQLite: chunks of one second per series, with roll-ups of seconds and minutes. For a worker thread: every call blocks.
import type { Database } from '../native/sqlite.ts';
import { freeSpans, type Span } from './free-spans.ts';
import { Arrivals } from './metric-arrivals.ts';
import { Cell } from './metric-cell.ts';
import { CHUNK_US, Chunk } from './metric-chunk.ts';
import { queryMetrics, type SeriesReader } from './metric-query.ts';
import { Rolls, SERIES_ROOM, type SeriesKey } from './metric-rolls.ts';
import {
  METRIC_SCHEMA,
  type MetricBatch,
  type MetricCalls,
  type MetricColumn,
  type MetricRows,
  type SeriesQuery,
} from './metric-schema.ts';

/** Chunks that stay in memory behind a flush: the seconds that are being filled. */
const HOT_CHUNKS = 2000;
/** Roll-ups are written when so many have changed, or with `flushRolls`. */
const MAX_CHANGED_ROLLS = 4000;
/** Seconds of samples that one step of `forget` or `shrink` takes. */
const FORGET_STEP = 600;

interface Series extends SeriesKey {
  readonly stream: string;
  readonly name: string;
}

interface OpenChunk {
  readonly chunk: Chunk;
  readonly series: Series;
  readonly second: number;
  dirty: boolean;
}

export class MetricStore implements MetricCalls, SeriesReader {
  readonly #db: Database;
  readonly #rolls: Rolls;
  readonly #arrivals: Arrivals;
  readonly #series = new Map<string, Series>();
  /** By row key, least recently used first. */
  readonly #open = new Map<number, OpenChunk>();
  #dirty = 0;

  constructor(db: Database) {
    this.#db = db;
    db.exec(METRIC_SCHEMA);
    this.#rolls = new Rolls(db);
    this.#arrivals = new Arrivals(db);
    for (const row of db.all('SELECT id, stream, name, width FROM series')) this.#note(row as unknown as Series);
    this.#recover();
  }

  #note(series: Series): Series {
    this.#series.set(keyOf(series.stream, series.name, series.width), series);
    return series;
  }

  /** Makes the roll-ups that a crash has kept from being written. */
  #recover(): void {
    const byId = new Map([...this.#series.values()].map((series) => [series.id, series]));
    for (const { id } of this.#db.all('SELECT id FROM unrolled')) {
      const series = byId.get(Math.floor((id as number) / SERIES_ROOM));
      if (series) this.#roll(series, (id as number) % SERIES_ROOM);
    }
    this.flushRolls();
  }

  #roll(series: Series, second: number): void {
    const cell = new Cell(series.width);
    const chunk = this.#chunk(series, second)?.chunk;
    for (let i = 0; chunk && i < chunk.length; i++) cell.addSample(chunk, i);
    this.#rolls.setSecond(series, second, cell);
  }

  #chunk(series: Series, second: number, make = false): OpenChunk | null {
    const key = series.id * SERIES_ROOM + second;
    let open = this.#open.get(key);
    if (open) return open;
    const [row] = this.#db.all('SELECT data FROM chunks WHERE id = ?', key);
    if (!row && !make) return null;
    const chunk = row ? Chunk.unpack(row.data as Uint8Array, second * CHUNK_US) : new Chunk(series.width);
    open = { chunk, series, second, dirty: false };
    if (make) this.#open.set(key, open);
    return open;
  }

  // ---- writing

  add(batches: readonly MetricBatch[], now: number): void {
    for (const { stream, columns, count } of batches) {
      this.#arrivals.note(stream, now, count, columns);
      for (const column of columns) this.#addColumn(stream, column);
    }
  }

  #addColumn(stream: string, column: MetricColumn): void {
    const { name, width, timestamp, frame, value } = column;
    const key = keyOf(stream, name, width);
    let series = this.#series.get(key);
    if (!series) {
      this.#db.run('INSERT INTO series (stream, name, width) VALUES (?, ?, ?)', stream, name, width);
      const id = this.#db.all('SELECT last_insert_rowid() AS id')[0]!.id as number;
      series = this.#note({ id, stream, name, width });
    }
    let open: OpenChunk | null = null;
    for (let i = 0; i < timestamp.length; i++) {
      const second = Math.floor(timestamp[i]! / CHUNK_US);
      if (open === null || open.second !== second) {
        open = this.#chunk(series, second, true) as OpenChunk;
        if (!open.dirty) this.#dirty++;
        open.dirty = true;
      }
      open.chunk.put(timestamp[i]!, frame ? frame[i]! : Number.NaN, value, i * width);
    }
    if (this.#dirty > HOT_CHUNKS) this.flush();
  }

  /** Writes the samples that have come. */
  flush(): void {
    if (!this.#dirty) return;
    this.#db.transaction(false, () => {
      this.#arrivals.write();
      for (const [key, open] of this.#open) {
        if (!open.dirty) continue;
        open.dirty = false;
        this.#db.run('INSERT OR REPLACE INTO chunks VALUES (?, ?)', key, open.chunk.pack(open.second * CHUNK_US));
        this.#db.run('INSERT OR IGNORE INTO unrolled VALUES (?)', key);
        this.#roll(open.series, open.second);
        // Moved to the end: what was written last is written again soonest.
        this.#open.delete(key);
        this.#open.set(key, open);
      }
    });
    this.#dirty = 0;
    for (const key of this.#open.keys()) {
      if (this.#open.size <= HOT_CHUNKS) break;
      this.#open.delete(key);
    }
    if (this.#rolls.size > MAX_CHANGED_ROLLS) this.flushRolls();
  }

  /** Writes the roll-ups of what has been written. */
  flushRolls(): void {
    if (!this.#rolls.size) return;
    this.#db.transaction(false, () => {
      this.#rolls.write();
      this.#arrivals.forgetOld();
      this.#db.run('DELETE FROM unrolled');
    });
  }

  // ---- reading

  /** Range of seconds in which a series has samples, [first, last]; `null` = none. */
  range(series: SeriesKey): { first: number; last: number } | null {
    const base = series.id * SERIES_ROOM;
    const [row] = this.#db.all(
      'SELECT (SELECT min(id) FROM chunks WHERE id BETWEEN ? AND ?) AS first, (SELECT max(id) FROM chunks WHERE id BETWEEN ? AND ?) AS last',
      ...[base, base + SERIES_ROOM - 1, base, base + SERIES_ROOM - 1],
    );
    return row!.first === null ? null : { first: (row!.first as number) - base, last: (row!.last as number) - base };
  }

  chunks(series: SeriesKey, from: number, to: number, each: (chunk: Chunk) => boolean): boolean {
    const base = series.id * SERIES_ROOM;
    for (const { id, data } of this.#db.iterate(
      'SELECT id, data FROM chunks WHERE id >= ? AND id < ? ORDER BY id',
      base + from,
      base + to,
    )) {
      if (!each(Chunk.unpack(data as Uint8Array, ((id as number) - base) * CHUNK_US))) return false;
    }
    return true;
  }

  cells: SeriesReader['cells'] = (level, series, from, to, each) => this.#rolls.read(level, series, from, to, each);

  query(stream: string, query: SeriesQuery): MetricRows {
    this.flush();
    return queryMetrics(this, this.#of(stream, query.names), query);
  }

  series(stream: string): { name: string; width: number }[] {
    return this.#of(stream).map(({ name, width }) => ({ name, width }));
  }

  #of(stream: string, names?: readonly string[]): Series[] {
    const found = [...this.#series.values()].filter((series) => series.stream === stream && (!names || names.includes(series.name)));
    return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.width - b.width));
  }

  arrived(stream: string, since: number): { count: number; from: number; to: number } {
    return this.#arrivals.since(stream, since);
  }

  // ---- what is kept

  forget(stream: string, before: number, spans: readonly Span[]): boolean {
    this.flush();
    const limit = Math.floor(before / CHUNK_US);
    const second = (time: number) => Math.floor(time / CHUNK_US);
    const kept = spans.map(({ start, end }) => ({ start: second(start), end: second(end) }));
    let more = false;
    for (const series of this.#of(stream)) {
      const from = this.range(series)?.first ?? limit;
      let left = FORGET_STEP;
      for (const free of freeSpans(from, limit, kept)) {
        const first = this.#firstFrom(series, free.start);
        if (first === null) break;
        if (first >= free.end) continue;
        if (left <= 0) {
          more = true;
          break;
        }
        const to = Math.min(free.end, first + left);
        this.#remove(series, first, to);
        left -= to - first;
        if (to < free.end) more = true;
      }
    }
    return more;
  }

  #firstFrom(series: SeriesKey, second: number): number | null {
    const base = series.id * SERIES_ROOM;
    const [row] = this.#db.all('SELECT min(id) AS first FROM chunks WHERE id >= ? AND id < ?', base + second, base + SERIES_ROOM);
    return row!.first === null ? null : (row!.first as number) - base;
  }

  #remove(series: Series, from: number, to: number): void {
    const base = series.id * SERIES_ROOM;
    this.#db.transaction(false, () => {
      this.#db.run('DELETE FROM chunks WHERE id >= ? AND id < ?', base + from, base + to);
      for (const [key, open] of this.#open) if (open.series === series && open.second >= from && open.second < to) this.#open.delete(key);
      this.#rolls.remove(series, from, to);
      this.#rolls.write();
      this.#db.run('DELETE FROM unrolled');
    });
  }

  shrink(maxBytes: number): boolean {
    this.flush();
    if (this.bytes() <= maxBytes) return false;
    let oldest = Number.POSITIVE_INFINITY;
    for (const series of this.#series.values()) oldest = Math.min(oldest, this.range(series)?.first ?? oldest);
    if (oldest === Number.POSITIVE_INFINITY) return false;
    for (const series of this.#series.values()) this.#remove(series, oldest, oldest + FORGET_STEP);
    return this.bytes() > maxBytes;
  }

  removeStream(stream: string): void {
    this.flush();
    this.#arrivals.remove(stream);
    for (const series of this.#of(stream)) {
      this.#db.transaction(false, () => {
        const base = series.id * SERIES_ROOM;
        this.#db.run('DELETE FROM chunks WHERE id >= ? AND id < ?', base, base + SERIES_ROOM);
        this.#db.run('DELETE FROM unrolled WHERE id >= ? AND id < ?', base, base + SERIES_ROOM);
        this.#db.run('DELETE FROM series WHERE id = ?', series.id);
        this.#rolls.removeAll(series);
      });
      for (const [key, open] of this.#open) if (open.series === series) this.#open.delete(key);
      this.#series.delete(keyOf(series.stream, series.name, series.width));
    }
  }

  bytes(): number {
    return this.#db.usedBytes;
  }
}

function keyOf(stream: string, name: string, width: number): string {
  return `${stream}\n${name}\n${width}`;
}
