// One processor of a stream, seen from the main thread: runs it in a worker while frames come, hands on what it finds, counts the fate of
// every frame, ends the spans that it leaves open, and starts it again after a pause when it has failed.
import type { StreamStats } from '../api/schema.ts';
import { type FinderConfig, processorIdOf } from '../api/schema.ts';
import type { Clock } from '../core/clock.ts';
import { type SluiceError, toSluiceError } from '../core/errors.ts';
import type { FrameInfo } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { Findings, FoundMarker, Json } from '../processors/processor.ts';
import type { FrameHub, ReaderSeat } from './frame-hub.ts';
import type { Job, MediaPool } from './media-pool.ts';
import type { ProcessEvent } from './messages.ts';
import { Percentiles, RateMeter, Tally } from './meters.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** Frames that may wait for it where the ring has slots enough. */
const DEPTH = 8;
/** Slots that the source, the newest frame and the encoders need. */
const SLOTS_OF_OTHERS = 16;

/** What a processor found, ready for the timeline: names and ids are unique in the stream. */
export interface Results {
  readonly processor: string;
  /** The frame that metrics and data belong to. */
  readonly frame: { readonly id: number; readonly timestamp: number };
  readonly metrics: Findings['metrics'];
  readonly markers: readonly FoundMarker[];
  readonly data: readonly { readonly [key: string]: Json }[];
}

/** What a processor needs from its stream. */
export interface ProcessingHost {
  readonly hub: FrameHub;
  readonly pool: MediaPool;
  readonly clock: Clock & { readonly state: BigInt64Array<SharedArrayBuffer> };
  readonly log: Logger;
  /** Processors of the stream: they share the slots that others do not need. */
  readonly processors: number;
  /** Whether the newest frame is worth looking at for one that has just started. */
  readonly replay: boolean;
  /** Id of the next frame. */
  nextId(): number;
  onResults(results: Results): void;
}

/** Results as the timeline takes them: ids and names are unique in the stream, markers are signed. */
export function resultsOf(
  { id, use }: { readonly id: string; readonly use: string },
  frame: Results['frame'],
  { metrics, markers = [], data = [] }: Findings,
): Results {
  // Two processors of one sort in a stream have ids of their own, which keep their findings apart.
  const name = (own: string) => (id === use ? own : `${id}:${own}`);
  return {
    processor: id,
    frame,
    metrics: metrics && Object.fromEntries(Object.entries(metrics).map(([own, value]) => [name(own), value])),
    markers: markers.map((marker) => ({ ...marker, id: name(marker.id), data: signed(marker.data, id) })),
    data,
  };
}

/** Adds to the data of a marker whose it is, so that what is left open by a crash can be told from people's own. */
function signed(data: Json | undefined, processor: string): Json {
  const own = data !== null && typeof data === 'object' && !Array.isArray(data) ? data : data === undefined ? {} : { value: data };
  return { ...own, processor };
}

export class Processing {
  readonly id: string;
  #config: FinderConfig;
  readonly #host: ProcessingHost;
  readonly #log: Logger;
  #run: { job: Job; seat: ReaderSeat } | null = null;
  #wanted = false;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #error: SluiceError | null = null;
  /** Last frame that was looked at. */
  #last: FrameInfo | null = null;
  readonly #open = new Map<string, FoundMarker>();
  /** First frame that the present run can be given. */
  #first = 1;
  /** Changes of params that its job has not answered yet. */
  readonly #changes = new Map<number, (frame: number) => void>();
  #requests = 0;

  #past = { offered: 0, lost: 0 };
  readonly #skipped = new Tally();
  readonly #rate = new RateMeter();
  readonly #processMs = new Percentiles();
  readonly #latencyMs = new Percentiles();
  #processed = 0;
  #failed = 0;
  #metrics = 0;
  #markers = 0;
  #restarts = 0;

  constructor(config: FinderConfig, host: ProcessingHost) {
    this.id = processorIdOf(config);
    this.#config = config;
    this.#host = host;
    this.#log = host.log.child({ processor: this.id });
  }

  get config(): FinderConfig {
    return this.#config;
  }

  /**
   * Takes other params, checked, without a new start. Resolves to the id of the first frame that it looks at with them: none before was
   * looked at with them, none from there on without.
   */
  async setParams(config: FinderConfig): Promise<number> {
    this.#config = config;
    const run = this.#run;
    if (!run) return this.#host.nextId();
    const request = ++this.#requests;
    return await new Promise<number>((resolve) => {
      this.#changes.set(request, resolve);
      run.job.send({ type: 'params', request, params: config.params });
    });
  }

  /** Lets it run or not. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    clearTimeout(this.#retry);
    if (!wanted) this.#run?.job.send({ type: 'stop' });
    else if (!this.#run) this.#start();
  }

  #start(): void {
    const { hub, pool, clock, processors, replay } = this.#host;
    let job: Job | undefined;
    this.#first = (hub.ring?.withNewest((slot) => (slot < 0 ? 0 : hub.ring!.info(slot).id)) ?? 0) + (replay ? 0 : 1);
    const depth = (slots: number) => Math.max(1, Math.min(DEPTH, Math.floor((slots - SLOTS_OF_OTHERS) / processors) - 1));
    const seat = hub.seat(depth, replay, (ring) => job?.send({ type: 'ring', ring }));
    job = pool.run<ProcessEvent>(
      {
        kind: 'process',
        use: this.#config.use,
        params: this.#config.params,
        clock: clock.state,
        reader: seat.number,
        ring: seat.ring,
        after: this.#last?.id ?? 0,
      },
      (event) => this.#onEvent(event),
      'processors',
    );
    this.#run = { job, seat };
    void job.ended.then((error) => {
      this.#run = null;
      seat[Symbol.dispose]();
      // A run that ended before it could answer: the next one begins with the new params.
      for (const answer of this.#changes.values()) answer(this.#host.nextId());
      this.#changes.clear();
      const { offered, lost } = seat.counts();
      this.#past = { offered: this.#past.offered + offered, lost: this.#past.lost + lost };
      this.#endSpans();
      if (error) this.#fail(error);
      if (!this.#wanted) return;
      // Wanted again while it was stopping.
      if (!error) return this.#start();
      const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
      this.#log.warn({ error: error.message, retryMs: delay }, 'a processor failed');
      this.#retry = setTimeout(() => {
        this.#restarts++;
        this.#start();
      }, delay);
      this.#retry.unref();
    });
  }

  #fail(error: SluiceError): void {
    if (this.#error?.message !== error.message) this.#log.debug({ error: error.message }, 'a processor failed on a frame');
    this.#error = error;
  }

  #onEvent(event: ProcessEvent): void {
    switch (event.type) {
      case 'found':
        this.#processed++;
        this.#failures = 0;
        this.#error = null;
        this.#last = event.info;
        this.#rate.add(event.at);
        this.#processMs.add(event.processMs);
        this.#latencyMs.add((event.at - event.info.timestamp) / 1000);
        this.#found(event.findings);
        break;
      case 'finished':
        this.#found(event.findings);
        break;
      case 'skip':
        this.#skipped.add(event.policy);
        break;
      case 'failed':
        this.#failed++;
        this.#fail(toSluiceError(event.error));
        break;
      case 'params':
        this.#changes.get(event.request)?.(Math.max(1, event.frame || this.#first));
        this.#changes.delete(event.request);
        break;
      default:
    }
  }

  #found(findings: Findings | null): void {
    if (!findings || !this.#last) return;
    const results = resultsOf({ id: this.id, use: this.config.use }, this.#last, findings);
    const { metrics, markers, data } = results;
    for (const marker of markers) {
      if (marker.endFrame === undefined && !this.#open.has(marker.id)) this.#markers++;
      if (marker.open) this.#open.set(marker.id, marker);
      else this.#open.delete(marker.id);
    }
    this.#metrics += metrics ? Object.keys(metrics).length : 0;
    if (!metrics && !markers.length && !data.length) return;
    this.#host.onResults(results);
  }

  /** What is still open when it ends is ended with the last frame that it saw. */
  #endSpans(): void {
    if (!this.#last || !this.#open.size) return;
    const { id, timestamp } = this.#last;
    const markers = [...this.#open.values()].map((marker) => ({
      ...marker,
      open: false,
      endFrame: Math.max(marker.frame, id),
      end: Math.max(marker.timestamp, timestamp),
    }));
    this.#open.clear();
    this.#host.onResults({ processor: this.id, frame: this.#last, metrics: undefined, markers, data: [] });
  }

  stats(): StreamStats['processors'][number] {
    const now = this.#run?.seat.counts() ?? { offered: 0, lost: 0 };
    const offered = this.#past.offered + now.offered;
    const lost = this.#past.lost + now.lost;
    // What a thread that died still held is counted as lost with it.
    const ended = lost + this.#skipped.total + this.#processed + this.#failed;
    const abandoned = this.#run ? 0 : Math.max(0, offered - ended);
    return {
      id: this.id,
      use: this.#config.use,
      place: 'beside',
      running: this.#run !== null,
      state: this.#run ? 'running' : this.#wanted ? 'failed' : 'off',
      progress: null,
      flow: 'latest',
      queue: { depth: 0, limit: DEPTH },
      offered,
      processed: this.#processed,
      passed: 0,
      withheld: 0,
      dropped: { ...this.#skipped.counts, newest: lost },
      failed: this.#failed + abandoned,
      faults: { error: this.#failed, timeout: 0, crash: abandoned },
      inFlight: Math.max(0, offered - ended - abandoned),
      fps: this.#rate.rates(this.#host.clock.now()).perSecond,
      waitMs: { p50: null, p95: null },
      processMs: this.#processMs.summary,
      latencyMs: this.#latencyMs.summary,
      waits: null,
      runs: null,
      parts: {},
      metrics: this.#metrics,
      markers: this.#markers,
      restarts: this.#restarts,
      error: this.#error?.message ?? null,
      errorAt: null,
    };
  }

  async close(): Promise<void> {
    this.want(false);
    await this.#run?.job.stop();
  }
}
