// The media workers: threads that run sources, encoders and processors away from the main thread. Jobs share a few threads; a source that
// blocks its thread gets one of its own. Processors have threads apart, so that a slow one holds up no picture.
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { WorkerCommand } from './media-worker.ts';
import type {
  AudioEvent,
  DecodeEvent,
  EncodeEvent,
  JobCommand,
  JobSpec,
  ProcessEvent,
  RecordEvent,
  SoundDecodeEvent,
  SourceEvent,
} from './messages.ts';

/** A running job as the main thread sees it. */
export interface Job {
  send(command: JobCommand): void;
  /** Settles when the job has ended; with the error if its thread died. */
  readonly ended: Promise<SluiceError | null>;
  /** Asks it to stop and waits. Idempotent. */
  stop(): Promise<void>;
}

/** Where a job runs: on a shared thread for sources and encoders, on a shared one for processors, or on a thread of its own. */
export type Place = 'media' | 'processors' | 'own';

interface MediaWorker {
  readonly worker: Worker;
  readonly exited: Promise<SluiceError>;
  /** Of its jobs, for when it ends. A promise would keep all that there ever were. */
  readonly ends: Set<(error: SluiceError) => void>;
  jobs: number;
  readonly place: Place;
}

export class MediaPool implements AsyncDisposable {
  readonly #log: Logger;
  readonly #size: number;
  readonly #workers = new Set<MediaWorker>();
  readonly #jobs = new Set<Job>();
  #closed = false;

  constructor(log: Logger, size: number = Math.max(2, availableParallelism())) {
    this.#log = log;
    this.#size = size;
  }

  get threads(): number {
    return this.#workers.size;
  }

  /** Starts a thread ahead of the first job, so that the first picture does not wait for it. */
  warm(): void {
    if (this.#workers.size === 0) this.#start('media');
  }

  /** Starts a job; `onEvent` gets what it sends. */
  run<Event extends SourceEvent | EncodeEvent | AudioEvent | ProcessEvent | DecodeEvent | SoundDecodeEvent | RecordEvent>(
    spec: JobSpec,
    onEvent: (event: Event) => void,
    place: Place = 'media',
  ): Job {
    if (this.#closed) throw new SluiceError('unavailable', 'the server is shutting down');
    const host = this.#pick(place);
    const { port1, port2 } = new MessageChannel();
    host.jobs++;
    let finished = false;
    const { promise: ended, resolve } = Promise.withResolvers<SluiceError | null>();
    const finish = (error: SluiceError | null) => {
      if (finished) return;
      finished = true;
      host.jobs--;
      host.ends.delete(finish);
      this.#jobs.delete(job);
      port1.close();
      resolve(error);
      if (host.place === 'own') host.worker.postMessage({ type: 'exit' } satisfies WorkerCommand);
    };
    port1.on('message', (event: Event) => {
      try {
        onEvent(event);
      } catch (error) {
        this.#log.error({ error }, 'a job event could not be handled');
      }
      if (event.type === 'end') finish(event.error && new SluiceError(event.error.code, event.error.message, event.error.details));
    });
    port1.unref();
    host.ends.add(finish);
    const job: Job = {
      send: (command) => {
        if (!finished) port1.postMessage(command);
      },
      ended,
      stop: async () => {
        // Without a reference the process could end before the job has.
        if (!finished) port1.ref();
        job.send({ type: 'stop' });
        await ended;
      },
    };
    this.#jobs.add(job);
    host.worker.postMessage({ type: 'job', spec, port: port2 } satisfies WorkerCommand, [port2 as MessagePort]);
    return job;
  }

  #pick(place: Place): MediaWorker {
    if (place === 'own') return this.#start(place);
    const shared = [...this.#workers].filter((worker) => worker.place === place);
    const idle = shared.find((worker) => worker.jobs === 0);
    if (idle) return idle;
    if (shared.length < this.#size) return this.#start(place);
    return shared.reduce((least, worker) => (worker.jobs < least.jobs ? worker : least));
  }

  #start(place: Place): MediaWorker {
    // The extension is that of this file: .ts from a clone, .js from the built package.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const worker = new Worker(new URL(`./media-worker${extension}`, import.meta.url), { name: 'sluice-media' });
    let cause: unknown;
    const exited = new Promise<SluiceError>((resolve) => {
      // Without a listener one throw in the thread would end the process.
      worker.on('error', (error) => {
        cause = error;
        this.#log.error({ error }, 'a media worker failed');
      });
      worker.on('exit', () => {
        this.#workers.delete(host);
        const error = new SluiceError('internal', `a media worker ended${cause instanceof Error ? `: ${cause.message}` : ''}`, {}, cause);
        for (const end of [...host.ends]) end(error);
        resolve(error);
      });
    });
    const host: MediaWorker = { worker, exited, ends: new Set(), jobs: 0, place };
    worker.unref();
    this.#workers.add(host);
    return host;
  }

  /** Stops all jobs, then the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#jobs].map((job) => job.stop()));
    await Promise.all(
      [...this.#workers].map((host) => {
        host.worker.ref();
        host.worker.postMessage({ type: 'exit' } satisfies WorkerCommand);
        return host.exited;
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
