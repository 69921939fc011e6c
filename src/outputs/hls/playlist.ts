// Renders the playlists of a recorder. Each version is rendered and compressed once and shared by all its viewers.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { TICKS_PER_SECOND } from '../../core/time.ts';
import { renderMediaPlaylist, renderMultivariantPlaylist, type SegmentEntry } from '../../formats/m3u8.ts';
import { GRID_TICKS } from '../../pipeline/grid.ts';
import { segmentFile } from './archive.ts';
import type { DateRanges } from './date-ranges.ts';
import { listed, MAX_GAPS } from './listed.ts';
import type { Recorder } from './recorder.ts';
import { PART_TARGET_TICKS } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

const compress = promisify(gzip);

const TARGET_DURATION = GRID_TICKS / TICKS_PER_SECOND;
const PART_TARGET = PART_TARGET_TICKS / TICKS_PER_SECOND;
/** Parts are listed for these newest segments, the open one among them: never more than three target durations (rfc8216bis 6.2.2). */
const SEGMENTS_WITH_PARTS = 3;
/** CAN-SKIP-UNTIL must be at least six target durations (4.4.3.8). */
const SKIP_UNTIL = TARGET_DURATION * 6;

const seconds = (ticks: number) => ticks / TICKS_PER_SECOND;

/** Name of a part: sequence number, then index. */
export function partFile(sequence: number, index: number): string {
  return `p${sequence}.${index}.m4s`;
}

export interface PlaylistOptions {
  /** Parts and blocking reload; off for old players. */
  readonly lowLatency: boolean;
  /** What the client knows is left out: `segments` (`_HLS_skip=YES`), or segments and date ranges (`v2`). */
  readonly delta: 'none' | 'segments' | 'all';
  /** Appended to every address, such as `?token=…`. */
  readonly query: string;
}

export class PlaylistRenderer {
  readonly #recorder: Recorder;
  readonly #ranges: DateRanges | null;
  readonly #other: OtherTrack | null;
  #version = -1;
  readonly #texts = new Map<string, { text: string; gzipped: Promise<Uint8Array> | null }>();

  /** `other`: the track beside this one, pictures beside sound. */
  constructor(recorder: Recorder, ranges: DateRanges | null, other: OtherTrack | null = null) {
    this.#recorder = recorder;
    this.#other = other;
    this.#ranges = ranges;
  }

  /** The media playlist as it is now. */
  text(options: PlaylistOptions): string {
    return this.#entry(options).text;
  }

  /** The same, compressed. */
  gzipped(options: PlaylistOptions): Promise<Uint8Array> {
    const entry = this.#entry(options);
    entry.gzipped ??= compress(entry.text, { level: 4 });
    return entry.gzipped;
  }

  #entry(options: PlaylistOptions): { text: string; gzipped: Promise<Uint8Array> | null } {
    // Both only rise. A change of a marker makes a new text, but wakes nobody who waits for media.
    const version = this.#recorder.version + (this.#ranges?.version ?? 0);
    if (this.#version !== version) {
      this.#texts.clear();
      this.#version = version;
    }
    const key = `${options.lowLatency} ${options.delta} ${options.query}`;
    const entry = this.#texts.get(key) ?? { text: this.#render(options), gzipped: null };
    this.#texts.set(key, entry);
    return entry;
  }

  #render(options: PlaylistOptions): string {
    const segments = this.#inEras(listed(this.#recorder.segments(), this.#recorder.keptFrom));
    const entries = segmentEntries(segments, options);
    const first = segments[0];
    const last = segments.at(-1);
    const total = entries.length;
    let skipped = 0;
    if (options.delta !== 'none' && options.lowLatency) {
      let after = 0;
      for (let i = total - 1; i >= 0 && after <= SKIP_UNTIL; i--) {
        after += entries[i]!.duration;
        skipped = i;
      }
      // A delta that skips nothing is just the full playlist.
    }
    const ranges = first && last && this.#ranges?.list({ start: first.start, end: last.end });
    const known = skipped > 0 && options.delta === 'all';
    const next = last ? (last.open ? partFile(last.sequence, last.parts.length) : partFile(last.sequence + 1, 0)) : null;
    return renderMediaPlaylist({
      targetDuration: TARGET_DURATION,
      partTarget: options.lowLatency ? PART_TARGET : 0,
      partHoldBack: PART_TARGET * 3,
      mediaSequence: first?.sequence ?? 0,
      discontinuitySequence: first?.era ?? 0,
      segments: skipped ? entries.slice(skipped) : entries,
      preloadHint: next && this.#recorder.recording ? `${next}${options.query}` : null,
      skipped,
      dateRanges: (known ? ranges?.fresh : ranges?.all) ?? [],
      removedDateRanges: known ? (ranges?.removed ?? []) : null,
      canSkipUntil: SKIP_UNTIL,
      ended: this.#recorder.ended,
      renditionReports: this.#reports(options.query),
    });
  }

  /** Discontinuities are counted alike in all renditions (rfc8216bis 4.4.3.3): sound has those of its pictures. */
  #inEras(segments: readonly WindowSegment[]): readonly WindowSegment[] {
    const pictures = this.#other?.leads ? this.#other.recorder.segments() : [];
    return pictures.length ? inErasOf(pictures, segments) : segments;
  }

  /** How far the other track is (4.4.5.4). */
  #reports(query: string): { uri: string; lastMsn: number; lastPart: number }[] {
    const last = this.#other?.recorder.segments().at(-1);
    if (!last || !this.#other) return [];
    return [{ uri: `../${this.#other.name}/media.m3u8${query}`, lastMsn: last.sequence, lastPart: Math.max(0, last.parts.length - 1) }];
  }
}

export interface OtherTrack {
  readonly name: 'video' | 'audio';
  readonly recorder: Recorder;
  /** Its discontinuities hold for both. */
  readonly leads: boolean;
}

function inErasOf(pictures: readonly WindowSegment[], segments: readonly WindowSegment[]): WindowSegment[] {
  let at = 0;
  return segments.map((segment) => {
    while (at + 1 < pictures.length && pictures[at + 1]!.sequence <= segment.sequence) at++;
    return { ...segment, era: pictures[at]!.era };
  });
}

/**
 * A closed playlist of what is kept between two media times (ticks), at most an hour: for what the live playlist does not list any more.
 * `null`: nothing is.
 */
export function spanPlaylist(
  recorder: Recorder,
  start: number,
  end: number,
  query: string,
  pictures: Recorder | null = null,
): string | null {
  const own = segmentsOf(recorder, start, end);
  const beside = pictures?.segments() ?? [];
  const segments = beside.length ? inErasOf(beside, own) : own;
  const [first] = segments;
  if (!first) return null;
  return renderMediaPlaylist({
    targetDuration: TARGET_DURATION,
    partTarget: 0,
    partHoldBack: 0,
    mediaSequence: first.sequence,
    discontinuitySequence: first.era,
    segments: segmentEntries(segments, { lowLatency: false, delta: 'none', query }),
    preloadHint: null,
    skipped: 0,
    dateRanges: [],
    removedDateRanges: null,
    canSkipUntil: SKIP_UNTIL,
    ended: true,
    renditionReports: [],
  });
}

function segmentsOf(recorder: Recorder, start: number, end: number): WindowSegment[] {
  const last = Math.min(end, start + MAX_GAPS * GRID_TICKS);
  return recorder.segments().filter((segment) => !segment.open && segment.end > start && segment.start < last);
}

function segmentEntries(segments: readonly WindowSegment[], options: PlaylistOptions): SegmentEntry[] {
  const entries: SegmentEntry[] = [];
  let before: WindowSegment | null = null;
  const newest = segments.at(-1);
  // The segment that grows now or next: what is hinted belongs to it.
  const edge = newest ? newest.sequence + (newest.open ? 0 : 1) : 0;
  for (const segment of segments) {
    // The grid leaves no number out: where nothing was recorded, a gap stands.
    for (let sequence = before ? before.sequence + 1 : segment.sequence; sequence < segment.sequence; sequence++) {
      entries.push({
        uri: `gap${sequence}.m4s`,
        duration: seconds(GRID_TICKS),
        programDateTime: (sequence * GRID_TICKS) / 90,
        discontinuity: false,
        gap: true,
        map: null,
        parts: [],
        open: false,
      });
    }
    const discontinuity = before !== null && before.era !== segment.era;
    const hot = segment.sequence > edge - SEGMENTS_WITH_PARTS;
    entries.push({
      uri: `${segmentFile(segment.sequence, segment.init)}${options.query}`,
      duration: seconds(segment.end - segment.start),
      programDateTime: segment.start / 90,
      discontinuity,
      gap: false,
      map: before === null || discontinuity || before.init !== segment.init ? `init-${segment.init}.mp4${options.query}` : null,
      parts: hot
        ? segment.parts.map((part, index) => ({
            uri: `${partFile(segment.sequence, index)}${options.query}`,
            duration: seconds(part.duration),
            independent: part.independent,
          }))
        : [],
      open: segment.open,
    });
    before = segment;
  }
  // Old players see whole segments only.
  return options.lowLatency ? entries : entries.filter((entry) => !entry.open);
}

/** What there is to play. */
export interface Tracks {
  readonly video: Recorder;
  readonly audio: Recorder;
}

/**
 * The multivariant playlist: one variant, sound as a group of its own (rfc8216bis 4.4.6.1), or as the variant where there are no pictures.
 * `query` goes behind the addresses of the media playlists. `span`: of what is kept between two media times instead of the live end; `null`
 * if nothing is.
 */
export function multivariantPlaylist(
  { video, audio }: Tracks,
  query: string,
  fps: number,
  span?: { start: number; end: number },
): string | null {
  const pictures = figuresOf(video, span);
  const sound = figuresOf(audio, span);
  if (!pictures && !sound) return null;
  const uri = `audio/media.m3u8${query}`;
  if (!pictures) {
    const { peak, average, track } = sound!;
    return renderMultivariantPlaylist([{ uri, bandwidth: peak, averageBandwidth: average, codecs: track.codec }]);
  }
  const { track } = pictures;
  const variant = {
    uri: `video/media.m3u8${query}`,
    bandwidth: Math.max(track.bitrate * 1.5, pictures.peak, 100_000) + (sound?.peak ?? 0),
    averageBandwidth: Math.max(pictures.average, 50_000) + (sound?.average ?? 0),
    codecs: sound ? `${track.codec},${sound.track.codec}` : track.codec,
    size: { width: track.width, height: track.height },
    frameRate: fps,
    ...(sound ? { audio: 'sound' } : {}),
  };
  return renderMultivariantPlaylist([variant], sound ? [{ group: 'sound', name: 'Sound', uri }] : []);
}

function figuresOf(recorder: Recorder, span: { start: number; end: number } | undefined) {
  const inside = span ? segmentsOf(recorder, span.start, span.end) : recorder.segments();
  const track = span ? inside[0] && recorder.init(inside[0].init)?.track : recorder.track;
  if (!track) return null;
  const rates = inside.slice(-5).map((segment) => (segment.bytes * 8) / Math.max(0.2, seconds(segment.end - segment.start)));
  const average = rates.length ? rates.reduce((sum, rate) => sum + rate, 0) / rates.length : track.bitrate;
  return { track, peak: Math.max(track.bitrate, ...rates), average };
}
