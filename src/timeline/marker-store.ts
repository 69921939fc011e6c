// Markers and data records in SQLite. For a worker thread: every call blocks.
import { randomBytes } from 'node:crypto';
import type { DataItem, Marker } from '../api/timeline.ts';
import { SluiceError } from '../core/errors.ts';
import type { Database } from '../native/sqlite.ts';
import {
  type Bound,
  type ChangeFilter,
  MARKER_SCHEMA,
  type MarkerCalls,
  type MarkerChangeWish,
  type MarkerResult,
  type MarkerWish,
  type Pending,
  type PendingBy,
  type StoredEvent,
} from './marker-schema.ts';
import { cursorOf, readCursor } from './page-cursor.ts';

/** Codes of `PendingBy`: that of the start, plus three times that of the end. */
const PENDING: readonly PendingBy[] = [null, 'time', 'frame'];
/** Removed markers whose removal can still be told to a client that was away. */
const REMOVED_KEPT = 10_000;

interface MarkerRow {
  stream: string;
  id: string;
  label: string;
  kind: string;
  frame: number | null;
  timestamp: number;
  endFrame: number | null;
  end: number | null;
  open: number;
  data: string | null;
  sequence: number;
  pending: number;
}

interface DataRow {
  stream: string;
  sequence: number;
  timestamp: number;
  frame: number | null;
  record: string;
}

const COLUMNS = 'stream, id, label, kind, frame, timestamp, endFrame, "end", open, data, sequence, pending';

function markerOf(row: MarkerRow): Marker {
  const { id, label, kind, frame, timestamp, endFrame, end, sequence } = row;
  const data = row.data === null ? null : JSON.parse(row.data);
  return { id, label, kind, frame, timestamp, endFrame, end, open: row.open === 1, data, sequence };
}

function resultOf(row: MarkerRow, changed: boolean): MarkerResult {
  return { marker: markerOf(row), changed, pending: pendingOf(row) };
}

function pendingOf({ pending }: MarkerRow): Pending {
  return { start: PENDING[pending % 3]!, end: PENDING[Math.floor(pending / 3)]! };
}

function startOf(row: MarkerRow): Bound {
  return { given: 'both', frame: row.frame, timestamp: row.timestamp, pending: pendingOf(row).start };
}

function endOf(row: MarkerRow): Bound {
  return { given: 'both', frame: row.endFrame, timestamp: row.end, pending: pendingOf(row).end };
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
      { stream, id, label, kind, data, open: wish.open ? 1 : 0, sequence: 0, ...join(start, end) },
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
    return this.#write(before, { stream, id, label, kind, data, open: open ? 1 : 0, sequence: 0, ...join(start, end) }, 0, known, '');
  }

  #write(before: MarkerRow | undefined, wanted: Wanted, now: number, known: string, field: string): MarkerResult {
    const row = checked(wanted, known, field);
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
    this.#trimRemoved();
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

  spans(stream: string, kinds: readonly string[], before: number, after: number): { start: number; end: number }[] {
    const rows = kinds.includes('*')
      ? this.#db.all('SELECT timestamp, until FROM markers WHERE stream = ? ORDER BY timestamp', stream)
      : this.#db.all(
          'SELECT timestamp, until FROM markers WHERE stream = ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY timestamp',
          stream,
          JSON.stringify(kinds),
        );
    const spans: { start: number; end: number }[] = [];
    for (const row of rows as { timestamp: number; until: number }[]) {
      const start = row.timestamp - before;
      const end = Math.min(Number.MAX_SAFE_INTEGER, row.until + after);
      const last = spans.at(-1);
      if (last && last.end >= start) last.end = Math.max(last.end, end);
      else spans.push({ start, end });
    }
    return spans;
  }

  forget(stream: string, before: number, spans: readonly { start: number; end: number }[], limit: number): number {
    const free = `NOT EXISTS (SELECT 1 FROM json_each(?) AS span
      WHERE json_extract(span.value, '$.start') <= until AND json_extract(span.value, '$.end') >= timestamp)`;
    const json = JSON.stringify(spans);
    const markers = this.#db.all(
      `SELECT stream, id, sequence FROM markers WHERE stream = ? AND timestamp < ? AND until < ? AND made < ? AND ${free} LIMIT ?`,
      ...[stream, before, before, before, json, limit],
    );
    const data = this.#db.all(
      `SELECT sequence FROM data WHERE stream = ? AND timestamp < ? AND made < ? AND ${free.replace('until', 'timestamp')} LIMIT ?`,
      ...[stream, before, before, json, limit],
    );
    this.#delete(markers as { stream: string; id: string; sequence: number }[], data as { sequence: number }[]);
    return markers.length + data.length;
  }

  shrink(maxBytes: number, limit: number): number {
    if (this.bytes() <= maxBytes) return 0;
    const data = this.#db.all('SELECT sequence FROM data ORDER BY sequence LIMIT ?', limit);
    const markers = data.length ? [] : this.#db.all('SELECT stream, id, sequence FROM markers ORDER BY sequence LIMIT ?', limit);
    this.#delete(markers as { stream: string; id: string; sequence: number }[], data as { sequence: number }[]);
    return data.length + markers.length;
  }

  #delete(markers: readonly { stream: string; id: string; sequence: number }[], data: readonly { sequence: number }[]): void {
    for (const { stream, id } of markers) this.#db.run('DELETE FROM markers WHERE stream = ? AND id = ?', stream, id);
    for (const { sequence } of data) this.#db.run('DELETE FROM data WHERE sequence = ?', sequence);
    this.#raiseFloor(Math.max(0, ...markers.map(({ sequence }) => sequence), ...data.map(({ sequence }) => sequence)));
  }

  removeStream(stream: string): void {
    for (const table of ['markers', 'removed', 'data']) this.#db.run(`DELETE FROM ${table} WHERE stream = ?`, stream);
  }

  bytes(): number {
    return this.#db.usedBytes;
  }
}

type Wanted = Omit<MarkerRow, 'timestamp'> & { timestamp: number | null };

function join(start: Bound, end: Bound) {
  return {
    frame: start.frame,
    timestamp: start.timestamp,
    endFrame: end.frame,
    end: end.timestamp,
    pending: PENDING.indexOf(start.pending) + 3 * PENDING.indexOf(end.pending),
  };
}

/** What was looked up once stays: the same words again mean the same instant, even when the frame is no longer known. */
function settled(wish: Bound, before: Bound | undefined): Bound {
  // Without a word about its start, a marker that exists stays where it is. An end that nobody names is no end.
  if (before && wish.given === 'none' && wish.timestamp !== null) return before;
  if (before && wish.given === 'frame' && wish.frame === before.frame) return before;
  if (before && wish.given === 'timestamp' && wish.timestamp === before.timestamp) return before;
  return wish;
}

function checked(row: Wanted, known: string, field: string): MarkerRow {
  const unknown = (name: string, frame: number | null) =>
    new SluiceError('unknown-frame', `${field}${name}: ${frame} received; ${row.stream} has no such frame, ${known}`, {
      field: `${field}${name}`,
      received: frame,
    });
  if (row.timestamp === null) throw unknown('frame', row.frame);
  if (row.endFrame !== null && row.end === null) throw unknown('endFrame', row.endFrame);
  if (row.end !== null && row.open === 1) {
    throw new SluiceError('bad-value', `${field}open: an open span has no end yet; leave out end and endFrame, or open`, {
      field: `${field}open`,
      received: true,
    });
  }
  if (row.end !== null && row.end < row.timestamp) {
    throw new SluiceError('bad-value', `${field}end: ${row.end} is earlier than the start ${row.timestamp}`, {
      field: `${field}end`,
      received: row.end,
    });
  }
  return { ...row, timestamp: row.timestamp };
}

function slice<Row>(rows: readonly Row[], limit: number, cursor: (row: Row) => string): { items: Row[]; next: { next?: string } } {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? { next: cursor(items.at(-1)!) } : {} };
}

function pageOf(rows: readonly MarkerRow[], limit: number, cursor: (row: MarkerRow) => string) {
  const { items, next } = slice(rows, limit, cursor);
  return { items: items.map(markerOf), ...next };
}
