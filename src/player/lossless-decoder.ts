// The page's side of the worker that decodes lossless pictures.

import type { DecodeAnswer, DecodeRequest } from './lossless-worker.ts';
import workerUrl from './lossless-worker.ts?worker&url';

interface Waiting {
  resolve(pixels: Uint8Array<ArrayBuffer>): void;
  reject(error: Error): void;
}

export class LosslessDecoder {
  readonly #worker: Worker;
  /** Memory address of the script that loads the worker from another origin. */
  readonly #loader: string | null;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor() {
    const url = new URL(workerUrl, import.meta.url);
    // A page may not start a worker from another origin, but one of its own that imports it.
    this.#loader =
      url.origin === location.origin
        ? null
        : URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' }));
    this.#worker = new Worker(this.#loader ?? url, { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('pixels' in data) waiting?.resolve(data.pixels);
      else waiting?.reject(new Error(data.problem));
    };
    this.#worker.onerror = () => this.#failAll('the decoder could not be started');
  }

  /** Decodes a whole message (frame header and payload), whose memory is given away. Rejects if it is broken. */
  decode(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, message } satisfies DecodeRequest, [message.buffer]);
    });
  }

  close(): void {
    this.#worker.terminate();
    if (this.#loader) URL.revokeObjectURL(this.#loader);
    this.#failAll('the decoder was closed');
  }

  #failAll(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}
