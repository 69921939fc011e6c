// A segment as it comes in over HTTP. The connection is read only as fast as the segment is taken.
import type { IncomingMessage } from 'node:http';
import type { SegmentReader } from './segments.ts';
import type { Timers } from './timers.ts';

/** What a segment tells its subscriber. */
export interface ReceiverHost {
  readonly timers: Timers;
  /** So long no byte may come, ms. */
  readonly idle: number;
  bytes(count: number): void;
  /** It is read no more. `error`: the rest of it is lost. */
  done(segment: ReceivedSegment, error: string | null): void;
}

export class ReceivedSegment implements SegmentReader {
  readonly seq: number;
  readonly latest: number | null;
  readonly contentType: string;
  readonly #response: IncomingMessage;
  readonly #host: ReceiverHost;
  #idle: number;
  #error: string | null = null;
  #done = false;
  #read = false;
  #rearm: (() => void) | null = null;

  constructor(
    response: IncomingMessage,
    told: { readonly seq: number; readonly latest: number | null; readonly contentType: string },
    host: ReceiverHost,
  ) {
    this.seq = told.seq;
    this.latest = told.latest;
    this.contentType = told.contentType;
    this.#response = response;
    this.#host = host;
    this.#idle = host.idle;
    // One that breaks off before it is read is found broken when it is read.
    response.on('error', () => {});
  }

  get truncated(): boolean {
    return this.#error !== null;
  }

  cancel(): void {
    this.#finish();
    this.#response.destroy();
  }

  /** From now on it may be silent for so long only: the next one has begun. */
  hurry(idle: number): void {
    this.#idle = Math.min(this.#idle, idle);
    this.#rearm?.();
  }

  /** Gives the bytes as they come, once. Ends early if the connection fails: see `truncated`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    if (this.#read || this.#done) return;
    this.#read = true;
    const parts = (this.#response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const part = await this.#timed(parts.next());
        if (part.done) return;
        this.#host.bytes(part.value.length);
        yield part.value;
      }
    } catch (error) {
      // What was cancelled is not broken.
      if (!this.#done) this.#error ??= `segment ${this.seq}: ${(error as Error).message}`;
    } finally {
      this.#finish();
      // Left before its end: the rest of it must not hold the connection.
      if (!this.#response.complete) this.#response.destroy();
    }
  }

  /** The timer runs only while bytes are waited for, not while they are worked on. */
  async #timed<T>(next: Promise<T>): Promise<T> {
    let stop = () => {};
    this.#rearm = () => {
      stop();
      const idle = this.#idle;
      stop = this.#host.timers.after(idle, () => {
        this.#error = `segment ${this.seq}: no byte came for ${idle} ms`;
        this.#response.destroy(new Error('silent'));
      });
    };
    this.#rearm();
    try {
      return await next;
    } finally {
      this.#rearm = null;
      stop();
    }
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#host.done(this, this.#error);
  }
}
