// A reader of a segment: hands out views of the segment's own memory, at the reader's pace.
import type { Segment } from './segment.ts';

/** A piece of memory of a segment. */
export interface Page {
  readonly bytes: Uint8Array;
  /** Bytes of it that hold data. */
  used: number;
}

/** One reader of a segment, at its own pace. Close it when no more is wanted. */
export class SegmentView implements AsyncIterable<Uint8Array>, Disposable {
  readonly segment: Segment;
  readonly #pages: readonly Page[];
  readonly #left: () => void;
  #page = 0;
  #offset = 0;
  #taken = 0;
  #cut = false;
  #closed = false;
  /** There are bytes, or the end, or it was cut off. Called synchronously from `write` and `close`. */
  onReady: (() => void) | null = null;

  constructor(segment: Segment, pages: readonly Page[], left: () => void) {
    this.segment = segment;
    this.#pages = pages;
    this.#left = left;
  }

  get seq(): number {
    return this.segment.seq;
  }

  /** Bytes taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** It fell too far behind: not everything was taken, and no more comes. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Everything was taken and no more comes. */
  get done(): boolean {
    return this.#closed || (this.segment.end !== null && this.#taken === this.segment.bytes);
  }

  /** Everything that has come since the last call, in pieces; `null` when there is nothing now. Never write into it. */
  take(): Uint8Array | null {
    if (this.#closed) return null;
    let page = this.#pages[this.#page];
    if (page && this.#offset === page.used && this.#page + 1 < this.#pages.length) {
      this.#offset = 0;
      page = this.#pages[++this.#page];
    }
    if (!page || this.#offset === page.used) return null;
    const whole = this.#offset === 0 && page.used === page.bytes.length;
    const chunk = whole ? page.bytes : page.bytes.subarray(this.#offset, page.used);
    this.#offset = page.used;
    this.#taken += chunk.length;
    return chunk;
  }

  /** Ends it because it does not keep up. */
  cutOff(): void {
    if (this.#closed || this.done) return;
    this.#cut = true;
    this.segment.countCut();
    this.close();
    this.onReady?.();
  }

  /** Reads no more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#left();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** All bytes as they come. Ends early if it was cut off: see `cut`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      while (!this.#closed) {
        const chunk = this.take();
        if (chunk) yield chunk;
        else if (this.done) return;
        else await this.ready();
      }
    } finally {
      this.close();
    }
  }

  /** Resolves when there is something new: bytes, the end, or that it was cut off. One waits at a time. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.onReady = () => {
        this.onReady = null;
        resolve();
      };
    });
  }
}
