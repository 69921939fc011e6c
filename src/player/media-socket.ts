// The socket of pictures: binary messages, JSON texts, and the reason when it ends. What all transports over WebSocket have in common.
import type { TransportFailure } from './transport.ts';

export interface MediaSocketEvents {
  bytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** A text of the server; `skip` and `error` are counted and kept already. */
  text(message: Record<string, unknown>): void;
  /** Once, and not after `close()`. */
  failed(failure: TransportFailure): void;
}

export class MediaSocket {
  readonly #socket: WebSocket;
  readonly #events: MediaSocketEvents;
  #problem: string | undefined;
  #opened = false;
  #closed = false;
  #bytes = 0;
  #skipped = 0;

  constructor(address: string | URL, events: MediaSocketEvents) {
    this.#events = events;
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => (this.#opened = true);
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (this.#closed) return;
      if (event.data instanceof ArrayBuffer) {
        this.#bytes += event.data.byteLength;
        events.bytes(new Uint8Array(event.data));
      } else if (typeof event.data === 'string') this.#onText(event.data);
    };
    socket.onclose = (event) => {
      this.fail('lost', this.#problem ?? (event.reason || (this.#opened ? 'the connection ended' : 'the connection could not be made')));
    };
  }

  /** Of all binary messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Frames that the server says it left out. */
  get skipped(): number {
    return this.#skipped;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Closes it, with word to its owner. */
  fail(kind: TransportFailure['kind'], reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.failed({ kind, reason });
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#socket.close();
  }

  #onText(text: string): void {
    let message: Record<string, unknown> | null;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    const { type, from, to, detail } = message;
    if (type === 'skip' && typeof from === 'number' && typeof to === 'number') this.#skipped += Math.max(0, to - from + 1);
    else if (type === 'error' && typeof detail === 'string') this.#problem = detail;
    this.#events.text(message);
  }
}
