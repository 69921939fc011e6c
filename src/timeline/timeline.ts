// What the rest of the program may ask of a stream's timeline. Implemented by `StoredTimeline`.
import type {
  DataInput,
  DataItem,
  DataPage,
  Marker,
  MarkerInput,
  MarkerPage,
  MarkerPatch,
  MetricAnswer,
  MetricInput,
  MetricSample,
} from '../api/timeline.ts';
import type { Emitter } from '../core/emitter.ts';

/** A change of a marker: set (made or changed) or removed. */
export interface MarkerChange {
  readonly action: 'set' | 'remove';
  readonly marker: Marker;
}

export interface TimelineEvents {
  /** After it is on disk. */
  marker: MarkerChange;
  /** At most some tens of times a second, however many samples. */
  metric: {
    readonly samples: readonly MetricSample[];
    /** More came at once than an event holds: ask for them. */
    readonly skipped: { readonly from: number; readonly to: number; readonly count: number } | null;
  };
  data: { readonly items: readonly DataItem[] };
}

export interface MarkerQuery {
  /** µs; markers that overlap [start, end]. */
  readonly start?: number;
  readonly end?: number;
  readonly kinds?: readonly string[];
  /** `next` of the page before. */
  readonly after?: string;
  /** At most so many, default 1000. */
  readonly limit?: number;
  /** Default: oldest first. */
  readonly newestFirst?: boolean;
}

export interface MetricQuery {
  readonly names?: readonly string[];
  readonly start?: number;
  readonly end?: number;
  /** µs of a bin; 0 = raw; absent = chosen so that about 1,000 rows come. */
  readonly step?: number;
  /** Rows per series at most, default 10,000. */
  readonly limit?: number;
}

export interface DataQuery {
  readonly start?: number;
  readonly end?: number;
  readonly after?: string;
  readonly limit?: number;
  /** Default: oldest first. */
  readonly newestFirst?: boolean;
}

/** The timeline of one stream. Errors are `SluiceError`s: `bad-value`, `bad-timestamp`, `unknown-marker`, `unknown-frame`. */
export interface StreamTimeline {
  readonly stream: string;
  readonly events: Emitter<TimelineEvents>;
  /** Makes markers, or changes those whose id exists. Settles when they are on disk: all or none. */
  mark(markers: readonly MarkerInput[]): Promise<Marker[]>;
  changeMarker(id: string, patch: MarkerPatch): Promise<Marker>;
  removeMarker(id: string): Promise<void>;
  marker(id: string): Promise<Marker>;
  markers(query: MarkerQuery): Promise<MarkerPage>;
  /** Markers that overlap a span, from memory: for playlists and packets. Newest 10 minutes only. */
  recentMarkers(start: number, end: number): readonly Marker[];
  /** Takes samples; never waits. Says how many found no place in the queue. */
  addMetrics(samples: readonly MetricInput[]): { readonly accepted: number; readonly dropped: number };
  metrics(query: MetricQuery): Promise<MetricAnswer>;
  addData(records: readonly DataInput[]): Promise<DataItem[]>;
  data(query: DataQuery): Promise<DataPage>;
  /** Frame id of a capture time: the frame shown then; `null` if none is known. */
  frameAt(timestamp: number): Promise<number | null>;
  /** Capture time of a frame id; `null` if it is not known. */
  timestampOf(frame: number): Promise<number | null>;
}
