// What every viewer of a media socket has: a queue of its own, which may be changed for another, its figures, and an end with its socket or
// its stream.
import type { WebSocket } from 'ws';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { OutputMeter, ViewerMeter } from '../meter.ts';

export class ViewerSeat {
  readonly meter: ViewerMeter;
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #subscribe: () => Subscription<Packet>;
  readonly #abort = new AbortController();
  #subscription: Subscription<Packet>;
  /** What the queues before this one were offered. */
  #before = 0;

  /** @param subscribe opens the queue that fits the settings of the moment */
  constructor(ws: WebSocket, stream: Stream, output: OutputMeter, subscribe: () => Subscription<Packet>) {
    this.#ws = ws;
    this.#stream = stream;
    this.#subscribe = subscribe;
    this.meter = output.viewer();
    this.#subscription = subscribe();
    this.meter.queue = () => this.#subscription.queue.stats;
  }

  /** Aborted with the socket's end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get open(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  get subscription(): Subscription<Packet> {
    return this.#subscription;
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
      this.count();
      this.#subscription.close();
      this.count();
      this.meter[Symbol.dispose]();
      watch[Symbol.dispose]();
    });
  }

  /** The next packet; `null`: the socket has ended, or this queue was closed. */
  async take(): Promise<Packet | null> {
    const packet = await this.#subscription.queue.take(this.#abort.signal);
    this.count();
    return packet;
  }

  /** Reads from another queue from now on. */
  resubscribe(): void {
    const old = this.#subscription;
    this.count();
    this.#before += old.queue.stats.offered;
    this.#subscription = this.#subscribe();
    old.close();
  }

  /** Counts what was offered, at each loss too: a viewer that takes nothing for a while must not seem to lose more than it was offered. */
  count(): void {
    this.meter.offered = this.#before + this.#subscription.queue.stats.offered;
  }

  /** Nothing more will come. */
  end(): void {
    if (this.open) this.#ws.close(1001, 'the stream has ended');
  }
}
