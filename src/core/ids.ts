// Frame ids: integers from 1 that rise for ever per stream. The counter lies in shared memory, so that a source in another thread can
// take ids; the store reserves them in blocks ahead, so that none is used twice after a crash.

/** Ids reserved at a time. */
export const ID_BLOCK = 10_000;

const NEXT = 0;
const LIMIT = 1;

export class IdCounter {
  readonly memory: BigInt64Array<SharedArrayBuffer>;

  /** A new counter from `first`, good for ids below `limit`, or the view of an existing one. */
  constructor(start: { first: number; limit: number } | { memory: BigInt64Array<SharedArrayBuffer> }) {
    if ('memory' in start) this.memory = start.memory;
    else {
      this.memory = new BigInt64Array(new SharedArrayBuffer(16));
      this.memory[NEXT] = BigInt(start.first);
      this.memory[LIMIT] = BigInt(start.limit);
    }
  }

  /** The next id, or 0 when the reserved block is used up (the frame must then be dropped: an id may never be used twice). */
  take(): number {
    for (;;) {
      const id = Atomics.load(this.memory, NEXT);
      if (id >= Atomics.load(this.memory, LIMIT)) return 0;
      // Nothing is given back: an id that was counted back after `extend` could be taken twice.
      if (Atomics.compareExchange(this.memory, NEXT, id, id + 1n) === id) return Number(id);
    }
  }

  /**
   * This very id for a frame that has it in another stream, if it has not been reached here; else the next one. 0 = the reserved block ends
   * below it.
   */
  takeAs(id: number): number {
    for (;;) {
      const next = Atomics.load(this.memory, NEXT);
      const take = BigInt(id) >= next ? BigInt(id) : next;
      if (take >= Atomics.load(this.memory, LIMIT)) return 0;
      if (Atomics.compareExchange(this.memory, NEXT, next, take + 1n) === next) return Number(take);
    }
  }

  /** The id that the next frame will get. */
  get next(): number {
    return Number(Atomics.load(this.memory, NEXT));
  }

  get limit(): number {
    return Number(Atomics.load(this.memory, LIMIT));
  }

  /** More ids have been reserved. */
  extend(limit: number): void {
    Atomics.store(this.memory, LIMIT, BigInt(limit));
  }
}
