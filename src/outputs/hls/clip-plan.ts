// Which frames of the window a clip holds: from the asked first one (with the key frame before it, to be decoded and not shown) to the last.
import { SluiceError } from '../../core/errors.ts';
import { formatMicros, type Micros, type Ticks, toMicros, toTicks } from '../../core/time.ts';
import type { FrameRow } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

/** Frames of a clip at most: nine hours at 30 fps. Its tables are held in memory while it is sent. */
const MAX_FRAMES = 1_000_000;

/** What was asked for: one of each pair. Times are µs. */
export interface ClipQuery {
  readonly start?: Micros | undefined;
  readonly startFrame?: number | undefined;
  readonly end?: Micros | undefined;
  readonly endFrame?: number | undefined;
}

/** Frames of one segment that the clip takes. */
export interface ClipPiece {
  readonly segment: WindowSegment;
  readonly rows: readonly FrameRow[];
}

export interface ClipPlan {
  /** Name of the init segment that holds for all of it. */
  readonly init: string;
  readonly pieces: readonly ClipPiece[];
  /** First and last frame that are shown. */
  readonly first: FrameRow;
  readonly last: FrameRow;
  /** Duration of each frame of all pieces, ticks. Before a gap the last picture stays: time is kept. */
  readonly durations: readonly number[];
  /** Ticks before the first frame that is shown. */
  readonly hidden: number;
  /** What has this capture time, µs, or a later one belongs to frames behind the clip. */
  readonly until: number;
}

/** A frame in the window. */
interface Place {
  readonly segment: number;
  readonly row: number;
}

/** Plans a clip. Throws `bad-value`, `unknown-frame`, `gone` (not kept any more), `conflict` (the encoding changed inside), `too-large`. */
export function planClip(window: readonly WindowSegment[], query: ClipQuery): ClipPlan {
  const segments = window.map(readable).filter((segment) => segment.frames.length > 0);
  if (segments.length === 0) throw new SluiceError('gone', 'nothing of this stream is kept');
  const start = query.startFrame === undefined ? placeOfStart(segments, query.start!) : firstOf(segments, query.startFrame, 'startFrame');
  const end = query.endFrame === undefined ? placeOfEnd(segments, query.end!) : lastOf(segments, query.endFrame, 'endFrame');
  const [first, last] = [rowAt(segments, start), rowAt(segments, end)];
  if (last.pts < first.pts) {
    throw new SluiceError('bad-value', `the clip would end with frame ${last.id}, before it begins with frame ${first.id}`, {
      field: query.endFrame === undefined ? 'end' : 'endFrame',
      received: query.endFrame ?? query.end,
    });
  }
  const pieces = cut(segments, keyBefore(segments, start), end);
  oneEncoding(pieces, first.pts);
  const rows = pieces.flatMap((piece) => piece.rows);
  if (rows.length > MAX_FRAMES) {
    throw new SluiceError('too-large', `${rows.length} frames were asked for; a clip has ${MAX_FRAMES} at most`, { allowed: MAX_FRAMES });
  }
  const durations = rows.map((row, i) => (rows[i + 1]?.pts ?? endOf(segments[end.segment]!, end.row)) - row.pts);
  const until = untilOf(window, segments, end, last.pts + durations.at(-1)!);
  return { init: pieces[0]!.segment.init, pieces, first, last, durations, hidden: first.pts - rows[0]!.pts, until };
}

/** The end of the last frame, or the capture time of the next one: that is earlier where it came late, behind a repeat. */
function untilOf(window: readonly WindowSegment[], segments: readonly WindowSegment[], end: Place, pts: number): number {
  const { sequence } = segments[end.segment]!;
  const frames = window.find((segment) => segment.sequence === sequence)?.frames;
  const next = frames?.[end.row + 1] ?? segments[end.segment + 1]?.frames[0];
  return Math.min(toMicros(pts as Ticks), next && !next.repeat ? next.timestamp : Number.POSITIVE_INFINITY);
}

/** Frames whose bytes can be read: of a growing segment those that are in a part. */
function readable(segment: WindowSegment): WindowSegment {
  if (!segment.open) return segment;
  return { ...segment, frames: segment.frames.filter((row) => row.offset < segment.bytes) };
}

const rowAt = (segments: readonly WindowSegment[], { segment, row }: Place): FrameRow => segments[segment]!.frames[row]!;

/** When the frame ends. Of the last readable frame of a growing segment the end of the segment is later than its own. */
function endOf(segment: WindowSegment, row: number): number {
  return segment.frames[row + 1]?.pts ?? partsEnd(segment);
}

function partsEnd(segment: WindowSegment): number {
  return segment.open ? segment.parts.reduce((sum, part) => sum + part.duration, segment.start) : segment.end;
}

function placeOfStart(segments: readonly WindowSegment[], start: Micros): Place {
  const pts = toTicks(start);
  keptOrThrow(segments, pts, start, 'start');
  const at = segments.findLastIndex((segment) => segment.start <= pts);
  // Inside a gap nothing was on show: the clip begins with what comes next.
  if (partsEnd(segments[at]!) <= pts) return { segment: at + 1, row: 0 };
  return { segment: at, row: segments[at]!.frames.findLastIndex((row) => row.pts <= pts) };
}

function placeOfEnd(segments: readonly WindowSegment[], end: Micros): Place {
  const pts = toTicks(end);
  keptOrThrow(segments, pts, end, 'end');
  const segment = segments.findLastIndex((each) => each.start <= pts);
  return { segment, row: segments[segment]!.frames.findLastIndex((row) => row.pts <= pts) };
}

function keptOrThrow(segments: readonly WindowSegment[], pts: number, received: Micros, field: string): void {
  const [from, to] = [segments[0]!.start, partsEnd(segments.at(-1)!)];
  // The end of the window is a time that people choose: it is the end of its last frame.
  if (pts >= from && (field === 'end' ? pts <= to : pts < to)) return;
  const what = pts < from ? 'is not kept any more' : 'is not recorded';
  throw new SluiceError('gone', `${field}: ${formatMicros(received)} ${what}; ${keptText(segments)}`, {
    field,
    received,
    ...kept(segments),
  });
}

function firstOf(segments: readonly WindowSegment[], id: number, field: string): Place {
  const segment = segments.findIndex((each) => each.frames.some((row) => row.id === id && !row.repeat));
  if (segment < 0) throw unknownFrame(segments, id, field);
  return { segment, row: segments[segment]!.frames.findIndex((row) => row.id === id && !row.repeat) };
}

/** The last showing of a frame: while nothing newer came it was repeated, and lasted so long. */
function lastOf(segments: readonly WindowSegment[], id: number, field: string): Place {
  const segment = segments.findLastIndex((each) => each.frames.some((row) => row.id === id));
  if (segment < 0) throw unknownFrame(segments, id, field);
  return { segment, row: segments[segment]!.frames.findLastIndex((row) => row.id === id) };
}

function unknownFrame(segments: readonly WindowSegment[], id: number, field: string): SluiceError {
  return new SluiceError('unknown-frame', `${field}: frame ${id} is not kept; ${keptText(segments)}`, {
    field,
    received: id,
    ...kept(segments),
  });
}

function kept(segments: readonly WindowSegment[]): Record<string, unknown> {
  const [first, last] = [segments[0]!, segments.at(-1)!];
  return {
    kept: {
      start: toMicros(first.start as Ticks),
      end: toMicros(partsEnd(last) as Ticks),
      startFrame: first.frames[0]!.id,
      endFrame: last.frames.at(-1)!.id,
    },
  };
}

function keptText(segments: readonly WindowSegment[]): string {
  const [first, last] = [segments[0]!, segments.at(-1)!];
  const [from, to] = [toMicros(first.start as Ticks), toMicros(partsEnd(last) as Ticks)];
  return `kept is ${formatMicros(from)} to ${formatMicros(to)}, frames ${first.frames[0]!.id} to ${last.frames.at(-1)!.id}`;
}

/** The key frame that a decoder must begin with. Every segment begins with one. */
function keyBefore(segments: readonly WindowSegment[], place: Place): Place {
  const row = segments[place.segment]!.frames.findLastIndex((frame, i) => i <= place.row && frame.key);
  if (row < 0) throw new SluiceError('internal', `segment ${segments[place.segment]!.sequence} has no key frame where one must be`);
  return { segment: place.segment, row };
}

function cut(segments: readonly WindowSegment[], from: Place, to: Place): ClipPiece[] {
  const pieces: ClipPiece[] = [];
  for (let i = from.segment; i <= to.segment; i++) {
    const segment = segments[i]!;
    const rows = segment.frames.slice(i === from.segment ? from.row : 0, i === to.segment ? to.row + 1 : undefined);
    pieces.push({ segment, rows });
  }
  return pieces;
}

/** A file has one description of its pictures: where size or encoder settings changed there must be two clips. */
function oneEncoding(pieces: readonly ClipPiece[], shownFrom: number): void {
  const spans: { init: string; pieces: ClipPiece[]; length: number }[] = [];
  for (const piece of pieces) {
    const { init } = piece.segment;
    if (spans.at(-1)?.init !== init) spans.push({ init, pieces: [], length: 0 });
    const span = spans.at(-1)!;
    span.pieces.push(piece);
    span.length += piece.rows.at(-1)!.pts - Math.max(piece.rows[0]!.pts, shownFrom);
  }
  if (spans.length === 1) return;
  const longest = spans.reduce((a, b) => (b.length > a.length ? b : a));
  const rows = longest.pieces.flatMap((piece) => piece.rows).filter((row) => row.pts >= shownFrom);
  const [first, last] = [rows[0]!, rows.at(-1)!];
  const span = { start: toMicros(first.pts as Ticks), end: toMicros(last.pts as Ticks), startFrame: first.id, endFrame: last.id };
  throw new SluiceError(
    'conflict',
    `the size or the encoding of the pictures changes inside this span, so it cannot be one file; the longest part that can is frames ${span.startFrame} to ${span.endFrame} (${formatMicros(span.start)} to ${formatMicros(span.end)})`,
    { longest: span },
  );
}
