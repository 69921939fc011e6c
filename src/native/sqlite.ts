// SQLite as built into Node. For worker threads only: every call blocks.
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** An open database with its statements, prepared once each. */
export class Database implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or makes a file (`:memory:` for none) in WAL mode: readers never wait for the writer. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;');
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  run(sql: string, ...values: (string | number | bigint | Uint8Array | null)[]): void {
    this.#prepare(sql).run(...values);
  }

  all(sql: string, ...values: (string | number | bigint | Uint8Array | null)[]): Record<string, unknown>[] {
    return this.#prepare(sql).all(...values) as Record<string, unknown>[];
  }

  /** Rows one by one; the statement is in use until the last one. */
  iterate(sql: string, ...values: (string | number | bigint | Uint8Array | null)[]): Iterable<Record<string, unknown>> {
    return this.#db.prepare(sql).iterate(...values) as Iterable<Record<string, unknown>>;
  }

  /** Runs `work` in one transaction; `durable` waits until it is safe on disk. */
  transaction<T>(durable: boolean, work: () => T): T {
    if (durable) this.#db.exec('PRAGMA synchronous = FULL');
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      if (durable) this.#db.exec('PRAGMA synchronous = NORMAL');
    }
  }

  /** Bytes that the content takes; the file may be larger. */
  get usedBytes(): number {
    const [row] = this.all(
      'SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()',
    );
    return row!.bytes as number;
  }

  /** Runs `work` inside an open transaction so that it is undone alone if it throws. */
  savepoint<T>(work: () => T): T {
    this.#db.exec('SAVEPOINT one');
    try {
      const result = work();
      this.#db.exec('RELEASE one');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK TO one; RELEASE one');
      throw error;
    }
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
