// Runs a stream's own source in a media worker: only while somebody needs frames, again with back-off and jitter when it fails.
import type { Clock } from '../core/clock.ts';
import type { FrameInfo } from '../core/frame.ts';
import type { IdCounter } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { type SOURCES, sourceRow } from '../sources/index.ts';
import type { SoundBlock } from '../sources/source.ts';
import type { FrameHub } from './frame-hub.ts';
import type { Job, MediaPool } from './media-pool.ts';
import type { SourceEvent } from './messages.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

export interface SourceRunnerOptions {
  readonly type: keyof typeof SOURCES;
  readonly params: unknown;
  readonly hub: FrameHub;
  readonly ids: IdCounter;
  readonly pool: MediaPool;
  readonly clock: Clock & { readonly state: BigInt64Array<SharedArrayBuffer> };
  readonly log: Logger;
  readonly lastTimestamp: () => number;
  readonly onFrame: (info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null) => void;
  /** Time of a frame in the medium that it came from, 90 kHz ticks. */
  readonly onMediaTime: (id: number, mediaTime: number) => void;
  /** How its connection stands; `null`: it has none any more. */
  readonly onDetails: (details: Readonly<Record<string, unknown>> | null) => void;
  readonly onSound: (sound: SoundBlock) => void;
  readonly onState: (state: 'asleep' | 'starting' | 'failed' | 'ended', reason: string | null) => void;
}

export class SourceRunner {
  readonly #options: SourceRunnerOptions;
  readonly #asked = new Map<number, (frame: number) => void>();
  #requests = 0;
  #job: Job | null = null;
  #wanted = false;
  #stopping = false;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(options: SourceRunnerOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#job !== null;
  }

  /** Starts or stops the source. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    clearTimeout(this.#retry);
    if (wanted) {
      this.#failures = 0;
      if (!this.#job) this.#start();
    } else if (this.#job) {
      this.#stopping = true;
      this.#job.send({ type: 'stop' });
    } else this.#options.onState('asleep', null);
  }

  #start(): void {
    const { type, params, hub, ids, pool, clock } = this.#options;
    this.#options.onDetails(null);
    this.#options.onState('starting', null);
    const job = pool.run<SourceEvent>(
      {
        kind: 'source',
        type,
        params,
        clock: clock.state,
        ids: ids.memory,
        ring: hub.ring?.memory ?? null,
        last: this.#options.lastTimestamp(),
      },
      (event) => this.#onEvent(event, job),
      sourceRow(type).thread === 'own' ? 'own' : 'media',
    );
    this.#job = job;
    void job.ended.then((error) => {
      this.#job = null;
      const stopped = this.#stopping;
      this.#stopping = false;
      // Of one that has come to its end they stay: how it ended, and what had come.
      if (error || stopped || !this.#wanted) this.#options.onDetails(null);
      if (!this.#wanted) return this.#options.onState('asleep', null);
      // Wanted again while it was stopping: begin anew at once.
      if (stopped) return this.#start();
      if (!error) {
        this.#options.onState('ended', 'the source has come to its end');
        return;
      }
      this.#failures++;
      const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1)) * (0.75 + Math.random() / 2);
      this.#options.onState('failed', `${error.message}; trying again in ${Math.max(1, Math.round(delay / 1000))} s`);
      this.#retry = setTimeout(() => this.#wanted && !this.#job && this.#start(), delay);
      this.#retry.unref();
    });
  }

  #onEvent(event: SourceEvent, job: Job): void {
    const { hub, log } = this.#options;
    switch (event.type) {
      case 'frame':
        this.#failures = 0;
        hub.count();
        if (event.mediaTime !== undefined) this.#options.onMediaTime(event.info.id, event.mediaTime);
        this.#options.onFrame(event.info, event.stepped, event.metadata ?? null);
        break;
      case 'details':
        this.#options.onDetails(event.details);
        break;
      case 'sound':
        this.#failures = 0;
        this.#options.onSound(event.sound);
        break;
      case 'refused':
        hub.refused.add(event.reason);
        break;
      case 'no-slot':
        hub.dropped.add('ring');
        break;
      case 'params':
        this.#asked.get(event.request)?.(event.frame);
        break;
      case 'need-ring':
        job.send(hub.ringAnswer(event.format, event.width, event.height));
        break;
      case 'report':
        this.#options.onState(event.state, event.message);
        break;
      case 'log':
        log[event.level](event.values, event.message);
        break;
      default:
    }
  }

  /**
   * Tells the source its params, which have changed, while it runs. Resolves to the id of the first frame for which they hold; `null` = it does not run:
   * they hold from its start.
   */
  async sendParams(): Promise<number | null> {
    const job = this.#job;
    if (!job || this.#stopping) return null;
    const request = ++this.#requests;
    const answer = new Promise<number | null>((resolve) => this.#asked.set(request, resolve));
    job.send({ type: 'params', request, params: this.#options.params });
    return await Promise.race([answer, job.ended.then(() => null)]).finally(() => this.#asked.delete(request));
  }

  /** Its frames go into another hub from now on. */
  moved(): void {
    const { hub } = this.#options;
    if (hub.ring) this.#job?.send({ type: 'ring', ring: hub.ring.memory });
    else this.#job?.send({ type: 'move' });
  }

  async close(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#retry);
    await this.#job?.stop();
  }
}
