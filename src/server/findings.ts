// What the processors of all streams find, written onto their timelines. Ends what a crash of the server has left open.
import type { MarkerInput } from '../api/timeline.ts';
import type { Logger } from '../core/log.ts';
import type { Results } from '../pipeline/processing.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { StreamTimeline } from '../timeline/timeline.ts';

export interface FindingsOptions {
  readonly registry: Registry;
  readonly timeline: (stream: string) => StreamTimeline;
  readonly log: Logger;
  /** Server UTC, µs. */
  readonly now: () => number;
}

/** Markers in one transaction. */
const BATCH = 1000;

export class Findings implements AsyncDisposable {
  readonly #options: FindingsOptions;
  readonly #began: number;
  readonly #writers = new Map<Stream, FindingsWriter>();
  readonly #work = new Set<Promise<void>>();

  constructor(options: FindingsOptions) {
    this.#options = options;
    this.#began = options.now();
    options.registry.events.on('added', ({ stream }) => this.#follow(stream));
    options.registry.events.on('removed', ({ stream }) => this.#writers.delete(stream));
  }

  #follow(stream: Stream): void {
    const { log } = this.#options;
    const timeline = this.#options.timeline(stream.name);
    const writer = new FindingsWriter(timeline, (error) =>
      log.error({ stream: stream.name, error: String(error) }, 'findings could not be written'),
    );
    this.#writers.set(stream, writer);
    stream.events.on('results', (results) => writer.add(results));
    const work = endLeftOpen(timeline, this.#began)
      .catch((error) => log.error({ stream: stream.name, error: String(error) }, 'spans of an earlier run could not be ended'))
      .finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** Ends the processors of all streams, and what they still have to say is on disk: while there are timelines. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#writers.keys()].map((stream) => stream.endProcessors()));
    await Promise.all([...this.#writers.values()].map((writer) => writer.settled()));
    await Promise.all(this.#work);
  }
}

/** Writes in order; what comes while a write is under way goes together into the next one. */
class FindingsWriter {
  readonly #timeline: StreamTimeline;
  readonly #onError: (error: unknown) => void;
  #markers: MarkerInput[] = [];
  #data: Parameters<StreamTimeline['addData']>[0][number][] = [];
  #writing: Promise<void> | null = null;

  constructor(timeline: StreamTimeline, onError: (error: unknown) => void) {
    this.#timeline = timeline;
    this.#onError = onError;
  }

  add({ frame, metrics, markers, data }: Results): void {
    // What belongs to sound has a time and no frame.
    const at = frame.id ? { frame: frame.id, timestamp: frame.timestamp } : { timestamp: frame.timestamp };
    try {
      if (metrics) this.#timeline.addMetrics([{ ...at, values: metrics as Record<string, number | null | (number | null)[]> }]);
    } catch (error) {
      this.#onError(error);
    }
    this.#markers.push(...(markers as MarkerInput[]));
    this.#data.push(...data.map((record) => ({ ...record, ...at })));
    if (this.#markers.length || this.#data.length) this.#writing ??= this.#write();
  }

  /** Settles when all is on disk. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#markers.length || this.#data.length) {
      const markers = this.#markers.splice(0, BATCH);
      const data = this.#data.splice(0, BATCH);
      try {
        if (markers.length) await this.#timeline.mark(markers);
        if (data.length) await this.#timeline.addData(data);
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#writing = null;
  }
}

/** Spans of processors that are still open though their run is over: they end with the last frame that is known of it. */
async function endLeftOpen(timeline: StreamTimeline, began: number): Promise<void> {
  const last = await timeline.frameAt(began);
  let after: string | undefined;
  do {
    // Only open spans, and what was set ahead of time, reach up to now.
    const page = await timeline.markers({ start: began, end: began, ...(after === undefined ? {} : { after }) });
    for (const { id, open, data, frame, timestamp } of page.items) {
      const ours = data !== null && typeof data === 'object' && !Array.isArray(data) && typeof data.processor === 'string';
      if (!open || !ours || timestamp >= began) continue;
      const known = last !== null && frame !== null && last > frame ? await timeline.timestampOf(last) : null;
      // Nothing was kept behind its beginning: then that is all that is known.
      const end = known === null ? { endFrame: frame, end: timestamp } : { endFrame: last, end: known };
      await timeline.changeMarker(id, { ...end, open: false });
    }
    after = page.next;
  } while (after !== undefined);
}
