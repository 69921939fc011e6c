// One processor inside a worker: takes frames from the ring and sends what it finds. A frame on which it fails is counted; several in a
// row end the session, and the main thread opens a new one after a pause.
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { toSluiceError } from '../core/errors.ts';
import { type FrameInfo, frameBytes } from '../core/frame.ts';
import { openProcessor } from '../processors/index.ts';
import type { ProcessorSession } from '../processors/processor.ts';
import type { JobCommand, JobSpec, PlainError, ProcessEvent } from './messages.ts';
import { plainError } from './plain-error.ts';
import { type LentFrame, RingFeed } from './ring-feed.ts';

/** Frames in a row that may fail. */
const FAILURES = 3;

export async function runProcessJob(spec: Extract<JobSpec, { kind: 'process' }>, port: MessagePort, clock: Clock): Promise<void> {
  const job = new ProcessJob(spec, port, clock);
  let failure: PlainError | null = null;
  try {
    await job.run();
  } catch (error) {
    failure = plainError(toSluiceError(error, 'processor-failed'));
  }
  port.postMessage({ type: 'end', error: failure } satisfies ProcessEvent);
  port.close();
}

class ProcessJob {
  readonly #spec: Extract<JobSpec, { kind: 'process' }>;
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #feed: RingFeed;
  #stopped = false;
  #last: FrameInfo | null = null;
  /** Id of the newest frame that it took, whatever became of it. */
  #taken: number;
  #failures = 0;
  #changes: Extract<JobCommand, { type: 'params' }>[] = [];

  constructor(spec: Extract<JobSpec, { kind: 'process' }>, port: MessagePort, clock: Clock) {
    this.#spec = spec;
    this.#port = port;
    this.#clock = clock;
    this.#feed = new RingFeed(spec.reader, spec.ring);
    this.#taken = spec.after;
    port.on('message', (command: JobCommand) => {
      if (command.type === 'stop') this.#stopped = true;
      else if (command.type === 'ring') this.#feed.add(command.ring);
      else if (command.type === 'params') this.#changes.push(command);
      this.#feed.wake();
    });
  }

  async run(): Promise<void> {
    let session = await openProcessor(this.#spec.use, this.#spec.params);
    while (!this.#stopped) {
      if (this.#changes.length) session = await this.#change(session);
      const lent = this.#feed.take();
      if (!lent) await this.#feed.wait(60_000);
      else {
        try {
          await this.#frame(session, lent);
        } finally {
          lent.done();
        }
      }
      // Lets commands in: everything above may have run without giving up the thread.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const findings = await session.finish?.(this.#last);
    if (findings) this.#send({ type: 'finished', findings });
  }

  /** Between two frames: the newest params hold, and every change is told from which frame on. */
  async #change(session: ProcessorSession): Promise<ProcessorSession> {
    const changes = this.#changes;
    this.#changes = [];
    const { params } = changes.at(-1)!;
    for (const { request } of changes) this.#send({ type: 'params', request, frame: this.#taken && this.#taken + 1 });
    if (session.update?.(params as never)) return session;
    const findings = await session.finish?.(this.#last);
    if (findings) this.#send({ type: 'finished', findings });
    return await openProcessor(this.#spec.use, params);
  }

  async #frame(session: ProcessorSession, { info, slot }: LentFrame): Promise<void> {
    // The newest frame is handed to every new reader, also to one that follows itself.
    this.#taken = Math.max(this.#taken, info.id);
    if (info.id <= this.#spec.after) return this.#send({ type: 'skip', policy: 'seen', id: info.id });
    const started = performance.now();
    try {
      const pixels = slot.subarray(0, frameBytes(info.format, info.width, info.height));
      const findings = await session.process({ info, pixels });
      this.#last = info;
      this.#failures = 0;
      this.#send({ type: 'found', info, findings, processMs: performance.now() - started, at: this.#clock.now() });
    } catch (error) {
      const failure = toSluiceError(error, 'processor-failed');
      this.#send({ type: 'failed', id: info.id, error: plainError(failure) });
      if (++this.#failures >= FAILURES) throw failure;
    }
  }

  #send(event: ProcessEvent): void {
    this.#port.postMessage(event);
  }
}
