// The DVR window on disk: one append-only file per segment, one file per init segment, and rows of the frame index in the store. What a
// file says about itself (SEI, tfdt, its name) is enough to make the rows again if they are missing.
import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrackInfo } from '../../core/packet.ts';
import { type Ticks, toMicros } from '../../core/time.ts';
import { type IdentifiedSample, readIdentities, readSamples, readVideoTrack } from '../../formats/fmp4-read.ts';
import { codecString, isKeySample } from '../../formats/h264.ts';
import type { Store } from '../../timeline/store.ts';
import type { InitRow } from '../../timeline/store-schema.ts';
import { packFrames, unpackFrames } from './frame-columns.ts';
import type { FrameRow, SegmentData } from './segmenter.ts';

/** A closed segment as the recorder lists it. */
export interface ArchivedSegment {
  readonly sequence: number;
  readonly init: string;
  readonly era: number;
  readonly start: number;
  readonly end: number;
  readonly bytes: number;
  readonly frames: readonly FrameRow[];
}

/** `s895000000-0123abcd.m4s`: sequence number and the init segment that it needs. */
export function segmentFile(sequence: number, init: string): string {
  return `s${sequence}-${init}.m4s`;
}

const SEGMENT_FILE = /^s(\d{1,15})-([0-9a-f]{8})\.m4s$/;
const INIT_FILE = /^init-([0-9a-f]{8})\.mp4$/;

/** `doubtful`: whether it goes on from the one before is not known. */
type Loaded = ArchivedSegment & { readonly doubtful: boolean };

export class Archive {
  readonly #folder: string;
  readonly #stream: string;
  readonly #store: Store;
  readonly #onError: (error: unknown) => void;
  readonly #identify: (bytes: Uint8Array) => IdentifiedSample[];
  #file: { name: string; handle: FileHandle } | null = null;
  /** Everything that touches files runs in this order. */
  #queue: Promise<void>;

  /**
   * @param folder the stream's own folder; made when the first segment is written
   * @param kind sound lies in a folder beside its pictures, and in the store under a name that no stream can have
   */
  constructor(folder: string, stream: string, store: Store, onError: (error: unknown) => void, kind: 'video' | 'audio' = 'video') {
    this.#folder = kind === 'audio' ? join(folder, 'audio') : folder;
    this.#stream = kind === 'audio' ? `${stream}/audio` : stream;
    this.#identify = kind === 'audio' ? identifySound : readIdentities;
    this.#store = store;
    this.#onError = onError;
    this.#queue = Promise.resolve();
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work).catch(this.#onError);
  }

  /** Settles when everything asked for so far is on disk. */
  flush(): Promise<void> {
    return this.#queue;
  }

  /** What earlier runs left, in order. */
  async load(): Promise<{ segments: ArchivedSegment[]; inits: Map<string, { track: TrackInfo; data: Uint8Array }> }> {
    const inits = new Map(
      (await this.#store.call('inits', this.#stream)).map((row) => [row.name, { track: trackOf(row), data: row.data }]),
    );
    const files = new Map<string, number>();
    for (const name of await readdir(this.#folder).catch(() => [] as string[])) {
      const size = await stat(join(this.#folder, name)).then((info) => info.size);
      files.set(name, size);
      const init = INIT_FILE.exec(name);
      if (init && !inits.has(init[1]!)) {
        const row = initRow(this.#stream, init[1]!, new Uint8Array(await readFile(join(this.#folder, name))));
        if (!row) continue;
        inits.set(row.name, { track: trackOf(row), data: row.data });
        await this.#store.call('addInit', row);
      }
    }
    const segments: Loaded[] = [];
    const known = new Set<string>();
    let lost = false;
    for (const row of await this.#store.call('segments', this.#stream)) {
      const name = segmentFile(row.sequence, row.init);
      known.add(name);
      if (files.get(name) === undefined || !inits.has(row.init)) {
        lost = true;
        continue;
      }
      segments.push({ ...row, frames: unpackFrames(row.frames), doubtful: lost });
      lost = false;
    }
    for (const name of files.keys()) {
      const match = SEGMENT_FILE.exec(name);
      if (!match || known.has(name) || !inits.has(match[2]!)) continue;
      const rebuilt = await this.#rebuild(name, Number(match[1]), match[2]!);
      if (rebuilt) segments.push(rebuilt);
    }
    segments.sort((a, b) => a.sequence - b.sequence);
    const numbered = withEras(segments);
    for (const [i, { sequence, era }] of numbered.entries()) {
      if (era !== segments[i]!.era) await this.#store.call('setEra', this.#stream, sequence, era);
    }
    return { segments: numbered, inits };
  }

  // A segment that was open when the program was killed has no row yet.
  async #rebuild(name: string, sequence: number, init: string): Promise<Loaded | null> {
    const bytes = new Uint8Array(await readFile(join(this.#folder, name)));
    const samples = this.#identify(bytes);
    const first = samples[0];
    const last = samples.at(-1);
    if (!first || !last) return null;
    const frames = samples.map((sample) => ({
      pts: sample.pts,
      id: sample.identity.id,
      timestamp: sample.identity.timestamp,
      key: this.#identify !== readIdentities || isKeySample(bytes.subarray(sample.offset, sample.offset + sample.size)),
      repeat: sample.identity.repeat,
      // A fragment is `moof` (100 bytes) and the head of `mdat` (8) before its sample.
      offset: sample.offset - 108,
    }));
    // What was written only in part is cut off: nobody could play it.
    const length = last.offset + last.size;
    if (length < bytes.length) await truncate(join(this.#folder, name), length);
    const segment = { sequence, init, era: 0, start: first.pts, end: last.pts + last.duration, bytes: length, frames };
    await this.#store.call('addSegment', { ...segment, stream: this.#stream, frames: packFrames(frames) }, last.identity.timestamp);
    return { ...segment, doubtful: true };
  }

  addInit(name: string, track: TrackInfo, data: Uint8Array): void {
    this.#enqueue(async () => {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(join(this.#folder, `init-${name}.mp4`), data);
      const { codec, width, height, bitrate } = track;
      await this.#store.call('addInit', { stream: this.#stream, name, codec, width, height, bitrate, data });
    });
  }

  append(segment: SegmentData, init: string, bytes: Uint8Array): void {
    this.#enqueue(async () => {
      const name = segmentFile(segment.sequence, init);
      if (this.#file?.name !== name) {
        await this.#file?.handle.close();
        this.#file = null;
        this.#file = { name, handle: await open(join(this.#folder, name), 'a') };
      }
      await this.#file.handle.write(bytes);
    });
  }

  close(segment: SegmentData, init: string): void {
    this.#enqueue(async () => {
      await this.#file?.handle.close();
      this.#file = null;
      const { sequence, era, start, end, bytes, frames } = segment;
      const last = frames.at(-1)?.timestamp ?? 0;
      await this.#store.call(
        'addSegment',
        { stream: this.#stream, sequence, init, era, start, end, bytes, frames: packFrames(frames) },
        last,
      );
    });
  }

  /** Removes segments. */
  remove(segments: readonly ArchivedSegment[]): void {
    this.#enqueue(async () => {
      for (const segment of segments) await rm(join(this.#folder, segmentFile(segment.sequence, segment.init)), { force: true });
      await this.#store.call(
        'removeSegments',
        this.#stream,
        segments.map(({ sequence }) => sequence),
      );
    });
  }

  /** Removes everything. */
  clear(): void {
    this.#enqueue(async () => {
      await this.#file?.handle.close();
      this.#file = null;
      await this.#store.call('clearMedia', this.#stream);
      await rm(this.#folder, { recursive: true, force: true });
    });
  }

  /** Bytes of a segment from disk; `null` if it is gone. */
  async read(segment: { sequence: number; init: string }, start = 0, end?: number): Promise<Uint8Array | null> {
    try {
      const bytes = await readFile(join(this.#folder, segmentFile(segment.sequence, segment.init)));
      return new Uint8Array(bytes.subarray(start, end));
    } catch {
      return null;
    }
  }

  async shutdown(): Promise<void> {
    this.#enqueue(async () => {
      await this.#file?.handle.close();
      this.#file = null;
    });
    await this.#queue;
  }
}

/** Sound says nothing of itself but its time. */
function identifySound(bytes: Uint8Array): IdentifiedSample[] {
  return readSamples(bytes).map((sample) => ({
    ...sample,
    identity: { id: 0, timestamp: toMicros(sample.pts as Ticks), pts: sample.pts as Ticks, repeat: false },
  }));
}

function trackOf(row: InitRow): TrackInfo {
  return { codec: row.codec, width: row.width, height: row.height, bitrate: row.bitrate, description: new Uint8Array(), version: 0 };
}

/** The row of an init segment that this program wrote, `null` for other bytes. */
function initRow(stream: string, name: string, data: Uint8Array): InitRow | null {
  const track = readVideoTrack(data);
  return track && { stream, name, codec: codecString(track.description), width: track.width, height: track.height, bitrate: 0, data };
}

// Rebuilt segments have no era: they go on from their neighbour where they touch it, and begin a new one where they do not. Between two
// others a hole is no discontinuity: what lay there was removed.
function withEras(segments: readonly Loaded[]): ArchivedSegment[] {
  let before: Loaded | null = null;
  return segments.map((segment) => {
    const { doubtful, ...row } = segment;
    const sure = !doubtful && !(before?.doubtful ?? false);
    const joined = before?.init === row.init && (sure || Math.abs(before.end - row.start) <= 1);
    const least = before ? before.era + (joined ? 0 : 1) : 0;
    const era = Math.max(row.era, least);
    before = { ...segment, era };
    return { ...row, era };
  });
}
