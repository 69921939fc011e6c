// The main thread's hold on one running processor: gives it orders, and knows when it is gone for good. A thread that runs only JavaScript
// may be ended at any moment; one that runs native code is left to end by itself.
import { MessageChannel, Worker } from 'node:worker_threads';
import type { SharedClock } from '../../core/clock.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import type { OpenSession, SessionInfo, SessionSpec } from '../../processors/session.ts';
import type { SlotPlace, ThreadCommand, ThreadData, ThreadEvent } from './messages.ts';
import type { RingBook } from './ring-book.ts';
import { runSession } from './runner.ts';

/** How often the memory of a thread is looked at, ms. */
const MEMORY_EVERY_MS = 200;
/** V8's own limit lies above ours: near it V8 does nothing but collect garbage for many seconds, with threads that all of the program share. */
const V8_LIMIT = 1.5;
/** How long a thread may take to end by itself, ms. */
const CLOSE_MS = 1000;

export interface HandleOptions {
  readonly spec: SessionSpec;
  /** For an object of this program, which runs on the main thread. */
  readonly open: OpenSession | null;
  readonly clock: SharedClock;
  readonly rings: RingBook;
  /** Most memory of the thread, bytes: its heap and its typed arrays. */
  readonly memory: number;
  readonly onEvent: (event: ThreadEvent) => void;
  /** It has ended by itself, or had to be ended. */
  readonly onGone: (error: SluiceError) => void;
}

export class Handle {
  readonly #options: HandleOptions;
  readonly #post: (command: ThreadCommand) => void;
  readonly #worker: Worker | null = null;
  readonly #hold: (held: boolean) => void;
  readonly #sent: Set<number> = new Set();
  readonly #gone = Promise.withResolvers<void>();
  #watch: NodeJS.Timeout | undefined;
  #ended = false;
  #info: SessionInfo | null = null;

  constructor(options: HandleOptions) {
    this.#options = options;
    const { spec, open, clock } = options;
    if (open) {
      const { port1, port2 } = new MessageChannel();
      port1.on('message', (event: ThreadEvent) => this.#on(event));
      port1.unref();
      // While its end is waited for, the program must not be over.
      this.#hold = (held) => (held ? port1.ref() : port1.unref());
      runSession(spec, open, port2, clock);
      port2.unref();
      this.#post = (command) => port1.postMessage(command);
      return;
    }
    // The extension is that of this file: .ts from a clone, .js from the built package.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const worker = new Worker(new URL(`./processor-thread${extension}`, import.meta.url), {
      name: 'sluice-processor',
      workerData: { spec, clock: clock.state } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: Math.max(16, Math.round((options.memory * V8_LIMIT) / 2 ** 20)) },
    });
    this.#worker = worker;
    worker.unref();
    this.#hold = (held) => (held ? worker.ref() : worker.unref());
    worker.on('message', (event: ThreadEvent) => this.#on(event));
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      clearInterval(this.#watch);
      this.#gone.resolve();
      this.#fail(deathOf(cause, code, options.memory));
    });
    this.#post = (command) => worker.postMessage(command);
    this.#watch = setInterval(() => void this.#look(worker), MEMORY_EVERY_MS).unref();
  }

  get info(): SessionInfo | null {
    return this.#info;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Settles when nothing of it can touch the rings any more. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  #on(event: ThreadEvent): void {
    if (event.type === 'closed') return this.#gone.resolve();
    // A late word of one that was given up.
    if (this.#ended) return;
    if (event.type === 'loaded') this.#info = event.info;
    if (event.type === 'broken') return this.#fail(toSluiceError(event.error));
    this.#options.onEvent(event);
  }

  #fail(error: SluiceError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onGone(error);
  }

  /** V8's heap limit comes late and does not know the memory of typed arrays. The question is answered even while the thread is in an endless loop. */
  async #look(worker: Worker): Promise<void> {
    try {
      const { used_heap_size: heap, external_memory: outside } = await worker.getHeapStatistics();
      if (heap + outside <= this.#options.memory || this.#ended) return;
      this.#fail(memoryError(this.#options.memory, heap + outside));
      void this.end(true);
    } catch {
      // It has just ended.
    }
  }

  send(command: ThreadCommand): void {
    if (!this.#ended) this.#post(command);
  }

  /** Places in rings that it may not know yet. */
  know(...places: readonly SlotPlace[]): void {
    const { rings } = this.#options;
    const add = [...new Set(places.map(({ ring }) => ring))].filter((ring) => !this.#sent.has(ring));
    if (!add.length) return;
    const drop = [...this.#sent].filter((ring) => !rings.alive(ring));
    for (const ring of add) this.#sent.add(ring);
    for (const ring of drop) this.#sent.delete(ring);
    this.send({ type: 'rings', add: add.map((ring) => [ring, rings.memory(ring)] as const), drop });
  }

  /** Ends it. `now`: it hangs or has grown too large, and is not asked. Idempotent. */
  end(now = false): Promise<void> {
    this.#ended = true;
    clearInterval(this.#watch);
    const worker = this.#worker;
    try {
      this.#post({ type: 'close' });
    } catch {
      // It is gone.
    }
    this.#hold(true);
    void this.#gone.promise.then(() => this.#hold(false));
    if (!worker) return this.#gone.promise;
    const native = this.#info?.native ?? false;
    if (native) return this.#gone.promise;
    if (now) void worker.terminate();
    else setTimeout(() => void worker.terminate(), CLOSE_MS).unref();
    return this.#gone.promise;
  }
}

function memoryError(limit: number, used: number | null): SluiceError {
  const most = Math.round(limit / 2 ** 20);
  const had = used === null ? '' : ` (${Math.round(used / 2 ** 20)} MB)`;
  return new SluiceError('processor-failed', `it used more than its ${most} MB of memory${had}`, { reason: 'memory' });
}

function deathOf(cause: unknown, code: number, memory: number): SluiceError {
  const { code: name, message } = (cause ?? {}) as { code?: string; message?: string };
  if (name === 'ERR_WORKER_OUT_OF_MEMORY') return memoryError(memory, null);
  if (message !== undefined)
    return new SluiceError('processor-failed', `it crashed: ${message.split('\n')[0]}`, { reason: 'crash' }, cause);
  return new SluiceError('processor-failed', `it ended by itself (exit code ${code})`, { reason: 'crash' });
}
