// Markers and data records in SQLite. For a worker thread: every call blocks.
import { randomBytes } from 'node:crypto';
import type { DataItem, Marker } from '../api/timeline.ts';
import { SluiceError } from '../core/errors.ts';
import type { Database } from '../native/sqlite.ts';
import type { Span } from './free-spans.ts';
import { forgetBetween, forgetOldest, markerSpans } from './marker-retention.ts';
import { boundsOf, checkedRow, endOf, type MarkerRow, markerOf, pendingOf, settled, startOf, type WantedRow } from './marker-row.ts';
import {
  type Bound,
  type ChangeFilter,
  MARKER_SCHEMA,
  type MarkerCalls,
  type MarkerChangeWish,
  type MarkerResult,
  type MarkerWish,
  type StoredEvent,
} from './marker-schema.ts';
import { cursorOf, readCursor } from './page-cursor.ts';

/** Removed markers whose removal can still be told to a client that was away. */
const REMOVED_KEPT = 10_000;

interface DataRow {
  stream: string;
  sequence: number;
  timestamp: number;
  frame: number | null;
  record: string;
}

const COLUMNS = 'stream, id, label, kind, frame, timestamp, endFrame, "end", open, data, sequence, pending';

function resultOf(row: MarkerRow, changed: boolean): MarkerResult {
  return { marker: markerOf(row), changed, pending: pendingOf(row) };
}

function itemOf({ sequence, timestamp, frame, record }: DataRow): DataItem {
  return { sequence, timestamp, frame, record: JSON.parse(record) };
}

export class MarkerStore implements MarkerCalls {
  readonly #db: Database;
  readonly #epoch: string;
  #sequence: number;
  #saved: number;
  #floor: number;

  constructor(db: Database) {
    this.#db = db;
    db.exec(MARKER_SCHEMA);
    if (this.#fact('epoch') === undefined) this.#setFact('epoch', randomBytes(4).toString('hex'));
    this.#epoch = String(this.#fact('epoch'));
    this.#sequence = this.#saved = Number(this.#fact('sequence') ?? 0);
    this.#floor = Number(this.#fact('floor') ?? 0);
  }

  #fact(name: string): unknown {
    return this.#db.all('SELECT value FROM facts WHERE name = ?', name)[0]?.value;
  }

  #setFact(name: string, value: string | number): void {
    this.#db.run('INSERT OR REPLACE INTO facts VALUES (?, ?)', name, value);
  }

  /** Writes the count of changes; runs inside the transaction that made them. */
  save(): void {
    if (this.#sequence !== this.#saved) this.#setFact('sequence', this.#sequence);
    this.#saved = this.#sequence;
  }

  /** The transaction was undone: what is on disk holds. */
  reload(): void {
    this.#sequence = this.#saved = Number(this.#fact('sequence') ?? 0);
    this.#floor = Number(this.#fact('floor') ?? 0);
  }

  identity(): { epoch: string; sequence: number } {
    return { epoch: this.#epoch, sequence: this.#sequence };
  }

  // ---- markers

  #row(stream: string, id: string): MarkerRow | undefined {
    return this.#db.all(`SELECT ${COLUMNS} FROM markers WHERE stream = ? AND id = ?`, stream, id)[0] as MarkerRow | undefined;
  }

  #get(stream: string, id: string): MarkerRow {
    const row = this.#row(stream, id);
    if (row) return row;
    throw new SluiceError('unknown-marker', `there is no marker ${JSON.stringify(id)} in ${stream}`, { received: id });
  }

  setMarkers(stream: string, wishes: readonly MarkerWish[], now: number, known: string): MarkerResult[] {
    return wishes.map((wish) => this.#set(stream, wish, now, known));
  }

  #set(stream: string, wish: MarkerWish, now: number, known: string): MarkerResult {
    const { id, label, kind, data, field } = wish;
    const before = this.#row(stream, id);
    const start = settled(wish.start, before && startOf(before));
    const end = settled(wish.end, before && endOf(before));
    return this.#write(
      before,
      { stream, id, label, kind, data, open: wish.open ? 1 : 0, sequence: 0, ...boundsOf(start, end) },
      now,
      known,
      field,
    );
  }

  changeMarker(stream: string, id: string, change: MarkerChangeWish, known: string, sequence?: number): MarkerResult | null {
    const before = this.#get(stream, id);
    if (sequence !== undefined && before.sequence !== sequence) return null;
    const { label = before.label, kind = before.kind } = change;
    const start = change.start ?? startOf(before);
    // What ends an open span need not say that it is no longer open.
    const ended = change.end !== undefined && change.end.given !== 'none';
    const open = change.open ?? (ended ? false : before.open === 1);
    const none: Bound = { given: 'none', frame: null, timestamp: null, pending: null };
    const end = change.end ?? (open ? none : endOf(before));
    const data = change.data === undefined ? before.data : change.data;
    return this.#write(before, { stream, id, label, kind, data, open: open ? 1 : 0, sequence: 0, ...boundsOf(start, end) }, 0, known, '');
  }

  #write(before: MarkerRow | undefined, wanted: WantedRow, now: number, known: string, field: string): MarkerResult {
    const row = checkedRow(wanted, known, field);
    const same =
      before !== undefined &&
      (['label', 'kind', 'frame', 'timestamp', 'endFrame', 'end', 'open', 'data', 'pending'] as const).every(
        (key) => before[key] === row[key],
      );
    if (same) return resultOf(before, false);
    row.sequence = ++this.#sequence;
    const { stream, id, label, kind, frame, timestamp, endFrame, end, open, data, sequence, pending } = row;
    this.#db.run(
      `INSERT INTO markers (${COLUMNS}, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (stream, id) DO UPDATE SET label = excluded.label, kind = excluded.kind, frame = excluded.frame,
         timestamp = excluded.timestamp, endFrame = excluded.endFrame, "end" = excluded."end", open = excluded.open,
         data = excluded.data, sequence = excluded.sequence, pending = excluded.pending`,
      ...[stream, id, label, kind, frame, timestamp, endFrame, end, open, data, sequence, pending, now],
    );
    return resultOf(row, true);
  }

  removeMarker(stream: string, id: string): { marker: Marker; sequence: number } {
    const marker = markerOf(this.#get(stream, id));
    const sequence = ++this.#sequence;
    this.#db.run('DELETE FROM markers WHERE stream = ? AND id = ?', stream, id);
    this.#db.run('INSERT INTO removed VALUES (?, ?, ?)', sequence, stream, JSON.stringify(marker));
    if (sequence % 64 === 0) this.#trimRemoved();
    return { marker: { ...marker, sequence }, sequence };
  }

  #trimRemoved(): void {
    const row = this.#db.all('SELECT sequence FROM removed ORDER BY sequence DESC LIMIT 1 OFFSET ?', REMOVED_KEPT)[0];
    if (!row) return;
    this.#db.run('DELETE FROM removed WHERE sequence <= ?', row.sequence as number);
    this.#raiseFloor(row.sequence as number);
  }

  #raiseFloor(sequence: number): void {
    if (sequence <= this.#floor) return;
    this.#floor = sequence;
    this.#setFact('floor', sequence);
  }

  marker(stream: string, id: string): Marker {
    return markerOf(this.#get(stream, id));
  }

  markers(stream: string, query: Parameters<MarkerCalls['markers']>[1]): ReturnType<MarkerCalls['markers']> {
    const { start = 0, end = Number.MAX_SAFE_INTEGER, kinds, limit = 1000, newestFirst = false } = query;
    const after = query.after === undefined ? null : readCursor(query.after);
    const kindsJson = kinds ? JSON.stringify(kinds) : null;
    const kindTest = kinds ? 'AND kind IN (SELECT value FROM json_each(?))' : '';
    const kindValue = kindsJson === null ? [] : [kindsJson];
    if (after && 'sequence' in after) {
      const rows = this.#db.all(
        `SELECT ${COLUMNS} FROM markers WHERE stream = ? AND sequence > ? AND until >= ? AND timestamp <= ? ${kindTest} ORDER BY sequence LIMIT ?`,
        ...[stream, after.sequence, start, end, ...kindValue, limit + 1],
      ) as unknown as MarkerRow[];
      return pageOf(rows, limit, (row) => String(row.sequence));
    }
    const order = newestFirst ? 'DESC' : 'ASC';
    const behind = after ? `AND (timestamp, id) ${newestFirst ? '<' : '>'} (?, ?)` : '';
    const behindValue = after ? [after.time, after.id] : [];
    // Those that begin inside, and the few spans that began before.
    const rows = this.#db.all(
      `SELECT * FROM (
         SELECT ${COLUMNS} FROM markers WHERE stream = ? AND timestamp BETWEEN ? AND ? ${kindTest} ${behind}
         UNION ALL
         SELECT ${COLUMNS} FROM markers WHERE stream = ? AND until > timestamp AND until >= ? AND timestamp < ? AND timestamp <= ? ${kindTest} ${behind}
       ) ORDER BY timestamp ${order}, id ${order} LIMIT ?`,
      ...[stream, start, end, ...kindValue, ...behindValue],
      ...[stream, start, start, end, ...kindValue, ...behindValue, limit + 1],
    ) as unknown as MarkerRow[];
    return pageOf(rows, limit, (row) => cursorOf(row.timestamp, row.id));
  }

  pending(stream: string): ReturnType<MarkerCalls['pending']> {
    const rows = this.#db.all(`SELECT ${COLUMNS} FROM markers WHERE stream = ? AND pending > 0`, stream) as unknown as MarkerRow[];
    return rows.map((row) => resultOf(row, false));
  }

  // ---- data

  addData(stream: string, wishes: Parameters<MarkerCalls['addData']>[1], now: number): DataItem[] {
    return wishes.map(({ timestamp, frame, record }) => {
      const sequence = ++this.#sequence;
      this.#db.run('INSERT INTO data VALUES (?, ?, ?, ?, ?, ?)', sequence, stream, timestamp, frame, record, now);
      return itemOf({ stream, sequence, timestamp, frame, record });
    });
  }

  data(stream: string, query: Parameters<MarkerCalls['data']>[1]): ReturnType<MarkerCalls['data']> {
    const { start = 0, end = Number.MAX_SAFE_INTEGER, limit = 1000 } = query;
    const after = query.after === undefined ? null : readCursor(query.after);
    if (after && 'sequence' in after) {
      const rows = this.#db.all(
        'SELECT * FROM data WHERE stream = ? AND sequence > ? AND timestamp BETWEEN ? AND ? ORDER BY sequence LIMIT ?',
        ...[stream, after.sequence, start, end, limit + 1],
      ) as unknown as DataRow[];
      const { items, next } = slice(rows, limit, (row) => String(row.sequence));
      return { items: items.map(itemOf), ...next };
    }
    const [beyond, order] = query.newestFirst ? ['<', 'DESC'] : ['>', 'ASC'];
    const rows = this.#db.all(
      `SELECT * FROM data WHERE stream = ? AND timestamp BETWEEN ? AND ? ${after ? `AND (timestamp, sequence) ${beyond} (?, ?)` : ''}
       ORDER BY timestamp ${order}, sequence ${order} LIMIT ?`,
      ...[stream, start, end, ...(after ? [after.time, Number(after.id)] : []), limit + 1],
    ) as unknown as DataRow[];
    const { items, next } = slice(rows, limit, (row) => cursorOf(row.timestamp, String(row.sequence)));
    return { items: items.map(itemOf), ...next };
  }

  // ---- what a client has missed

  changes(after: number, { streams, types, limit }: ChangeFilter): ReturnType<MarkerCalls['changes']> {
    const only = streams ? 'AND stream IN (SELECT value FROM json_each(?))' : '';
    const read = (type: string, columns: string, table: string) =>
      types.includes(type)
        ? this.#db.all(
            `SELECT ${columns} FROM ${table} WHERE sequence > ? ${only} ORDER BY sequence LIMIT ?`,
            ...[after, ...(streams ? [JSON.stringify(streams)] : []), limit],
          )
        : [];
    const markers = read('marker', COLUMNS, 'markers');
    const removed = read('marker', '*', 'removed');
    const data = read('data', '*', 'data');
    const events: StoredEvent[] = [
      ...(markers as unknown as MarkerRow[]).map(
        (row): StoredEvent => ({ type: 'marker', stream: row.stream, sequence: row.sequence, action: 'set', marker: markerOf(row) }),
      ),
      ...(removed as unknown as { stream: string; sequence: number; marker: string }[]).map(
        ({ stream, sequence, marker }): StoredEvent => ({
          type: 'marker',
          stream,
          sequence,
          action: 'remove',
          marker: { ...(JSON.parse(marker) as Marker), sequence },
        }),
      ),
      ...(data as unknown as DataRow[]).map(
        (row): StoredEvent => ({ type: 'data', stream: row.stream, sequence: row.sequence, item: itemOf(row) }),
      ),
    ];
    events.sort((a, b) => a.sequence - b.sequence);
    return { events: events.slice(0, limit), floor: this.#floor };
  }

  // ---- what is kept

  spans: MarkerCalls['spans'] = (...values) => markerSpans(this.#db, ...values);

  forget(stream: string, free: readonly Span[], made: number, limit: number): number {
    return this.#deleted(forgetBetween(this.#db, stream, free, made, limit));
  }

  shrink(maxBytes: number, limit: number): number {
    return this.bytes() <= maxBytes ? 0 : this.#deleted(forgetOldest(this.#db, limit));
  }

  /** A client that was away cannot be told of them any more. */
  #deleted(sequences: readonly number[]): number {
    if (sequences.length) this.#raiseFloor(sequences.reduce((most, sequence) => Math.max(most, sequence)));
    return sequences.length;
  }

  removeStream(stream: string): void {
    for (const table of ['markers', 'removed', 'data']) this.#db.run(`DELETE FROM ${table} WHERE stream = ?`, stream);
  }

  bytes(): number {
    return this.#db.usedBytes;
  }
}

function slice<Row>(rows: readonly Row[], limit: number, cursor: (row: Row) => string): { items: Row[]; next: { next?: string } } {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? { next: cursor(items.at(-1)!) } : {} };
}

function pageOf(rows: readonly MarkerRow[], limit: number, cursor: (row: MarkerRow) => string) {
  const { items, next } = slice(rows, limit, cursor);
  return { items: items.map(markerOf), ...next };
}
