// The timeline of one stream: markers and data records on disk before the answer, metrics in batches.
import { randomUUID } from 'node:crypto';
import type {
  DataInput,
  DataItem,
  DataPage,
  Marker,
  MarkerInput,
  MarkerPage,
  MarkerPatch,
  MetricAnswer,
  MetricConfig,
  MetricInput,
} from '../api/timeline.ts';
import { Emitter } from '../core/emitter.ts';
import { SluiceError } from '../core/errors.ts';
import { bind, comeFrame, isComing, type KnownFrames, newestFrame, unknownFrame } from './binding.ts';
import { ComingFrames } from './coming-frames.ts';
import type { DatabaseThread } from './database-thread.ts';
import type { Bound, DataWish, MarkerCalls, MarkerChangeWish, MarkerResult, MarkerWish } from './marker-schema.ts';
import { metricAnswer } from './metric-answer.ts';
import { MetricEvents } from './metric-events.ts';
import type { MetricQueue } from './metric-queue.ts';
import type { MetricCalls, MetricRows } from './metric-schema.ts';
import { PendingMarkers } from './pending-markers.ts';
import { RecentMarkers } from './recent-markers.ts';
import type { DataQuery, MarkerQuery, MetricQuery, StreamTimeline, TimelineEvents } from './timeline.ts';

export interface TimelineDeps {
  readonly markers: DatabaseThread<MarkerCalls>;
  readonly metrics: DatabaseThread<MetricCalls>;
  readonly queue: MetricQueue;
  readonly frames: KnownFrames;
  /** Settles when the frames of earlier runs are known. */
  readonly ready: () => Promise<unknown>;
  /** Units and labels by name. */
  readonly metricConfig: () => Readonly<Record<string, MetricConfig>>;
  readonly onError: (error: unknown) => void;
}

const END_NAMES = { frame: 'endFrame', timestamp: 'end' };
const START_NAMES = { frame: 'frame', timestamp: 'timestamp' };
const withField = (names: typeof START_NAMES, field: string) => ({
  frame: `${field}${names.frame}`,
  timestamp: `${field}${names.timestamp}`,
});

export class StoredTimeline implements StreamTimeline {
  readonly stream: string;
  readonly events: Emitter<TimelineEvents>;
  readonly #deps: TimelineDeps;
  readonly #pending: PendingMarkers;
  readonly #recent = new RecentMarkers();
  readonly #coming: ComingFrames;
  readonly #metricEvents: MetricEvents;
  readonly #ticking: NodeJS.Timeout;
  readonly #loaded: Promise<void>;
  #accepted = 0;
  #dropped = 0;

  constructor(stream: string, deps: TimelineDeps) {
    this.stream = stream;
    this.#deps = deps;
    this.events = new Emitter(deps.onError);
    this.#coming = new ComingFrames(deps.frames);
    this.#pending = new PendingMarkers(deps.frames, (id, change, sequence) => void this.#bindAnew(id, change, sequence));
    this.#metricEvents = new MetricEvents((event) => this.events.emit('metric', event));
    this.#ticking = setInterval(() => {
      if (this.#pending.size) this.#pending.check();
      this.#recent.forget(deps.frames.now());
    }, 1000).unref();
    this.#loaded = this.#load().catch(deps.onError);
  }

  /** Reads what an earlier run has left. */
  async #load(): Promise<void> {
    const { markers, metrics, queue, frames, ready } = this.#deps;
    await ready();
    queue.know(this.stream, await metrics.call('series', this.stream));
    for (const { marker, pending } of await markers.call('pending', this.stream)) this.#pending.note({ marker, pending, changed: false });
    const start = frames.now() - RecentMarkers.KEEP_US;
    const recent = await markers.call('markers', this.stream, { start, limit: RecentMarkers.LIMIT, newestFirst: true });
    for (const marker of recent.items) this.#recent.set(marker);
  }

  async #ready(): Promise<void> {
    await this.#loaded;
    await this.#deps.ready();
  }

  /** Counters since the start: samples. */
  get metricCounters(): { accepted: number; dropped: number } {
    return { accepted: this.#accepted, dropped: this.#dropped };
  }

  /** A frame was captured: `deps.frames` knows it already. */
  onFrame(): void {
    if (this.#pending.size) this.#pending.check();
    this.#coming.check();
  }

  // ---- markers

  async mark(markers: readonly MarkerInput[]): Promise<Marker[]> {
    await this.#ready();
    const { frames } = this.#deps;
    const wishes = markers.map((input, i): MarkerWish => {
      const field = markers.length > 1 ? `[${i}].` : '';
      const start = bind(frames, input.frame, input.timestamp, withField(START_NAMES, field));
      return {
        id: input.id ?? randomUUID(),
        label: input.label,
        kind: input.kind ?? 'event',
        start: start.given === 'none' ? newestFrame(frames) : start,
        end: bind(frames, input.endFrame, input.end, withField(END_NAMES, field)),
        open: input.open ?? false,
        data: jsonOf(input.data),
        field,
      };
    });
    const results = await this.#deps.markers.call('setMarkers', this.stream, wishes, frames.now(), frames.describe());
    for (const result of results) this.#changed(result);
    return results.map(({ marker }) => marker);
  }

  #changed(result: MarkerResult): void {
    this.#pending.note(result);
    if (!result.changed) return;
    this.#recent.set(result.marker);
    this.events.emit('marker', { action: 'set', marker: result.marker });
  }

  async #bindAnew(id: string, change: MarkerChangeWish, sequence: number): Promise<void> {
    try {
      const result = await this.#deps.markers.call('changeMarker', this.stream, id, change, '', sequence);
      if (result) this.#changed(result);
    } catch (error) {
      // Removed meanwhile.
      if (!(error instanceof SluiceError && error.code === 'unknown-marker')) this.#deps.onError(error);
    }
  }

  async changeMarker(id: string, patch: MarkerPatch): Promise<Marker> {
    await this.#ready();
    const { frames } = this.#deps;
    const start = bind(frames, patch.frame, patch.timestamp, START_NAMES);
    const end = bind(frames, patch.endFrame, patch.end, END_NAMES);
    const takesEnd = patch.endFrame === null || patch.end === null;
    const change: MarkerChangeWish = {
      ...(patch.label === undefined ? {} : { label: patch.label }),
      ...(patch.kind === undefined ? {} : { kind: patch.kind }),
      ...(start.given === 'none' ? {} : { start }),
      ...(end.given !== 'none' || takesEnd ? { end } : this.#endNow(patch)),
      ...(patch.open === undefined ? {} : { open: patch.open }),
      ...(patch.data === undefined ? {} : { data: jsonOf(patch.data) }),
    };
    const result = await this.#deps.markers.call('changeMarker', this.stream, id, change, frames.describe());
    this.#changed(result!);
    return result!.marker;
  }

  /** `open: false` alone ends a span at the newest frame. */
  #endNow(patch: MarkerPatch): { end?: Bound } {
    return patch.open === false ? { end: { ...newestFrame(this.#deps.frames), given: 'both' } } : {};
  }

  async removeMarker(id: string): Promise<void> {
    const { marker } = await this.#deps.markers.call('removeMarker', this.stream, id);
    this.#pending.remove(id);
    this.#recent.remove(id);
    this.events.emit('marker', { action: 'remove', marker });
  }

  async marker(id: string): Promise<Marker> {
    return await this.#deps.markers.call('marker', this.stream, id);
  }

  async markers(query: MarkerQuery): Promise<MarkerPage> {
    return await this.#deps.markers.call('markers', this.stream, query);
  }

  recentMarkers(start: number, end: number): readonly Marker[] {
    return this.#recent.overlapping(start, end);
  }

  // ---- metrics

  addMetrics(samples: readonly MetricInput[]): { accepted: number; dropped: number } {
    const { frames } = this.#deps;
    // Bound first: a mistake in one sample refuses all.
    const bounds = samples.map((sample, i) => {
      const field = samples.length > 1 ? `[${i}].` : '';
      const bound = bind(frames, sample.frame, sample.timestamp, withField(START_NAMES, field));
      if (bound.given === 'none') return newestFrame(frames);
      if (bound.timestamp === null) throw unknownFrame(this.stream, frames, bound.frame!, `${field}frame`);
      return bound;
    });
    let dropped = 0;
    for (const [i, { values }] of samples.entries()) {
      const bound = bounds[i]!;
      // Its capture time is not known before the frame is here.
      if (isComing(bound)) void this.#addWhenCome(bound, values);
      else if (!this.#addSample(bound, values)) dropped++;
    }
    this.#accepted += samples.length - dropped;
    this.#dropped += dropped;
    return { accepted: samples.length - dropped, dropped };
  }

  #addSample({ timestamp, frame, given }: Bound, values: MetricInput['values']): boolean {
    // A frame that was only looked up is looked up again when the sample is read: a later one may have come.
    const ownFrame = given === 'timestamp' ? null : frame;
    if (!this.#deps.queue.add(this.stream, timestamp!, ownFrame, values)) return false;
    this.#metricEvents.add({ timestamp: timestamp!, frame, values });
    return true;
  }

  async #addWhenCome(bound: Bound, values: MetricInput['values']): Promise<void> {
    const known = (await this.#coming.wait(bound.frame!)) ? comeFrame(this.#deps.frames, bound) : null;
    if (known && this.#addSample(known, values)) return;
    this.#accepted--;
    this.#dropped++;
  }

  async metrics(query: MetricQuery): Promise<MetricAnswer> {
    return metricAnswer(await this.table.rows(query), this.#deps.metricConfig(), this.table.frameAt);
  }

  /** Series as columns of numbers, for tables. */
  readonly table = {
    series: async (): Promise<readonly { name: string; width: number }[]> => {
      this.#deps.queue.flush();
      return await this.#deps.metrics.call('series', this.stream);
    },
    rows: async (query: MetricQuery): Promise<MetricRows> => {
      this.#deps.queue.flush();
      return await this.#deps.metrics.call('query', this.stream, query);
    },
    frameAt: (timestamp: number): number | null => this.#deps.frames.at(timestamp)?.id ?? null,
  };

  // ---- data

  async addData(records: readonly DataInput[]): Promise<DataItem[]> {
    await this.#ready();
    const { frames } = this.#deps;
    const wishes = await Promise.all(
      records.map(async (input, i): Promise<DataWish> => {
        const { timestamp, frame, ...record } = input;
        const field = records.length > 1 ? `[${i}].` : '';
        const found = bind(frames, frame as number | undefined, timestamp as number | string | undefined, withField(START_NAMES, field));
        const bound = found.given === 'none' ? newestFrame(frames) : found;
        const known = isComing(bound) ? (await this.#coming.wait(bound.frame!)) && comeFrame(frames, bound) : bound;
        if (!known || known.timestamp === null) throw unknownFrame(this.stream, frames, bound.frame!, `${field}frame`);
        return { timestamp: known.timestamp, frame: known.frame, record: JSON.stringify(record) };
      }),
    );
    const items = await this.#deps.markers.call('addData', this.stream, wishes, frames.now());
    if (items.length) this.events.emit('data', { items });
    return items;
  }

  async data(query: DataQuery): Promise<DataPage> {
    return await this.#deps.markers.call('data', this.stream, query);
  }

  // ---- frames

  async frameAt(timestamp: number): Promise<number | null> {
    await this.#ready();
    return this.#deps.frames.at(timestamp)?.id ?? null;
  }

  async timestampOf(frame: number): Promise<number | null> {
    await this.#ready();
    return this.#deps.frames.byId(frame)?.timestamp ?? null;
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#metricEvents.close();
    this.#coming.close();
  }
}

function jsonOf(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
