// A clip as bytes: the head with its tables is made first, then the samples are read again segment by segment while they are sent. No more
// than the tables and one segment lie in memory.
import { SluiceError } from '../../core/errors.ts';
import { fileTime, formatMicros, type Micros, type Ticks, toMicros } from '../../core/time.ts';
import { readSamples, readSoundTrack, readVideoTrack } from '../../formats/fmp4-read.ts';
import { type Mp4Sound, mp4Head } from '../../formats/mp4.ts';
import type { ClipPiece, ClipPlan } from './clip-plan.ts';
import type { FrameRow } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

/** Where the media of a plan lie. */
export interface ClipMedia {
  init(name: string): { readonly data: Uint8Array } | undefined;
  /** Bytes of a segment from its beginning, as far as they exist; `null` = gone. */
  bytes(sequence: number): Promise<Uint8Array | null>;
}

/** Where the sound of a plan lies; segments as the recorder has them. */
export interface ClipSound extends ClipMedia {
  segments(): readonly WindowSegment[];
}

/** Sound begins so much before the first picture, ticks: a decoder needs the packet before the first that is heard. */
const FRAME_TICKS = 1920;
const SOUND_BEFORE = 2 * FRAME_TICKS;

/** Where the samples of one segment lie in it. */
interface ReadPiece {
  readonly media: ClipMedia;
  readonly sequence: number;
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  readonly bytes: number;
}

export class Clip {
  readonly plan: ClipPlan;
  readonly #stream: string;
  readonly #head: Uint8Array;
  readonly #pieces: readonly ReadPiece[];
  /** Bytes of the whole file. */
  readonly length: number;

  private constructor(stream: string, plan: ClipPlan, head: Uint8Array, pieces: readonly ReadPiece[]) {
    this.plan = plan;
    this.#stream = stream;
    this.#head = head;
    this.#pieces = pieces;
    this.length = pieces.reduce((sum, piece) => sum + piece.bytes, head.length);
  }

  /** Reads what the tables need. Throws `gone` where media have been removed meanwhile. */
  static async open(stream: string, plan: ClipPlan, media: ClipMedia, sounds: ClipSound | null = null): Promise<Clip> {
    const init = media.init(plan.init);
    const track = init && readVideoTrack(init.data);
    if (!track) throw gone();
    const pieces: ReadPiece[] = [];
    for (const piece of plan.pieces) pieces.push(await readPiece(piece, media));
    const sound = sounds && (await readSound(plan, sounds));
    const head = mp4Head({
      track,
      samples: {
        durations: plan.durations,
        sizes: pieces.flatMap((piece) => piece.sizes),
        keys: plan.pieces.flatMap((piece) => piece.rows.map((row) => row.key)),
      },
      chunks: pieces.map((piece) => piece.sizes.length),
      hidden: plan.hidden,
      ...(sound ? { sound: sound.table } : {}),
      created: toMicros(plan.first.pts as Ticks),
      title: `${stream} ${formatMicros(plan.first.timestamp as Micros)}`,
      comment: JSON.stringify(clipOrigin(stream, plan)),
    });
    // As the head says: behind the pictures of a segment its sound.
    const all = pieces.flatMap((piece, i) => [piece, ...(sound?.pieces[i] ? [sound.pieces[i]] : [])]);
    return new Clip(stream, plan, head, all);
  }

  /** `scope_20261120T123801.250Z_f1234`, after the first frame. */
  get name(): string {
    const { first } = this.plan;
    return `${this.#stream}_${fileTime(first.timestamp as Micros)}_f${first.id}`;
  }

  /** The same for the same bytes. */
  get tag(): string {
    const { init, first, last, durations } = this.plan;
    return `${init}-${first.pts.toString(36)}-${last.pts.toString(36)}-${durations.at(-1)}-${this.length.toString(36)}`;
  }

  /** The bytes from `start` to `end`, the latter not included. Throws `gone` where media have been removed meanwhile. */
  async *read(start = 0, end = this.length): AsyncGenerator<Uint8Array> {
    let at = this.#head.length;
    if (start < at) yield this.#head.subarray(start, end);
    for (const piece of this.#pieces) {
      const [from, to] = [Math.max(0, start - at), Math.min(piece.bytes, end - at)];
      at += piece.bytes;
      if (from >= piece.bytes || to <= from) continue;
      const bytes = await piece.media.bytes(piece.sequence);
      if (!bytes) throw gone();
      yield join(piece, bytes).subarray(from, to);
    }
  }
}

/** What the clip says of itself: where it comes from on the clock that metrics, markers and frames share. */
export function clipOrigin(stream: string, { first, last, durations }: ClipPlan): Record<string, unknown> {
  return {
    stream,
    startFrame: first.id,
    endFrame: last.id,
    start: toMicros(first.pts as Ticks),
    end: toMicros((last.pts + durations.at(-1)!) as Ticks),
    pts: first.pts,
  };
}

async function readPiece(piece: ClipPiece, media: ClipMedia): Promise<ReadPiece> {
  const { sequence } = piece.segment;
  const bytes = await media.bytes(sequence);
  if (!bytes) throw gone();
  const samples = new Map(readSamples(bytes).map((sample) => [sample.pts, sample]));
  const found = piece.rows.map((row) => samples.get(row.pts));
  if (found.includes(undefined)) throw gone();
  const sizes = found.map((sample) => sample!.size);
  return { media, sequence, sizes, offsets: found.map((sample) => sample!.offset), bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** The sound of a clip: one piece for each piece of pictures, `null` where there is none. `null`: there is none at all. */
async function readSound(plan: ClipPlan, sounds: ClipSound): Promise<{ table: Mp4Sound; pieces: (ReadPiece | null)[] } | null> {
  const from = plan.first.pts - SOUND_BEFORE;
  const until = plan.last.pts + plan.durations.at(-1)!;
  const sequences = plan.pieces.map(({ segment }) => segment.sequence);
  const [init] = sounds.segments().flatMap((segment) => (segment.end > plan.first.pts && segment.start < until ? [segment.init] : []));
  const track = init === undefined ? null : readSoundTrack(sounds.init(init)?.data ?? new Uint8Array());
  if (!track) return null;
  const found = sequences.map((): FrameRow[] => []);
  const pieces: (ReadPiece | null)[] = [];
  for (const [i, sequence] of sequences.entries()) {
    const segment = sounds.segments().find((one) => one.sequence === sequence && one.init === init);
    const rows = segment?.frames.filter(({ pts, offset }) => pts >= from && pts < until && (!segment.open || offset < segment.bytes)) ?? [];
    const piece = segment && rows.length ? await readPiece({ segment, rows }, sounds).catch(() => null) : null;
    pieces.push(piece);
    if (piece) found[i] = rows;
  }
  const rows = found.flat();
  if (!rows.length) return null;
  // A gap is a packet that lasts longer.
  const durations = rows.map((row, i) => (rows[i + 1]?.pts ?? row.pts + FRAME_TICKS) - row.pts);
  const sizes = pieces.flatMap((piece) => piece?.sizes ?? []);
  const chunks = found.map(({ length }) => length);
  return { table: { track, durations, sizes, chunks, early: plan.first.pts - rows[0]!.pts }, pieces };
}

function join(piece: ReadPiece, bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(piece.bytes);
  let at = 0;
  for (const [i, offset] of piece.offsets.entries()) {
    whole.set(bytes.subarray(offset, offset + piece.sizes[i]!), at);
    at += piece.sizes[i]!;
  }
  return whole;
}

function gone(): SluiceError {
  return new SluiceError('gone', 'these pictures left the DVR window while the clip was being made');
}
