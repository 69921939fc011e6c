// The store as the main thread sees it: every call is a promise, answered in order.
import { Worker } from 'node:worker_threads';
import { SluiceError } from '../core/errors.ts';
import type { StoreCall, StoreCalls } from './store-schema.ts';

export class Store implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #next = 0;
  #failure: SluiceError | null = null;

  /** Opens or makes the database file (its folder exists). */
  constructor(path: string) {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    this.#worker = new Worker(new URL(`./store-worker${extension}`, import.meta.url), { name: 'sluice-store', workerData: { path } });
    this.#worker.unref();
    this.#worker.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const call = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) call?.resolve(message.result as never);
      else call?.reject(new SluiceError('unavailable', `the store could not do its work: ${message.error}`));
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

  call<Name extends StoreCall>(name: Name, ...values: Parameters<StoreCalls[Name]>): Promise<ReturnType<StoreCalls[Name]>> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, call: name, values });
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
