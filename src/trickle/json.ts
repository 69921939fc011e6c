// JSON over channels: one value a segment.
import { BoundedQueue, type Queueable } from '../core/queue.ts';
import type { ChannelPublisher, ChannelSubscriber, SegmentReader } from './segments.ts';
import { systemTimers, type Timers } from './timers.ts';

/** How values are published. */
export interface JsonPublisherOptions {
  /** Values that may wait; of more, the oldest go. Default 1000. */
  readonly limit?: number | undefined;
  /** Ends each value with a line feed: for channels of type `application/jsonl`. */
  readonly lines?: boolean | undefined;
  /** So long closing waits for values that are not sent yet, ms. Default 3000. */
  readonly flush?: number | undefined;
  readonly timers?: Timers | undefined;
}

interface Entry extends Queueable {
  readonly text: string;
}

/** Publishes values, one segment each, one after the other. The publisher has to be of a JSON type; it is closed with this. */
export class JsonPublisher implements AsyncDisposable {
  readonly publisher: ChannelPublisher;
  readonly #queue: BoundedQueue<Entry>;
  readonly #options: JsonPublisherOptions;
  readonly #running: Promise<void>;
  #busy = false;
  #lost = 0;
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(publisher: ChannelPublisher, options: JsonPublisherOptions = {}) {
    this.publisher = publisher;
    this.#options = options;
    this.#queue = new BoundedQueue('json', options.limit ?? 1000, 'newest');
    this.#running = this.#run();
    void publisher.ended.then(() => this.#queue.close());
  }

  /** Values that were given up: too many waited, or their segment was lost. */
  get dropped(): number {
    return this.#queue.stats.dropped + this.#lost;
  }

  /** Values that wait. */
  get waiting(): number {
    return this.#queue.stats.depth;
  }

  /** Never waits. Throws a `TypeError` for what JSON cannot say. False: the channel has ended. */
  send(value: unknown): boolean {
    // `undefined` for a function or a symbol: that is no JSON.
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`${typeof value} received; expected a value that JSON can say`);
    if (this.#queue.closed || this.#closing !== null) return false;
    this.#queue.push({ text: this.#options.lines ? `${text}\n` : text });
    return true;
  }

  /** Sends what waits, but not for longer than `flush`, then closes the publisher. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#busy || this.waiting > 0) {
      const { timers = systemTimers, flush = 3000 } = this.#options;
      await new Promise<void>((resolve) => {
        const stop = timers.after(flush, resolve);
        this.#idle = () => {
          stop();
          resolve();
        };
      });
    }
    this.#queue.close();
    await this.publisher.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let entry = await this.#queue.take(); entry; entry = await this.#queue.take()) {
      this.#busy = true;
      if ((await this.#send(entry.text)) === 'dropped') this.#lost++;
      this.#busy = false;
      if (this.waiting === 0) this.#idle?.();
    }
    this.#idle?.();
  }

  async #send(text: string): Promise<'done' | 'dropped'> {
    try {
      const segment = this.publisher.next();
      segment.write(Buffer.from(text));
      return await segment.end();
    } catch {
      return 'dropped';
    }
  }
}

/** How values are read. */
export interface JsonSubscriberOptions {
  /** Told of segments that are skipped: not JSON, too long, broken off. */
  readonly onBad?: ((problem: { readonly seq: number; readonly reason: string }) => void) | undefined;
  /** Bytes of one segment, default 1 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A value and the segment that it came in. */
export interface JsonValue {
  readonly seq: number;
  readonly value: unknown;
}

/** Reads values until the end of the channel; empty segments are passed over. The subscriber is closed with this. */
export class JsonSubscriber implements AsyncIterable<JsonValue>, AsyncDisposable {
  readonly subscriber: ChannelSubscriber;
  readonly #options: JsonSubscriberOptions;
  #bad = 0;

  constructor(subscriber: ChannelSubscriber, options: JsonSubscriberOptions = {}) {
    this.subscriber = subscriber;
    this.#options = options;
  }

  /** Segments that were skipped. */
  get bad(): number {
    return this.#bad;
  }

  close(): Promise<void> {
    return this.subscriber.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<JsonValue, void, void> {
    for (let segment = await this.subscriber.next(); segment; segment = await this.subscriber.next()) {
      const { seq } = segment;
      const text = await this.#text(segment);
      if (text === null || text.trim() === '') continue;
      const values = parse(text, /json(l|-lines)|ndjson/i.test(segment.contentType));
      if (typeof values === 'string') this.#report(seq, values);
      else for (const value of values) yield { seq, value };
    }
  }

  async #text(segment: SegmentReader): Promise<string | null> {
    const max = this.#options.maxBytes ?? 2 ** 20;
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of segment) {
      length += part.length;
      if (length > max) {
        this.#report(segment.seq, `more than ${max} bytes`);
        return null;
      }
      parts.push(part);
    }
    if (segment.truncated) {
      this.#report(segment.seq, `broken off after ${length} bytes`);
      return null;
    }
    return Buffer.concat(parts).toString('utf8');
  }

  #report(seq: number, reason: string): void {
    this.#bad++;
    this.#options.onBad?.({ seq, reason });
  }
}

/** The values of a segment, or in a sentence why there are none. With lines, each of them is one. */
function parse(text: string, lines: boolean): unknown[] | string {
  try {
    return lines
      ? text
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line): unknown => JSON.parse(line))
      : [JSON.parse(text)];
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
}
