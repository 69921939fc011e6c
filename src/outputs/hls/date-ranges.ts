// Markers as date ranges of the playlist: the newest ones, from the timeline's store. What a player has once seen of a range stays as it was
// but for its end (rfc8216bis 4.4.5.1): a marker that changes otherwise becomes a new range.
import type { Marker } from '../../api/timeline.ts';
import { type Micros, type Ticks, toMicros, toTicks } from '../../core/time.ts';
import type { DateRangeEntry } from '../../formats/m3u8-daterange.ts';
import { dateRangeId } from '../../formats/m3u8-daterange.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';

/** Only so far back from the end of the window, ticks: 10 minutes (DESIGN 6). */
const SPAN_TICKS = 600 * 90_000;
/** Ranges in a playlist at most. */
const MAX_RANGES = 200;
/** What is newer than this, or went since, stands in every delta update, ms: as long as CAN-SKIP-UNTIL, twice the age of what an asking client has. */
const NEW_MS = 12_000;

/** What the ranges need to know of the recorder. */
export interface FrameTimes {
  /** Media time of a frame in the window, ticks. */
  ptsOf(frame: number): number | undefined;
  /** Media time of what is on show at a media time, ticks. */
  ptsAt(pts: number): number | undefined;
  /** Id of the newest frame in the window. */
  readonly newestFrame: number;
}

/** What a playlist is to say. */
export interface ListedRanges {
  readonly all: readonly DateRangeEntry[];
  /** Those that an earlier playlist may not have had. */
  readonly fresh: readonly DateRangeEntry[];
  /** Ids that an earlier playlist may have had. */
  readonly removed: readonly string[];
}

interface Known {
  readonly marker: Marker;
  readonly entry: DateRangeEntry;
  readonly revision: number;
  /** ms of the monotonic clock when it was first listed like this. */
  readonly since: number;
}

export class DateRanges implements Disposable {
  readonly #timeline: Pick<StreamTimeline, 'recentMarkers' | 'events'>;
  readonly #frames: FrameTimes;
  readonly #now: () => number;
  readonly #off: () => void;
  #version = 0;
  /** By id of the marker. */
  #known = new Map<string, Known>();
  /** Known ones that went, and the ids of their ranges with the time when. */
  readonly #gone = new Map<string, Known>();
  readonly #removed = new Map<string, number>();

  constructor(timeline: Pick<StreamTimeline, 'recentMarkers' | 'events'>, frames: FrameTimes, now: () => number = () => performance.now()) {
    this.#timeline = timeline;
    this.#frames = frames;
    this.#now = now;
    this.#off = timeline.events.on('marker', () => this.#version++);
  }

  [Symbol.dispose](): void {
    this.#off();
  }

  /** Rises with every change of a marker. */
  get version(): number {
    return this.#version;
  }

  /** Ranges of a window, ticks. Markers of frames that are not yet in it wait. */
  list(window: { readonly start: number; readonly end: number }): ListedRanges {
    const now = this.#now();
    // A tick earlier: the first frame's own time may be rounded up to its media time.
    const from = Math.max(window.start, window.end - SPAN_TICKS) - 1;
    const known = new Map<string, Known>();
    const markers = this.#timeline
      .recentMarkers(toMicros(from as Ticks), toMicros(window.end as Ticks))
      .filter((marker) => toTicks(marker.timestamp as Micros) < window.end && (marker.frame ?? 0) <= this.#frames.newestFrame)
      .toSorted((a, b) => a.timestamp - b.timestamp || a.sequence - b.sequence)
      .slice(-MAX_RANGES);
    for (const marker of markers) known.set(marker.id, this.#know(marker, now));
    this.#forget(known, now);
    this.#known = known;
    const rows = [...known.values()];
    return {
      all: rows.map((row) => row.entry),
      fresh: rows.filter((row) => now - row.since < NEW_MS).map((row) => row.entry),
      removed: [...this.#removed.keys()],
    };
  }

  #know(marker: Marker, now: number): Known {
    const before = this.#known.get(marker.id) ?? this.#gone.get(marker.id);
    if (before?.marker.sequence === marker.sequence && this.#known.has(marker.id)) return before;
    const start = before && sameStart(before.marker, marker) ? before.entry.start : this.#startOf(marker);
    const same = before !== undefined && start === before.entry.start && mayFollow(before.marker, marker);
    const revision = before ? before.revision + (same ? 0 : 1) : 1;
    const id = `${dateRangeId(marker.id)}${revision > 1 ? `~${revision}` : ''}`;
    return { marker, entry: entryOf(marker, id, start), revision, since: now };
  }

  #startOf(marker: Marker): number {
    const at = toTicks(marker.timestamp as Micros);
    const own = marker.frame === null ? undefined : this.#frames.ptsOf(marker.frame);
    return dateOf(own ?? this.#frames.ptsAt(at) ?? at);
  }

  #forget(known: ReadonlyMap<string, Known>, now: number): void {
    for (const [id, row] of this.#known) {
      if (known.get(id)?.entry.id === row.entry.id) continue;
      this.#removed.set(row.entry.id, now);
      if (!known.has(id)) this.#gone.set(id, row);
    }
    for (const [id, row] of known) {
      this.#removed.delete(row.entry.id);
      this.#gone.delete(id);
    }
    for (const [id, at] of this.#removed) if (now - at >= NEW_MS) this.#removed.delete(id);
    for (const [id, row] of this.#gone) if (!this.#removed.has(row.entry.id)) this.#gone.delete(id);
  }
}

function sameStart(before: Marker, after: Marker): boolean {
  return before.timestamp === after.timestamp && (before.frame === null || before.frame === after.frame);
}

/** Whether the later state may stand under the same id: only what was not known before may be added. */
function mayFollow(before: Marker, after: Marker): boolean {
  if (before.kind !== after.kind || before.label !== after.label || !sameStart(before, after)) return false;
  return before.open || (!after.open && before.end === after.end);
}

function entryOf(marker: Marker, id: string, start: number): DateRangeEntry {
  return {
    id,
    class: marker.kind,
    start,
    end: marker.open || marker.end === null ? null : dateOf(toTicks(marker.end as Micros)),
    instant: !marker.open && marker.end === null,
    attributes: {
      ...(marker.frame === null ? {} : { FRAME: marker.frame }),
      TIMESTAMP: marker.timestamp,
      // Last: some parsers stumble over an apostrophe in a quoted string.
      LABEL: marker.label,
    },
  };
}

/**
 * ms UTC of a media time, for players that seek to it: one to two ms inside the frame, never before it. Whole ms because players read no
 * more; rounded up because they cut PROGRAM-DATE-TIME; one more because hls.js places its first segments by such cut dates (seen: 0.6 ms).
 */
function dateOf(pts: number): number {
  return Math.ceil(pts / 90) + 1;
}
