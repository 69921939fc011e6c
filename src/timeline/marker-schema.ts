// What the store of markers and data records holds, and the calls that cross into its thread.
import type { DataItem, DataPage, Marker, MarkerPage } from '../api/timeline.ts';
import type { Span } from './free-spans.ts';
import type { DataQuery, MarkerQuery } from './timeline.ts';

/** An end of a marker, resolved as far as the frames that are known allow. */
export interface Bound {
  /** What the maker said: the other one was looked up. `none`: nothing was said, this is the default. */
  readonly given: 'none' | 'frame' | 'timestamp' | 'both';
  readonly frame: number | null;
  /** µs; `null` with a frame: nobody knows when that frame was captured. `null` without one: there is no such end. */
  readonly timestamp: number | null;
  /** Looked up before the frames of that time had come: to be looked up again by this. */
  readonly pending: PendingBy;
}

export type PendingBy = 'frame' | 'time' | null;

/** A marker as its maker wants it. */
export interface MarkerWish {
  readonly id: string;
  readonly label: string;
  readonly kind: string;
  readonly start: Bound;
  readonly end: Bound;
  readonly open: boolean;
  /** JSON, `null` = none. */
  readonly data: string | null;
  /** Name of the value for errors, such as `[3].`. */
  readonly field: string;
}

/** What of a marker shall change; absent = stays. */
export interface MarkerChangeWish {
  readonly label?: string;
  readonly kind?: string;
  readonly start?: Bound;
  readonly end?: Bound;
  readonly open?: boolean;
  readonly data?: string | null;
}

export interface MarkerResult {
  readonly marker: Marker;
  /** `false`: it was like that already. */
  readonly changed: boolean;
  readonly pending: Pending;
}

/** Which ends are to be looked up again. */
export interface Pending {
  readonly start: PendingBy;
  readonly end: PendingBy;
}

/** A change that is told to clients; `sequence` rises over all streams. */
export type StoredEvent = { readonly stream: string; readonly sequence: number } & (
  | { readonly type: 'marker'; readonly action: 'set' | 'remove'; readonly marker: Marker }
  | { readonly type: 'data'; readonly item: DataItem }
);

export interface ChangeFilter {
  /** Absent = all. */
  readonly streams?: readonly string[] | undefined;
  readonly types: readonly string[];
  readonly limit: number;
}

export interface DataWish {
  readonly timestamp: number;
  readonly frame: number | null;
  /** JSON of the record. */
  readonly record: string;
}

/** The calls of the store of markers. What is written is on disk before the answer. */
export interface MarkerCalls {
  /** `epoch` names the file's own count of changes: a count of another file means nothing here. */
  identity(): { epoch: string; sequence: number };
  /** All or none. `known` says which frames are known, for the error. */
  setMarkers(stream: string, wishes: readonly MarkerWish[], now: number, known: string): MarkerResult[];
  /** `sequence` given: only if nobody has changed the marker since; else `null`. */
  changeMarker(stream: string, id: string, change: MarkerChangeWish, known: string, sequence?: number): MarkerResult | null;
  removeMarker(stream: string, id: string): { marker: Marker; sequence: number };
  marker(stream: string, id: string): Marker;
  markers(stream: string, query: MarkerQuery): MarkerPage;
  /** Markers with an end that is to be looked up again. */
  pending(stream: string): { marker: Marker; pending: Pending }[];
  addData(stream: string, wishes: readonly DataWish[], now: number): DataItem[];
  data(stream: string, query: DataQuery): DataPage;
  /** Changes behind `after` in order; `floor`: changes up to it may be missing. */
  changes(after: number, filter: ChangeFilter): { events: StoredEvent[]; floor: number };
  /** Spans round markers of some kinds (`*` = all) that begin before a time, joined and in order, µs. */
  spans(stream: string, kinds: readonly string[], round: { readonly before: number; readonly after: number }, begin: number): Span[];
  /** Forgets what lies in free parts of the past, ended in them and was made before `made`. Returns how many rows went, at most `limit`. */
  forget(stream: string, free: readonly Span[], made: number, limit: number): number;
  /** Forgets the oldest of all streams while the content takes more than `maxBytes`. Returns how many rows went, at most `limit`. */
  shrink(maxBytes: number, limit: number): number;
  removeStream(stream: string): void;
  bytes(): number;
}

const MARKER_COLUMNS = `
  stream TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, kind TEXT NOT NULL, frame INTEGER, timestamp INTEGER NOT NULL,
  endFrame INTEGER, "end" INTEGER, open INTEGER NOT NULL, data TEXT, sequence INTEGER NOT NULL, pending INTEGER NOT NULL,
  made INTEGER NOT NULL`;

// `until`: the last instant that a marker covers. Spans have an index of their own: few markers are spans.
export const MARKER_SCHEMA = `
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value ANY) STRICT;
CREATE TABLE IF NOT EXISTS markers (${MARKER_COLUMNS},
  until INTEGER GENERATED ALWAYS AS (coalesce("end", CASE WHEN open THEN 9007199254740991 ELSE timestamp END)) VIRTUAL,
  PRIMARY KEY (stream, id)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS markers_time ON markers (stream, timestamp, id);
CREATE INDEX IF NOT EXISTS markers_spans ON markers (stream, until) WHERE until > timestamp;
CREATE UNIQUE INDEX IF NOT EXISTS markers_sequence ON markers (sequence);
CREATE INDEX IF NOT EXISTS markers_pending ON markers (stream) WHERE pending > 0;
CREATE TABLE IF NOT EXISTS removed (sequence INTEGER PRIMARY KEY, stream TEXT NOT NULL, marker TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS data (
  sequence INTEGER PRIMARY KEY, stream TEXT NOT NULL, timestamp INTEGER NOT NULL, frame INTEGER, record TEXT NOT NULL,
  made INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS data_time ON data (stream, timestamp, sequence);
PRAGMA user_version = 1;
`;
