// Roll-ups of seconds and minutes in SQLite. Rows are kept in memory while they change and written every some seconds; which seconds are
// not in them yet is on disk, so that a crash loses nothing that its samples did not lose.
import type { Database } from '../native/sqlite.ts';
import { Cell, cellSize, isEmpty } from './metric-cell.ts';

/** Cells of a row: one row of numbers stays below a page. */
const ROW_CELLS = 60;
/** Room for time inside a row's key; the series is above it. */
export const SERIES_ROOM = 2 ** 33;

export type Level = 'seconds' | 'minutes';

function cellsPerRow(width: number): number {
  return width === 1 ? ROW_CELLS : 1;
}

/** Is given a cell as its place in a row; `false` ends the reading. No object is made: there are many. */
export type EachCell = (index: number, row: Float64Array, at: number) => boolean;

export interface SeriesKey {
  readonly id: number;
  readonly width: number;
}

export class Rolls {
  readonly #db: Database;
  readonly #changed: Readonly<Record<Level, Map<number, Float64Array>>> = { seconds: new Map(), minutes: new Map() };
  /** Minutes whose cell must be made again, by series. */
  readonly #stale = new Map<number, { series: SeriesKey; minute: number }>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Rows that wait to be written. */
  get size(): number {
    return this.#changed.seconds.size + this.#stale.size;
  }

  /** The cell of a second is `cell` from now on. */
  setSecond(series: SeriesKey, second: number, cell: Cell): void {
    this.#cellToChange('seconds', series, second).data.set(cell.data);
    const minute = Math.floor(second / 60);
    this.#stale.set(series.id * SERIES_ROOM + minute, { series, minute });
  }

  #cellToChange(level: Level, series: SeriesKey, index: number): Cell {
    const per = cellsPerRow(series.width);
    const key = series.id * SERIES_ROOM + Math.floor(index / per);
    const size = cellSize(series.width);
    let row = this.#changed[level].get(key);
    if (!row) {
      const [stored] = this.#db.all(`SELECT data FROM ${level} WHERE id = ?`, key);
      row = stored ? doubles(stored.data as Uint8Array) : new Float64Array(size * per);
      this.#changed[level].set(key, row);
    }
    const at = (index % per) * size;
    return new Cell(series.width, row.subarray(at, at + size));
  }

  /** Calls `each` with the cells of [from, to) that are not empty, in order, until it returns `false`. Indices count seconds or minutes. */
  read(level: Level, series: SeriesKey, from: number, to: number, each: EachCell): boolean {
    if (from >= to) return true;
    if (level === 'minutes') this.#makeMinutes(series);
    const per = cellsPerRow(series.width);
    const size = cellSize(series.width);
    const base = series.id * SERIES_ROOM;
    const first = base + Math.floor(from / per);
    const last = base + Math.floor((to - 1) / per);
    const rows = new Map<number, Float64Array>();
    for (const { id, data } of this.#db.all(`SELECT id, data FROM ${level} WHERE id BETWEEN ? AND ? ORDER BY id`, first, last)) {
      rows.set(id as number, doubles(data as Uint8Array));
    }
    let keys = [...rows.keys()];
    const changed = [...this.#changed[level].keys()].filter((key) => key >= first && key <= last);
    if (changed.length) {
      for (const key of changed) rows.set(key, this.#changed[level].get(key)!);
      keys = [...rows.keys()].sort((a, b) => a - b);
    }
    for (const key of keys) {
      const row = rows.get(key)!;
      const start = (key - base) * per;
      for (let i = Math.max(0, from - start); i < Math.min(per, to - start); i++) {
        if (!isEmpty(row, i * size) && !each(start + i, row, i * size)) return false;
      }
    }
    return true;
  }

  #makeMinutes(only?: SeriesKey): void {
    for (const [key, { series, minute }] of this.#stale) {
      if (only && series.id !== only.id) continue;
      this.#stale.delete(key);
      const sum = new Cell(series.width);
      this.read('seconds', series, minute * 60, minute * 60 + 60, (_second, row, at) => {
        sum.addCell(row, at);
        return true;
      });
      this.#cellToChange('minutes', series, minute).data.set(sum.data);
    }
  }

  /** Writes what has changed; inside a transaction. */
  write(): void {
    this.#makeMinutes();
    for (const level of ['seconds', 'minutes'] as const) {
      for (const [key, row] of this.#changed[level]) {
        this.#db.run(`INSERT OR REPLACE INTO ${level} VALUES (?, ?)`, key, new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
      }
      this.#changed[level].clear();
    }
  }

  /** Forgets the seconds [from, to) of a series. */
  remove(series: SeriesKey, from: number, to: number): void {
    const empty = new Cell(series.width);
    const per = cellsPerRow(series.width);
    // Whole rows go; of the rows at the edges, cells are emptied.
    const firstWhole = Math.ceil(from / per) * per;
    const lastWhole = Math.floor(to / per) * per;
    const edges =
      firstWhole >= lastWhole
        ? [[from, to]]
        : [
            [from, firstWhole],
            [lastWhole, to],
          ];
    for (const [start, end] of edges as [number, number][]) {
      const seconds: number[] = [];
      this.read('seconds', series, start, end, (second) => seconds.push(second) > 0);
      for (const second of seconds) this.setSecond(series, second, empty);
    }
    if (firstWhole < lastWhole) this.#drop('seconds', series, firstWhole / per, lastWhole / per);
    this.#removeMinutes(series, Math.ceil(from / 60), Math.floor(to / 60), per);
    // Minutes that went only in part are made again from what is left of them.
    for (const second of [from, to]) {
      const minute = Math.floor(second / 60);
      if (second % 60 !== 0) this.#stale.set(series.id * SERIES_ROOM + minute, { series, minute });
    }
  }

  #removeMinutes(series: SeriesKey, from: number, to: number, per: number): void {
    const minutes: number[] = [];
    const firstWhole = Math.ceil(from / per) * per;
    const lastWhole = Math.floor(to / per) * per;
    const edges =
      firstWhole >= lastWhole
        ? [[from, to]]
        : [
            [from, firstWhole],
            [lastWhole, to],
          ];
    for (const [start, end] of edges as [number, number][]) {
      this.read('minutes', series, start, end, (minute) => minutes.push(minute) > 0);
    }
    for (const minute of minutes) this.#cellToChange('minutes', series, minute).clear();
    if (firstWhole < lastWhole) this.#drop('minutes', series, firstWhole / per, lastWhole / per);
  }

  #drop(level: Level, series: SeriesKey, from: number, to: number): void {
    const first = series.id * SERIES_ROOM + from;
    const last = series.id * SERIES_ROOM + to - 1;
    for (const key of [...this.#changed[level].keys()]) if (key >= first && key <= last) this.#changed[level].delete(key);
    this.#db.run(`DELETE FROM ${level} WHERE id BETWEEN ? AND ?`, first, last);
  }

  /** Forgets a series. */
  removeAll(series: SeriesKey): void {
    for (const level of ['seconds', 'minutes'] as const) this.#drop(level, series, 0, SERIES_ROOM);
    for (const [key, entry] of this.#stale) if (entry.series.id === series.id) this.#stale.delete(key);
  }
}

function doubles(bytes: Uint8Array): Float64Array {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  return new Float64Array(aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / 8));
}
