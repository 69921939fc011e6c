// The queue that one viewer reads, which may be changed for another when its settings change, and what it was offered over all of them.
import type { Subscription } from '../core/fanout.ts';
import type { Packet } from '../core/packet.ts';
import type { OutputMeter, ViewerMeter } from './meter.ts';

export class ViewerQueue implements Disposable {
  readonly meter: ViewerMeter;
  readonly #subscribe: () => Subscription<Packet>;
  #subscription: Subscription<Packet>;
  /** What the queues before this one were offered. */
  #before = 0;

  /** @param subscribe opens the queue that fits the settings of the moment */
  constructor(output: OutputMeter, subscribe: () => Subscription<Packet>) {
    this.#subscribe = subscribe;
    this.meter = output.viewer();
    this.#subscription = subscribe();
    this.meter.queue = () => this.#subscription.queue.stats;
  }

  get subscription(): Subscription<Packet> {
    return this.#subscription;
  }

  /** The next packet; `null`: aborted, or this queue was closed. */
  async take(signal: AbortSignal): Promise<Packet | null> {
    const packet = await this.#subscription.queue.take(signal);
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

  [Symbol.dispose](): void {
    this.count();
    this.#subscription.close();
    this.count();
    this.meter[Symbol.dispose]();
  }
}
