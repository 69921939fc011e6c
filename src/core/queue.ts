// Bounded queues with a name, a limit, a policy and counters: the only queues between threads of work in this program.

/** What a full queue gives up. `newest`: the oldest entries go. `keyframe`: everything goes up to the next entry that can stand alone. */
export type QueuePolicy = 'newest' | 'keyframe';

/** Entries of a queue under policy `keyframe` say whether they can be decoded alone. */
export interface Queueable {
  readonly key?: boolean;
}

/** Counters of a queue since it was made. `offered = taken + dropped + depth`. */
export interface QueueStats {
  readonly name: string;
  readonly policy: QueuePolicy;
  readonly limit: number;
  readonly depth: number;
  readonly offered: number;
  readonly taken: number;
  readonly dropped: number;
}

/** Queue of at most `limit` entries. `push` never waits; `take` waits for the next entry, `null` = closed. */
export class BoundedQueue<T extends Queueable> {
  readonly name: string;
  readonly limit: number;
  readonly policy: QueuePolicy;
  #entries: T[] = [];
  #waiting: ((entry: T | null) => void) | undefined;
  #closed = false;
  #needKey = false;
  #offered = 0;
  #taken = 0;
  #dropped = 0;
  readonly #onDrop: ((entry: T) => void) | undefined;

  constructor(name: string, limit: number, policy: QueuePolicy, onDrop?: (entry: T) => void) {
    if (!Number.isInteger(limit) || limit < 1) throw new TypeError(`limit of queue ${name} must be an integer >= 1, got ${limit}`);
    this.name = name;
    this.limit = limit;
    this.policy = policy;
    this.#onDrop = onDrop;
  }

  get stats(): QueueStats {
    return {
      name: this.name,
      policy: this.policy,
      limit: this.limit,
      depth: this.#entries.length,
      offered: this.#offered,
      taken: this.#taken,
      dropped: this.#dropped,
    };
  }

  get closed(): boolean {
    return this.#closed;
  }

  push(entry: T): void {
    if (this.#closed) return;
    this.#offered++;
    if (this.policy === 'keyframe' && this.#needKey) {
      if (!entry.key) return this.#drop(entry);
      this.#needKey = false;
    }
    if (this.#waiting) {
      const wake = this.#waiting;
      this.#waiting = undefined;
      this.#taken++;
      return wake(entry);
    }
    if (this.#entries.length >= this.limit) this.#makeRoom(entry);
    if (this.#needKey) return this.#drop(entry);
    this.#entries.push(entry);
  }

  /** The next entry; `null` once the queue is closed and empty. One reader at a time. */
  take(signal?: AbortSignal): Promise<T | null> {
    const entry = this.poll();
    if (entry) return Promise.resolve(entry);
    if (this.#closed || signal?.aborted) return Promise.resolve(null);
    if (this.#waiting) return Promise.reject(new TypeError(`queue ${this.name} has one reader already`));
    return new Promise((resolve) => {
      const onAbort = () => {
        this.#waiting = undefined;
        resolve(null);
      };
      this.#waiting = (value) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(value);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The next entry if there is one now. */
  poll(): T | undefined {
    const entry = this.#entries.shift();
    if (entry) this.#taken++;
    return entry;
  }

  /** Ends the queue; what it holds is counted as dropped. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const entry of this.#entries) this.#drop(entry);
    this.#entries = [];
    const wake = this.#waiting;
    this.#waiting = undefined;
    wake?.(null);
  }

  #makeRoom(incoming: T): void {
    if (this.policy === 'newest') return this.#drop(this.#entries.shift()!);
    for (const entry of this.#entries) this.#drop(entry);
    this.#entries = [];
    this.#needKey = !incoming.key;
  }

  #drop(entry: T): void {
    this.#dropped++;
    this.#onDrop?.(entry);
  }
}
