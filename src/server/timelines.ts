// The timelines of all streams, and the two stores behind them.
import { join } from 'node:path';
import type { Logger } from '../core/log.ts';
import type { Recorder } from '../outputs/hls/recorder.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';
import { DatabaseThread } from '../timeline/database-thread.ts';
import type { ChangeFilter, MarkerCalls, StoredEvent } from '../timeline/marker-schema.ts';
import { MetricQueue } from '../timeline/metric-queue.ts';
import type { MetricCalls } from '../timeline/metric-schema.ts';
import { StoredTimeline } from '../timeline/stored-timeline.ts';
import { StreamFrames } from './known-frames.ts';
import { forgetOld, shrinkToFit } from './timeline-keeper.ts';

export interface TimelinesOptions {
  readonly dataDir: string;
  readonly registry: Registry;
  readonly recorder: (stream: string) => Recorder | undefined;
  /** Settles when the recordings of a stream are known. */
  readonly recordingsOpened: (stream: string) => Promise<void>;
  /** Bytes that all data may take. */
  readonly maxBytes: number;
  /** Server UTC, µs. */
  readonly now: () => number;
  readonly log: Logger;
}

/** Time between two looks at what may go. */
const KEEP_EVERY_MS = 60_000;

export class Timelines implements AsyncDisposable {
  readonly #options: TimelinesOptions;
  readonly #markers: DatabaseThread<MarkerCalls>;
  readonly #metrics: DatabaseThread<MetricCalls>;
  readonly #queue: MetricQueue;
  readonly #timelines = new Map<string, { timeline: StoredTimeline; off: () => void }>();
  readonly #identified: Promise<void>;
  readonly #keeping: NodeJS.Timeout;
  #kept: Promise<void> = Promise.resolve();
  #closing = false;
  #bytes = 0;
  #place = { epoch: '0', sequence: 0 };
  /** Work on streams that were removed. */
  readonly #removals = new Set<Promise<void>>();

  constructor(options: TimelinesOptions) {
    this.#options = options;
    const { dataDir, registry } = options;
    this.#markers = new DatabaseThread<MarkerCalls>({ worker: 'marker', path: join(dataDir, 'markers.db') });
    this.#metrics = new DatabaseThread<MetricCalls>({ worker: 'metric', path: join(dataDir, 'metrics.db') });
    this.#queue = new MetricQueue(this.#metrics, this.#options.now, this.#onError);
    this.#identified = this.#markers.call('identity').then((place) => {
      this.#place = place;
    }, this.#onError);
    this.#keeping = setInterval(() => this.#keep(), KEEP_EVERY_MS).unref();
    this.#keep();
    registry.events.on('added', ({ stream }) => this.#follow(stream));
    registry.events.on('removed', ({ stream }) => this.#remove(stream.name));
  }

  readonly #onError = (error: unknown) => this.#options.log.error({ error: String(error) }, 'the timeline could not do its work');

  /** Settles when the store is open. */
  opened(): Promise<void> {
    return this.#identified;
  }

  /** Name of the store and its newest change that has been told. */
  get place(): { readonly epoch: string; readonly sequence: number } {
    return this.#place;
  }

  /** Changes of markers and data behind a place, in order. */
  changes(after: number, filter: ChangeFilter): Promise<{ events: StoredEvent[]; floor: number }> {
    return this.#markers.call('changes', after, filter);
  }

  /** Samples of a stream that have come since a time (server UTC, to the second before), and their capture times. */
  metricsSince(stream: string, since: number): Promise<{ count: number; from: number; to: number }> {
    this.#queue.flush();
    return this.#metrics.call('arrived', stream, since);
  }

  /** The timeline of a stream. Throws `unknown-stream`. */
  of(name: string): StoredTimeline {
    const { name: known } = this.#options.registry.get(name);
    return this.#timelines.get(known)!.timeline;
  }

  #follow(stream: Stream): void {
    const { name } = stream;
    const { recorder, recordingsOpened } = this.#options;
    const frames = new StreamFrames(stream, () => recorder(name));
    const timeline = new StoredTimeline(name, {
      markers: this.#markers,
      metrics: this.#metrics,
      queue: this.#queue,
      frames,
      // A stream made again waits until its former timeline is gone.
      ready: () => Promise.all([recordingsOpened(name), ...this.#removals]),
      metricConfig: () => stream.config.metrics,
      onError: this.#onError,
    });
    // Before anybody else hears of a change, it is part of the place.
    timeline.events.on('marker', ({ marker }) => this.#moveTo(marker.sequence));
    timeline.events.on('data', ({ items }) => this.#moveTo(items.at(-1)!.sequence));
    const off = stream.events.on('frame', ({ info }) => {
      frames.add(info.id, info.timestamp);
      timeline.onFrame();
    });
    const offNote = stream.events.on('note', ({ id, kind, label, timestamp }) => {
      timeline.mark([{ id, kind, label, timestamp }]).catch(this.#onError);
    });
    this.#timelines.set(name, {
      timeline,
      off: () => {
        off();
        offNote();
      },
    });
  }

  /** One round at a time. */
  #keep(): void {
    this.#kept = this.#kept.then(() => this.keep()).catch(this.#onError);
  }

  /** Forgets what need not be kept. The options are for tests, which have no day to wait. */
  async keep({ leastAgeUs, now }: { leastAgeUs?: number; now?: number } = {}): Promise<void> {
    const { maxBytes, registry } = this.#options;
    this.#queue.flush();
    const deps = { markers: this.#markers, metrics: this.#metrics, maxBytes, ...(leastAgeUs === undefined ? {} : { leastAgeUs }) };
    for (const stream of registry.all()) {
      if (this.#closing) return;
      await forgetOld(deps, stream.name, stream.config.dvr, now ?? stream.clock.now());
    }
    if (!this.#closing) await shrinkToFit(deps);
    this.#bytes = (await this.#markers.call('bytes')) + (await this.#metrics.call('bytes'));
  }

  /** Bytes of both stores, as of the last minute. */
  get diskBytes(): number {
    return this.#bytes;
  }

  #moveTo(sequence: number): void {
    if (sequence > this.#place.sequence) this.#place = { ...this.#place, sequence };
  }

  #remove(name: string): void {
    const entry = this.#timelines.get(name);
    if (!entry) return;
    this.#timelines.delete(name);
    entry.off();
    entry.timeline.close();
    this.#queue.forget(name);
    const work = Promise.all([this.#markers.call('removeStream', name), this.#metrics.call('removeStream', name)])
      .then(() => {}, this.#onError)
      .finally(() => this.#removals.delete(work));
    this.#removals.add(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timeline, off } of this.#timelines.values()) {
      off();
      timeline.close();
    }
    this.#closing = true;
    clearInterval(this.#keeping);
    await this.#kept;
    await Promise.all(this.#removals);
    await this.#queue.close();
    await Promise.all([this.#markers.close(), this.#metrics.close()]);
  }
}
