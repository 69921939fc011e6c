// What the store holds, and the calls that cross into its thread.

/** A closed segment of the DVR. */
export interface SegmentRow {
  readonly stream: string;
  /** Media sequence number. */
  readonly sequence: number;
  /** Address of the init segment that it needs. */
  readonly init: string;
  /** Media time of the first frame and end of the last, 90 kHz. */
  readonly start: number;
  readonly end: number;
  readonly bytes: number;
  /** Rises with each discontinuity (EXT-X-DISCONTINUITY-SEQUENCE). */
  readonly era: number;
  /** `FrameColumns` as bytes. */
  readonly frames: Uint8Array;
}

export interface InitRow {
  readonly stream: string;
  readonly name: string;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
  readonly data: Uint8Array;
}

export interface StreamRow {
  readonly name: string;
  /** JSON of the stream's configuration. */
  readonly config: string;
  readonly lastTimestamp: number;
}

export interface RecordingRow {
  readonly id: string;
  readonly stream: string;
  /** JSON of the recording. */
  readonly data: string;
}

export interface PresetRow {
  readonly name: string;
  /** JSON of the preset. */
  readonly data: string;
}

/** The calls of the store. Every one is answered; what must not be lost is on disk before the answer. */
export interface StoreCalls {
  /** Reserves a block of frame ids: its first. Durable. */
  reserveIds(stream: string, count: number): number;
  saveStream(name: string, config: string): void;
  removeStream(name: string): void;
  streams(): StreamRow[];
  addInit(row: InitRow): void;
  addSegment(row: SegmentRow, lastTimestamp: number): void;
  segments(stream: string): SegmentRow[];
  inits(stream: string): InitRow[];
  /** Changes the era of a segment. */
  setEra(stream: string, sequence: number, era: number): void;
  /** Forgets segments, and init segments that no other one needs. */
  removeSegments(stream: string, sequences: readonly number[]): void;
  /** Forgets all media of a stream; frame ids stay reserved. */
  clearMedia(stream: string): void;
  /** Durable. */
  saveRecording(row: RecordingRow): void;
  removeRecording(id: string): void;
  recordings(): RecordingRow[];
  /** JSON of params that were changed while a stream of the configuration file or of a program was there; `null` = none. Durable. */
  saveParams(stream: string, data: string | null): void;
  params(stream: string): string | null;
  /** Durable. */
  savePreset(stream: string, row: PresetRow): void;
  /** Whether there was one. */
  removePreset(stream: string, name: string): boolean;
  presets(stream: string): PresetRow[];
}

export type StoreCall = keyof StoreCalls;

export const SCHEMA = `
CREATE TABLE IF NOT EXISTS ids (stream TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS streams (name TEXT PRIMARY KEY, config TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS last (stream TEXT PRIMARY KEY, timestamp INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS inits (
  stream TEXT NOT NULL, name TEXT NOT NULL, codec TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  bitrate INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (stream, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
  stream TEXT NOT NULL, sequence INTEGER NOT NULL, init TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
  bytes INTEGER NOT NULL, era INTEGER NOT NULL, frames BLOB NOT NULL, PRIMARY KEY (stream, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS params (stream TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS presets (stream TEXT NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (stream, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recordings (id TEXT PRIMARY KEY, stream TEXT NOT NULL, data TEXT NOT NULL) STRICT;
PRAGMA user_version = 1;
`;
