// A database in a thread of its own, as the main thread sees it: every call is a promise, answered in order.
import { Worker } from 'node:worker_threads';
import { SluiceError, toSluiceError } from '../core/errors.ts';

/** Calls that a thread answers, by name. */
export type Calls<C> = { [Name in keyof C]: (...values: never[]) => unknown };

type Values<F> = F extends (...values: infer V) => unknown ? V : never;
type Answer<F> = F extends (...values: never[]) => infer R ? R : never;

export interface ThreadOptions {
  /** Name of the thread, and of its module `./NAME-worker` beside this file. */
  readonly worker: string;
  /** Database file; its folder exists. */
  readonly path: string;
  /** What the module needs beyond the path. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export class DatabaseThread<C extends Calls<C>> implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #next = 0;
  #failure: SluiceError | null = null;

  constructor({ worker, path, data = {} }: ThreadOptions) {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const url = new URL(`./${worker}-worker${extension}`, import.meta.url);
    this.#worker = new Worker(url, { name: `sluice-${worker}`, workerData: { ...data, path } });
    this.#worker.unref();
    this.#worker.on('message', (message: { id: number; result?: unknown; error?: unknown }) => {
      const call = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) call?.resolve(message.result as never);
      else call?.reject(errorOf(message.error));
      if (!this.#waiting.size) this.#worker.unref();
    });
    this.#worker.on('error', (error) => {
      this.#failure = new SluiceError('unavailable', `the store at ${path} cannot be used: ${error.message}`, {}, error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#failure ??= new SluiceError('unavailable', 'the store is closed');
        for (const call of this.#waiting.values()) call.reject(this.#failure);
        this.#waiting.clear();
        resolve();
      });
    });
  }

  call<Name extends keyof C & string>(name: Name, ...values: Values<C[Name]>): Promise<Answer<C[Name]>> {
    return this.callWith(name, [], ...values);
  }

  /** A call whose buffers in `transfer` move to the thread instead of being copied. */
  callWith<Name extends keyof C & string>(
    name: Name,
    transfer: readonly ArrayBuffer[],
    ...values: Values<C[Name]>
  ): Promise<Answer<C[Name]>> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, call: name, values }, transfer);
    });
  }

  async close(): Promise<void> {
    if (!this.#failure) {
      this.#worker.ref();
      this.#worker.postMessage({ id: 0, call: 'close', values: [] });
    }
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function errorOf(thrown: unknown): SluiceError {
  const known = toSluiceError(thrown, 'unavailable');
  if (known.code !== 'unavailable') return known;
  return new SluiceError('unavailable', `the store could not do its work: ${known.message}`);
}
