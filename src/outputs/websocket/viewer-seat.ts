// What every viewer of a media socket has: a queue of its own with its figures, and an end with its socket or its stream.
import type { WebSocket } from 'ws';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { OutputMeter } from '../meter.ts';
import { ViewerQueue } from '../viewer-queue.ts';

export class ViewerSeat {
  readonly queue: ViewerQueue;
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #abort = new AbortController();

  /** @param subscribe opens the queue that fits the settings of the moment */
  constructor(ws: WebSocket, stream: Stream, output: OutputMeter, subscribe: () => Subscription<Packet>) {
    this.#ws = ws;
    this.#stream = stream;
    this.queue = new ViewerQueue(output, subscribe);
  }

  /** Aborted with the socket's end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get open(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  /** Listens until the socket closes; then `onClose`, once. */
  run(onText: (text: string) => void, onClose: () => void): void {
    const watch = this.#stream.watch();
    const off = this.#stream.events.on('closed', () => this.#ws.close(1001, 'the stream was removed'));
    this.#ws.on('message', (data, binary) => {
      if (!binary) onText(String(data));
    });
    this.#ws.once('close', () => {
      this.#abort.abort();
      onClose();
      off();
      this.queue[Symbol.dispose]();
      watch[Symbol.dispose]();
    });
  }

  /** The next packet; `null`: the socket has ended, or this queue was closed. */
  take(): Promise<Packet | null> {
    return this.queue.take(this.#abort.signal);
  }

  /** Nothing more will come. */
  end(): void {
    if (this.open) this.#ws.close(1001, 'the stream has ended');
  }
}
