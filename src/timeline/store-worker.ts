// The store's thread: SQLite blocks, so it blocks here and nowhere else.
import { parentPort, workerData } from 'node:worker_threads';
import { Database } from '../native/sqlite.ts';
import {
  type InitRow,
  type PresetRow,
  type RecordingRow,
  SCHEMA,
  type SegmentRow,
  type StoreCall,
  type StoreCalls,
  type StreamRow,
} from './store-schema.ts';

const db = new Database((workerData as { path: string }).path);
db.exec(SCHEMA);

const calls: StoreCalls = {
  reserveIds: (stream, count) =>
    db.transaction(true, () => {
      const first = (db.all('SELECT next FROM ids WHERE stream = ?', stream)[0]?.next as number | undefined) ?? 1;
      db.run('INSERT INTO ids VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET next = excluded.next', stream, first + count);
      return first;
    }),
  saveStream: (name, config) =>
    db.transaction(true, () =>
      db.run('INSERT INTO streams VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET config = excluded.config', name, config),
    ),
  removeStream: (name) =>
    db.transaction(true, () => {
      for (const table of ['segments', 'inits', 'last', 'params', 'presets']) db.run(`DELETE FROM ${table} WHERE stream = ?`, name);
      db.run('DELETE FROM streams WHERE name = ?', name);
    }),
  streams: () =>
    db.all(
      'SELECT name, config, coalesce(timestamp, 0) AS lastTimestamp FROM streams LEFT JOIN last ON last.stream = name ORDER BY name',
    ) as unknown as StreamRow[],
  addInit: (row) =>
    db.run(
      'INSERT OR REPLACE INTO inits VALUES (?, ?, ?, ?, ?, ?, ?)',
      row.stream,
      row.name,
      row.codec,
      row.width,
      row.height,
      row.bitrate,
      row.data,
    ),
  addSegment: (row, lastTimestamp) =>
    db.transaction(false, () => {
      db.run(
        'INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        row.stream,
        row.sequence,
        row.init,
        row.start,
        row.end,
        row.bytes,
        row.era,
        row.frames,
      );
      db.run('INSERT INTO last VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET timestamp = excluded.timestamp', row.stream, lastTimestamp);
    }),
  segments: (stream) => db.all('SELECT * FROM segments WHERE stream = ? ORDER BY sequence', stream) as unknown as SegmentRow[],
  inits: (stream) => db.all('SELECT * FROM inits WHERE stream = ?', stream) as unknown as InitRow[],
  setEra: (stream, sequence, era) => db.run('UPDATE segments SET era = ? WHERE stream = ? AND sequence = ?', era, stream, sequence),
  removeSegments: (stream, sequences) =>
    db.transaction(false, () => {
      for (const sequence of sequences) db.run('DELETE FROM segments WHERE stream = ? AND sequence = ?', stream, sequence);
      db.run('DELETE FROM inits WHERE stream = ? AND name NOT IN (SELECT init FROM segments WHERE stream = ?)', stream, stream);
    }),
  clearMedia: (stream) =>
    db.transaction(false, () => {
      db.run('DELETE FROM segments WHERE stream = ?', stream);
      db.run('DELETE FROM inits WHERE stream = ?', stream);
    }),
  saveRecording: ({ id, stream, data }) =>
    db.transaction(true, () =>
      db.run('INSERT INTO recordings VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data', id, stream, data),
    ),
  removeRecording: (id) => db.transaction(true, () => db.run('DELETE FROM recordings WHERE id = ?', id)),
  saveParams: (stream, data) =>
    db.transaction(true, () => {
      if (data === null) db.run('DELETE FROM params WHERE stream = ?', stream);
      else db.run('INSERT INTO params VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET data = excluded.data', stream, data);
    }),
  params: (stream) => (db.all('SELECT data FROM params WHERE stream = ?', stream)[0]?.data as string | undefined) ?? null,
  savePreset: (stream, { name, data }) =>
    db.transaction(true, () =>
      db.run('INSERT INTO presets VALUES (?, ?, ?) ON CONFLICT (stream, name) DO UPDATE SET data = excluded.data', stream, name, data),
    ),
  removePreset: (stream, name) =>
    db.transaction(true, () => {
      const known = db.all('SELECT 1 FROM presets WHERE stream = ? AND name = ?', stream, name).length > 0;
      if (known) db.run('DELETE FROM presets WHERE stream = ? AND name = ?', stream, name);
      return known;
    }),
  presets: (stream) => db.all('SELECT name, data FROM presets WHERE stream = ? ORDER BY name', stream) as unknown as PresetRow[],
  recordings: () => db.all('SELECT id, stream, data FROM recordings ORDER BY id') as unknown as RecordingRow[],
};

parentPort!.on('message', (message: { id: number; call: StoreCall | 'close'; values: unknown[] }) => {
  if (message.call === 'close') {
    db[Symbol.dispose]();
    parentPort!.close();
    return;
  }
  try {
    const result = (calls[message.call] as (...values: unknown[]) => unknown)(...message.values);
    parentPort!.postMessage({ id: message.id, result });
  } catch (error) {
    parentPort!.postMessage({ id: message.id, error: error instanceof Error ? error.message : String(error) });
  }
});
