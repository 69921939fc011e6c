// One POST of a segment: connected before there is anything to send, then fed, then ended. It knows no policy: what became of it is told once.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type Endpoint, readShort } from './endpoint.ts';
import { type ChannelHeaders, channelHeaders } from './headers.ts';

/** What became of a POST. `whole`: everything had been sent before the answer came. */
export type PostOutcome =
  | { readonly status: number; readonly headers: ChannelHeaders; readonly text: string; readonly whole: boolean }
  | { readonly error: Error };

export class SegmentPost {
  readonly #request: ClientRequest;
  #connected = false;
  #told = false;
  #ended = false;
  #sent = 0;

  /** `onReady`: connected, bytes can be handed over. `onSign`: the server said that it is there (100 Continue). */
  constructor(
    endpoint: Endpoint,
    seq: number,
    headers: Readonly<Record<string, string>>,
    on: { readonly ready: () => void; readonly sign: () => void; readonly outcome: (outcome: PostOutcome) => void },
  ) {
    const request = endpoint.request('POST', `/${seq}`, { ...headers, 'transfer-encoding': 'chunked' });
    this.#request = request;
    const tell = (outcome: PostOutcome) => {
      if (this.#told) return;
      this.#told = true;
      on.outcome(outcome);
    };
    request.on('information', on.sign);
    // What fails after the answer, as a write into a connection that the server has closed, changes nothing.
    let answered = false;
    const lost = (error: Error) => {
      if (!answered) tell({ error });
    };
    request.on('error', lost);
    request.on('close', () => lost(new Error('the connection was closed')));
    request.on('response', (response: IncomingMessage) => {
      answered = true;
      const whole = this.#ended && request.writableFinished;
      const status = response.statusCode ?? 0;
      const told = (text: string) => tell({ status, headers: channelHeaders(response.headers), text, whole });
      readShort(response).then(told, () => told(''));
    });
    request.on('socket', (socket) => {
      const ready = () => {
        if (this.#connected || this.#told) return;
        this.#connected = true;
        on.ready();
      };
      const encrypted = (socket as TLSSocket).encrypted === true;
      if (request.reusedSocket || (!encrypted && !socket.connecting)) return ready();
      socket.once(encrypted ? 'secureConnect' : 'connect', ready);
    });
    // Without this nothing is sent before the first byte of the body.
    request.flushHeaders();
  }

  /** Bytes can be handed over. */
  get connected(): boolean {
    return this.#connected && !this.#told;
  }

  /** It came to its end, one way or the other. */
  get lost(): boolean {
    return this.#told;
  }

  /** Bytes handed over: from the first one on it cannot be known what the server has. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes that wait in this process for the connection. */
  get waiting(): number {
    return this.#request.writableLength;
  }

  write(chunk: Uint8Array): void {
    this.#sent += chunk.length;
    this.#request.write(chunk);
  }

  end(): void {
    this.#ended = true;
    this.#request.end();
  }

  /** Cuts the connection; nothing is told any more. */
  destroy(): void {
    this.#told = true;
    this.#request.destroy();
  }
}
