// All channels of one server: making and deleting them, limits, idle ones, the feed of changes. State only: timers and sockets are
// outside, the clock is given.
import { Emitter } from '../core/emitter.ts';
import { SluiceError } from '../core/errors.ts';
import { Channel, type ChannelHost, type ChannelStats, DEFAULT_LIMITS, type TrickleLimits } from './channel.ts';

/** Channel that tells which channels come and go: `{"added":["name"]}` or `{"removed":["name"]}`, one segment each. */
export const CHANGES = '_changes';

/** Names of channels: what a path part can carry without escapes. */
export const CHANNEL_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._~:@+=,-]{1,200}$/;

/** How channels are kept. */
export interface ChannelsOptions {
  readonly limits?: Partial<TrickleLimits>;
  /** A channel is made when it is created or published over HTTP; otherwise only from inside. Default true. */
  readonly autocreate?: boolean;
  /** Offers `_changes`. Default false. */
  readonly changefeed?: boolean;
  /** A channel without new bytes for so long is removed, ms. Default 5 minutes. Names that begin with `_` stay. */
  readonly idle?: number;
  /** Milliseconds that only rise. */
  readonly now?: () => number;
}

export interface ChannelsEvents {
  added: Channel;
  removed: Channel;
  /** The number of its readers has changed. */
  readers: Channel;
}

export class TrickleChannels implements Disposable {
  readonly limits: TrickleLimits;
  readonly autocreate: boolean;
  readonly idle: number;
  readonly now: () => number;
  readonly events = new Emitter<ChannelsEvents>();
  readonly #channels = new Map<string, Channel>();
  readonly #host: ChannelHost;
  readonly #feed: Channel | null = null;
  #held = 0;
  #refused = 0;
  #closed = false;

  constructor(options: ChannelsOptions = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.autocreate = options.autocreate ?? true;
    this.idle = options.idle ?? 300_000;
    this.now = options.now ?? (() => performance.now());
    this.#host = {
      limits: this.limits,
      now: this.now,
      held: () => this.#held,
      grown: (held) => {
        this.#held += held;
      },
      readers: (channel) => this.events.emit('readers', channel),
    };
    if (options.changefeed) {
      this.#feed = new Channel(CHANGES, 'application/json', 'the feed of changes', this.#host);
      this.#channels.set(CHANGES, this.#feed);
      this.#tell({ added: [CHANGES] });
    }
  }

  get size(): number {
    return this.#channels.size;
  }

  /** Bytes of all segments in memory. */
  get held(): number {
    return this.#held;
  }

  /** Requests turned away that belong to no channel: too many of them, names. */
  get refused(): number {
    return this.#refused;
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  stats(): ChannelStats[] {
    return [...this.#channels.values()].map((channel) => channel.stats);
  }

  /**
   * The channel of this name, made if there is none. With `owner` (in words: who writes it) others may only read it. Throws `bad-name`,
   * `conflict` if it is there and belongs to another, `unavailable` at the limit of channels or after `close`.
   */
  open(name: string, options: { readonly contentType?: string; readonly owner?: string } = {}): Channel {
    const known = this.#channels.get(name);
    const owner = options.owner ?? null;
    if (known) {
      if (owner !== null && known.owner !== owner) {
        throw new SluiceError('conflict', `the channel ${name} is there already and is written by ${known.owner ?? 'others'}`);
      }
      return known;
    }
    if (!CHANNEL_NAME.test(name)) {
      this.#refused++;
      throw new SluiceError(
        'bad-name',
        `${JSON.stringify(name.slice(0, 80))} received; expected 1 to 200 of A-Z a-z 0-9 . _ ~ : @ + = , -`,
      );
    }
    if (this.#closed) throw new SluiceError('unavailable', 'the server is closing');
    if (this.#channels.size >= this.limits.channels) {
      this.#refused++;
      throw new SluiceError('unavailable', `there are ${this.#channels.size} channels, as many as are allowed`);
    }
    const channel = new Channel(name, options.contentType ?? '', owner, this.#host);
    this.#channels.set(name, channel);
    this.#tell({ added: [name] });
    this.events.emit('added', channel);
    return channel;
  }

  /** Ends and removes a channel. False: there is none. */
  delete(name: string): boolean {
    const channel = this.#channels.get(name);
    if (!channel) return false;
    this.#channels.delete(name);
    channel.close();
    this.#tell({ removed: [name] });
    this.events.emit('removed', channel);
    return true;
  }

  /** Removes channels without new bytes for `idle`. Call it now and then. Returns their names. */
  sweep(): string[] {
    const before = this.now() - this.idle;
    const idle = [...this.#channels.values()].filter(
      ({ name, owner, activeAt }) => !name.startsWith('_') && owner === null && activeAt < before,
    );
    for (const { name } of idle) this.delete(name);
    return idle.map(({ name }) => name);
  }

  /** Removes all channels; no new ones are made. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const name of [...this.#channels.keys()]) if (name !== CHANGES) this.delete(name);
    this.delete(CHANGES);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Counts a request that was turned away and belongs to no channel. */
  countRefused(): void {
    this.#refused++;
  }

  #tell(change: { readonly added?: readonly string[]; readonly removed?: readonly string[] }): void {
    if (!this.#feed || this.#feed.closed) return;
    const input = this.#feed.write(-1);
    input.write(new TextEncoder().encode(JSON.stringify(change)));
    input.end();
  }
}
