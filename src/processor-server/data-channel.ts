// The data channel of a stream: what was queued since the last time goes as one JSON array and a newline, in a segment of its own.
import type { ChannelPublisher } from '../trickle/segments.ts';
import type { Ticker } from './ticker.ts';

const INTERVAL_S = 0.333;
/** After so long without data an empty array says that the channel lives, ms. */
const SILENCE_MS = 25_000;
const MOST = 1000;

export interface DataChannelOptions {
  readonly publisher: ChannelPublisher;
  readonly ticker: Ticker;
  /** Between two segments, s. */
  readonly interval?: number;
}

export class DataChannel {
  readonly #options: DataChannelOptions;
  readonly #interval: number;
  readonly #stop: () => void;
  #queue: string[] = [];
  #sent: number;
  #closed = false;
  /** Strings that had to go because 1000 newer ones waited. */
  dropped = 0;

  constructor(options: DataChannelOptions) {
    this.#options = options;
    this.#interval = (options.interval ?? INTERVAL_S) * 1000;
    this.#sent = options.ticker.now();
    this.#stop = options.ticker.every(this.#interval, () => this.#send());
  }

  /** Queues a string; of more than 1000 the oldest go. False: the channel has ended. */
  push(text: string): boolean {
    if (this.#closed) return false;
    this.#queue.push(text);
    if (this.#queue.length > MOST) {
      this.#queue.shift();
      this.dropped++;
    }
    return true;
  }

  #send(): void {
    const now = this.#options.ticker.now();
    if (!this.#queue.length && now - this.#sent + this.#interval <= SILENCE_MS) return;
    const items = this.#queue;
    this.#queue = [];
    try {
      const segment = this.#options.publisher.next();
      segment.write(Buffer.from(`${JSON.stringify(items)}\n`));
      void segment.end();
      this.#sent = now;
    } catch {
      // The channel has ended: nobody is there to be told.
    }
  }

  /** Sends what is still queued, as long as the publisher's `closeTimeout` allows, then deletes the channel. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop();
    if (this.#queue.length) this.#send();
    await this.#options.publisher.close();
  }
}
