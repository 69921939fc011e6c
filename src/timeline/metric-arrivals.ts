// When samples came, by the second: a client that was away is told how many it missed, and of which time they are.
import type { Database } from '../native/sqlite.ts';
import type { MetricColumn } from './metric-schema.ts';

/** Seconds after which nobody is told any more. */
const KEEP = 24 * 3600;

interface Arrival {
  readonly stream: string;
  readonly second: number;
  count: number;
  first: number;
  last: number;
}

export class Arrivals {
  readonly #db: Database;
  readonly #fresh = new Map<string, Arrival>();
  #newest = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  note(stream: string, now: number, count: number, columns: readonly MetricColumn[]): void {
    const second = Math.floor(now / 1e6);
    this.#newest = Math.max(this.#newest, second);
    const key = `${stream}\n${second}`;
    const arrival = this.#fresh.get(key) ?? { stream, second, count: 0, first: Number.MAX_SAFE_INTEGER, last: 0 };
    this.#fresh.set(key, arrival);
    arrival.count += count;
    for (const { timestamp } of columns) {
      for (const time of timestamp) {
        if (time < arrival.first) arrival.first = time;
        if (time > arrival.last) arrival.last = time;
      }
    }
  }

  /** Writes what is new; inside a transaction. */
  write(): void {
    for (const { stream, second, count, first, last } of this.#fresh.values()) {
      this.#db.run(
        `INSERT INTO arrivals VALUES (?, ?, ?, ?, ?) ON CONFLICT (stream, second) DO UPDATE SET
         count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last)`,
        ...[stream, second, count, first, last],
      );
    }
    this.#fresh.clear();
  }

  since(stream: string, time: number): { count: number; from: number; to: number } {
    this.write();
    const [row] = this.#db.all(
      `SELECT coalesce(sum(count), 0) AS count, coalesce(min(first), 0) AS "from", coalesce(max(last), 0) AS "to"
       FROM arrivals WHERE stream = ? AND second >= ?`,
      ...[stream, Math.floor(time / 1e6)],
    );
    return row as unknown as { count: number; from: number; to: number };
  }

  forgetOld(): void {
    if (this.#newest) this.#db.run('DELETE FROM arrivals WHERE second < ?', this.#newest - KEEP);
  }

  remove(stream: string): void {
    this.write();
    this.#db.run('DELETE FROM arrivals WHERE stream = ?', stream);
  }
}
