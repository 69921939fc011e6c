// What of markers and data stays, and what goes.
import type { Database } from '../native/sqlite.ts';
import type { Span } from './free-spans.ts';

/** Spans round markers of some kinds that begin before `begin`. */
export function markerSpans(
  db: Database,
  stream: string,
  kinds: readonly string[],
  round: { readonly before: number; readonly after: number },
  begin: number,
): Span[] {
  const all = kinds.includes('*');
  const rows = db.all(
    `SELECT timestamp, until FROM markers WHERE stream = ? AND timestamp < ?
     ${all ? '' : 'AND kind IN (SELECT value FROM json_each(?))'} ORDER BY timestamp`,
    ...[stream, begin + round.before, ...(all ? [] : [JSON.stringify(kinds)])],
  ) as { timestamp: number; until: number }[];
  const spans: { start: number; end: number }[] = [];
  for (const { timestamp, until } of rows) {
    const start = timestamp - round.before;
    const end = Math.min(Number.MAX_SAFE_INTEGER - 1, until + round.after);
    const last = spans.at(-1);
    if (last && last.end >= start) last.end = Math.max(last.end, end);
    else spans.push({ start, end });
  }
  return spans;
}

/** Deletes what lies in free spans and was made before a time: the sequences of what went. */
export function forgetBetween(db: Database, stream: string, free: readonly Span[], made: number, limit: number): number[] {
  const gone: number[] = [];
  for (const { start, end } of free) {
    const left = limit - gone.length;
    if (left <= 0) break;
    const markers = db.all(
      `SELECT stream, id, sequence FROM markers
       WHERE stream = ? AND timestamp >= ? AND timestamp < ? AND until < ? AND made < ? LIMIT ?`,
      ...[stream, start, end, end, made, left],
    );
    const data = db.all(
      'SELECT sequence FROM data WHERE stream = ? AND timestamp >= ? AND timestamp < ? AND made < ? LIMIT ?',
      ...[stream, start, end, made, left],
    );
    gone.push(...remove(db, markers, data));
  }
  return gone;
}

/** Deletes the oldest data records of all streams; where there are none, the oldest markers. */
export function forgetOldest(db: Database, limit: number): number[] {
  const data = db.all('SELECT sequence FROM data ORDER BY sequence LIMIT ?', limit);
  return remove(db, data.length ? [] : db.all('SELECT stream, id, sequence FROM markers ORDER BY sequence LIMIT ?', limit), data);
}

function remove(db: Database, markers: readonly Record<string, unknown>[], data: readonly Record<string, unknown>[]): number[] {
  for (const { stream, id } of markers) db.run('DELETE FROM markers WHERE stream = ? AND id = ?', stream as string, id as string);
  for (const { sequence } of data) db.run('DELETE FROM data WHERE sequence = ?', sequence as number);
  return [...markers, ...data].map(({ sequence }) => sequence as number);
}
