// The page's side of the worker that decodes lossless pictures. A worker that fails or does not answer is replaced by a new one.

import type { DecodeAnswer, DecodeRequest } from './lossless-worker.ts';
import workerUrl from './lossless-worker.ts?worker&url';

/** A picture of any size takes less. */
const LIMIT_MS = 10_000;

interface Waiting {
  resolve(pixels: Uint8Array<ArrayBuffer>): void;
  reject(error: Error): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class LosslessDecoder {
  #worker: Worker | null = null;
  /** Memory address of the script that loads the worker from another origin. */
  #loader: string | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #decodeMs: number | null = null;

  constructor() {
    // While the connection is made.
    this.#open();
  }

  /** Time of the worker that a picture takes, ms; `null` before the first one. */
  get decodeMs(): number | null {
    return this.#decodeMs;
  }

  /** Decodes a whole message (frame header and payload), whose memory is given away. Rejects if it is broken, or if no decoder works. */
  decode(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(`the decoder gave no answer within ${LIMIT_MS / 1000} s`), LIMIT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#open().postMessage({ id, message } satisfies DecodeRequest, [message.buffer]);
    });
  }

  close(): void {
    this.#fail('the decoder was closed');
  }

  #open(): Worker {
    if (this.#worker) return this.#worker;
    const url = new URL(workerUrl, import.meta.url);
    // A page may not start a worker from another origin, but one of its own that imports it.
    this.#loader =
      url.origin === location.origin
        ? null
        : URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' }));
    const worker = new Worker(this.#loader ?? url, { type: 'module' });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => this.#onAnswer(data);
    worker.onerror = () => this.#fail('the decoder could not be started, or broke off');
    return worker;
  }

  #onAnswer(answer: DecodeAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if ('problem' in answer) return waiting.reject(new Error(answer.problem));
    this.#decodeMs = this.#decodeMs === null ? answer.ms : this.#decodeMs + (answer.ms - this.#decodeMs) / 8;
    waiting.resolve(answer.pixels);
  }

  /** Ends the worker; whoever waits is told. The next picture opens a new one. */
  #fail(reason: string): void {
    this.#worker?.terminate();
    this.#worker = null;
    if (this.#loader) URL.revokeObjectURL(this.#loader);
    this.#loader = null;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(reason));
    }
    this.#waiting.clear();
  }
}
