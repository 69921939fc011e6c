// The events channel of a stream: one segment for each event, and a sign of life every ten seconds. Gateways end a stream that says nothing
// for 30 s.
import type { ChannelPublisher } from '../trickle/segments.ts';
import type { Ticker } from './ticker.ts';

const HEARTBEAT_MS = 10_000;

/** What each event is sent as unless it says otherwise. */
export const STREAM_EVENTS = 'ai_stream_events';

export interface EventsChannelOptions {
  readonly publisher: ChannelPublisher;
  readonly ticker: Ticker;
  /** What a sign of life tells beside type and time. */
  readonly heartbeat: () => Readonly<Record<string, unknown>>;
}

export class EventsChannel {
  readonly #options: EventsChannelOptions;
  readonly #stop: () => void;
  #closed = false;

  constructor(options: EventsChannelOptions) {
    this.#options = options;
    this.#stop = options.ticker.every(HEARTBEAT_MS, () => this.#beat());
    this.#beat();
  }

  #beat(): void {
    this.send({ type: 'heartbeat', timestamp: Math.round(this.#options.ticker.utc()), ...this.#options.heartbeat() }, 'stream_heartbeat');
  }

  /** Each gets a segment of its own, however fast they follow one another. False: the channel has ended. */
  send(event: Readonly<Record<string, unknown>>, type: string = STREAM_EVENTS): boolean {
    if (this.#closed) return false;
    try {
      const segment = this.#options.publisher.next();
      segment.write(Buffer.from(JSON.stringify({ event, queue_event_type: type })));
      void segment.end();
      return true;
    } catch {
      // The channel has ended: nobody is there to be told.
      return false;
    }
  }

  /** An event with the time of now. */
  tell(type: string, values: Readonly<Record<string, unknown>> = {}): boolean {
    return this.send({ type, timestamp: Math.round(this.#options.ticker.utc()), ...values });
  }

  /** Settles when all that was sent has arrived, as long as the publisher's `closeTimeout` allows, and the channel is deleted. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop();
    await this.#options.publisher.close();
  }
}
