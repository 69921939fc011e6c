// The least HTTP client that keeps its connection: what is measured is the server, so its clients must cost little.
import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly gzip: boolean;
}

/** One connection, one request at a time. Understands answers with a Content-Length, and no others. */
export class HttpConnection implements Disposable {
  readonly #socket: Socket;
  readonly #host: string;
  #buffered: Buffer[] = [];
  #bytes = 0;
  /** Bytes of head and body that are needed before it is worth looking again. */
  #needed = 0;
  #waiting: PromiseWithResolvers<HttpAnswer> | null = null;
  #failed: Error | null = null;

  constructor(origin: URL) {
    this.#host = origin.host;
    this.#socket = connect({ host: origin.hostname, port: Number(origin.port), noDelay: true });
    this.#socket.on('data', (chunk) => this.#onData(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  get(path: string): Promise<HttpAnswer> {
    if (this.#failed) return Promise.reject(this.#failed);
    if (this.#waiting) throw new TypeError('a request is under way on this connection');
    this.#waiting = Promise.withResolvers();
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nAccept-Encoding: gzip\r\n\r\n`);
    return this.#waiting.promise;
  }

  #onData(chunk: Buffer): void {
    this.#buffered.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return;
    const all = this.#buffered.length === 1 ? chunk : Buffer.concat(this.#buffered);
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = all.toString('latin1', 0, end);
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (length === undefined) return this.#fail(new Error(`an answer without Content-Length: ${head.split('\r\n', 1)[0]}`));
    this.#needed = end + 4 + Number(length);
    if (all.length < this.#needed) {
      this.#buffered = [all];
      return;
    }
    const body = all.subarray(end + 4, this.#needed);
    this.#buffered = [];
    this.#bytes = 0;
    this.#needed = 0;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve({ status: Number(head.slice(9, 12)), body, gzip: /^content-encoding: *gzip/im.test(head) });
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    this.#waiting?.reject(this.#failed);
    this.#waiting = null;
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.#failed ??= new Error('closed');
    this.#waiting?.reject(this.#failed);
    this.#waiting = null;
    this.#socket.destroy();
  }
}
