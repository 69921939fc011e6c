// One writer, many readers: each reader has its own bounded queue, so that a slow one loses its own entries and nobody else's.
import { BoundedQueue, type Queueable, type QueuePolicy, type QueueStats } from './queue.ts';

/** A reader's end of a fan-out. */
export interface Subscription<T extends Queueable> extends Disposable {
  readonly queue: BoundedQueue<T>;
  /** Leaves the fan-out and closes the queue. Idempotent. */
  close(): void;
}

export class Fanout<T extends Queueable> {
  readonly #readers = new Set<BoundedQueue<T>>();
  readonly #onCount: (readers: number) => void;
  #closed = false;

  /** `onCount` is told each change of the number of readers. */
  constructor(onCount: (readers: number) => void = () => {}) {
    this.#onCount = onCount;
  }

  get size(): number {
    return this.#readers.size;
  }

  get stats(): QueueStats[] {
    return [...this.#readers].map((queue) => queue.stats);
  }

  subscribe(name: string, limit: number, policy: QueuePolicy, onDrop?: (entry: T) => void): Subscription<T> {
    const queue = new BoundedQueue<T>(name, limit, policy, onDrop);
    if (this.#closed) queue.close();
    else this.#readers.add(queue);
    this.#onCount(this.#readers.size);
    const close = () => {
      queue.close();
      if (this.#readers.delete(queue)) this.#onCount(this.#readers.size);
    };
    return { queue, close, [Symbol.dispose]: close };
  }

  publish(entry: T): void {
    for (const queue of this.#readers) queue.push(entry);
  }

  /** Ends every reader. */
  close(): void {
    this.#closed = true;
    for (const queue of [...this.#readers]) queue.close();
    this.#readers.clear();
    this.#onCount(0);
  }
}
