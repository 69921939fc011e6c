// The channels on other servers into which one stream goes (`publish` of its configuration): connected as long as the stream exists, and
// again after a failure, each by itself.
import { setTimeout as delay } from 'node:timers/promises';
import type { PublishConfig, TrickleLink } from '../../api/schema.ts';
import { redactUrl } from '../../core/redact-url.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { plainFailure } from '../../trickle/plain-failure.ts';
import type { ChannelEnd, ChannelPublisher } from '../../trickle/segments.ts';
import type { OutputMeter } from '../meter.ts';
import { linkOf } from './link.ts';
import { publishTrickle, type TricklePublication } from './publication.ts';

/** Between two tries, ms: doubled each time. */
const RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;
/** What has gone on for so long was no failed try, ms. */
const WELL_MS = 10_000;

/** Connects to a channel. Rejects where it cannot be reached. */
export type Connect = (config: PublishConfig) => Promise<ChannelPublisher>;

const END_WORDS: Record<ChannelEnd, string> = {
  ended: 'the other server closed the channel',
  'not-found': 'there is no such channel on the other server',
  failed: 'the connection failed',
  closed: 'the channel was closed',
};

class OneChannel {
  #config: PublishConfig;
  readonly #stream: Stream;
  readonly #connect: Connect;
  readonly #meter: OutputMeter;
  readonly #closing = new AbortController();
  #publication: TricklePublication | null = null;
  /** Of connections before the present one. */
  readonly #past = { segments: 0, bytes: 0, dropped: 0, reconnects: 0 };
  #waiting = false;
  #error: string | null = null;
  #changed: (() => void) | null = null;

  constructor(stream: Stream, config: PublishConfig, connect: Connect, meter: OutputMeter) {
    this.#config = config;
    this.#stream = stream;
    this.#connect = connect;
    this.#meter = meter;
    void this.#keepUp();
  }

  get link(): TrickleLink {
    const figures = this.#publication?.figures ?? null;
    const now = linkOf(redactUrl(this.#config.url), figures, this.#stream.clock.now());
    const { segments, bytes, dropped, reconnects } = this.#past;
    return {
      ...now,
      state: this.#waiting ? 'waiting' : now.state,
      segments: now.segments + segments,
      bytes: now.bytes + bytes,
      dropped: now.dropped + dropped,
      reconnects: now.reconnects + reconnects,
      error: now.error ?? (this.#error && plainFailure(this.#error)),
    };
  }

  get config(): PublishConfig {
    return this.#config;
  }

  /** Goes on with other settings in the same channel. */
  change(config: PublishConfig): void {
    this.#config = config;
    this.#changed?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    // A connection that is just being made is not waited for: it is closed as soon as it is there.
    await this.#publication?.close();
  }

  async #keepUp(): Promise<void> {
    const { signal } = this.#closing;
    using _awake = this.#stream.demand();
    for (let failures = 0; !signal.aborted; ) {
      const began = performance.now();
      const error = await this.#once().catch((thrown) => (thrown as Error).message);
      if (signal.aborted) return;
      if (performance.now() - began > WELL_MS) failures = 0;
      this.#tell(true, error);
      this.#past.reconnects++;
      await delay(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** failures++), undefined, { signal }).catch(() => {});
    }
  }

  /** From connecting to the end; resolves to what went wrong. */
  async #once(): Promise<string> {
    const publisher = await this.#connect(this.#config);
    if (this.#closing.signal.aborted) {
      await publisher.close();
      return '';
    }
    for (;;) {
      const publication = publishTrickle(this.#stream, this.#config, publisher, {
        meter: this.#meter,
        onSegment: () => this.#tell(false, null),
      });
      this.#publication = publication;
      this.#tell(false, this.#error);
      const changed = new Promise<null>((resolve) => {
        this.#changed = () => resolve(null);
      });
      const end = await Promise.race([publication.ended, changed]);
      if (end === null) await publication.detach();
      else return this.#ended(publication, end);
    }
  }

  async #ended(publication: TricklePublication, end: ChannelEnd): Promise<string> {
    await publication.close();
    const { segments, bytes, dropped, reconnects, error } = publication.figures;
    this.#past.segments += segments;
    this.#past.bytes += bytes;
    this.#past.dropped += dropped;
    this.#past.reconnects += reconnects;
    this.#publication = null;
    return error ? `${END_WORDS[end]}: ${error}` : END_WORDS[end];
  }

  #tell(waiting: boolean, error: string | null): void {
    this.#waiting = waiting;
    this.#error = error;
    this.#stream.events.emit('links', {});
  }
}

export class OutgoingChannels {
  readonly #stream: Stream;
  readonly #connect: Connect;
  readonly #meter: OutputMeter;
  readonly #off: () => void;
  #channels: OneChannel[] = [];
  #closed = false;

  constructor(stream: Stream, connect: Connect, meter: OutputMeter) {
    this.#stream = stream;
    this.#connect = connect;
    this.#meter = meter;
    this.#off = stream.events.on('config', () => this.#follow());
    this.#follow();
  }

  /** In the order of the configuration. */
  get links(): TrickleLink[] {
    return this.#channels.map(({ link }) => link);
  }

  /** What is as it was goes on. */
  #follow(): void {
    if (this.#closed) return;
    const before = [...this.#channels];
    const take = (fits: (config: PublishConfig) => boolean) => {
      const at = before.findIndex(({ config }) => fits(config));
      return at < 0 ? undefined : before.splice(at, 1)[0];
    };
    const { publish } = this.#stream.config;
    const known = publish.map((config) => take((other) => JSON.stringify(other) === JSON.stringify(config)));
    this.#channels = publish.map((config, index) => {
      const kin = known[index] ?? take(({ url, token }) => url === config.url && token === config.token);
      if (kin && kin !== known[index]) kin.change(config);
      return kin ?? new OneChannel(this.#stream, config, this.#connect, this.#meter);
    });
    for (const one of before) void one.close();
    if (before.length) this.#stream.events.emit('links', {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#off();
    await Promise.all(this.#channels.map((channel) => channel.close()));
  }
}
