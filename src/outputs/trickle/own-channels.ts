// Any stream as a channel of this server: made when somebody first reads it, gone some seconds after its last reader has left.
import type { TrickleLink } from '../../api/schema.ts';
import { parseDuration } from '../../core/time.ts';
import type { Registry } from '../../pipeline/registry.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { Channel } from '../../trickle/channel.ts';
import { LocalPublisher } from '../../trickle/local-publisher.ts';
import type { OutputMeter } from '../meter.ts';
import type { TrickleChannelsOfServer } from '../output.ts';
import { linkOf } from './link.ts';
import { publishTrickle, type TricklePublication } from './publication.ts';

/** Readers come back for each segment: so long nobody may be there at the least, ms. */
const LEAST_LINGER_MS = 3000;

interface OwnChannel {
  readonly channel: Channel;
  readonly publication: TricklePublication;
  linger: NodeJS.Timeout | undefined;
}

export class OwnChannels {
  readonly #trickle: TrickleChannelsOfServer;
  readonly #registry: Registry;
  readonly #meter: (stream: string) => OutputMeter;
  readonly #open = new Map<string, OwnChannel>();
  readonly #offs: (() => void)[];

  constructor(trickle: TrickleChannelsOfServer, registry: Registry, meter: (stream: string) => OutputMeter) {
    this.#trickle = trickle;
    this.#registry = registry;
    this.#meter = meter;
    this.#offs = [
      trickle.onMissing((name) => {
        const stream = registry.find(name);
        if (stream && !readsItself(stream)) this.#make(stream);
      }),
      trickle.channels.events.on('readers', ({ name }) => this.#onReaders(name)),
    ];
  }

  /** The channel of a stream, while somebody reads it. */
  links(name: string): TrickleLink[] {
    const own = this.#open.get(name);
    const stream = this.#registry.find(name);
    if (!own || !stream) return [];
    const link = linkOf(name, own.publication.figures, stream.clock.now());
    return [{ ...link, own: true, readers: own.channel.readers }];
  }

  async close(): Promise<void> {
    for (const off of this.#offs) off();
    await Promise.all([...this.#open.values()].map(({ publication }) => publication.close()));
  }

  #make(stream: Stream): void {
    const { name } = stream;
    const tell = () => void stream.events.emit('links', {});
    const publisher = new LocalPublisher(this.#trickle.channels, name, { owner: `the stream ${name} of this server` });
    const publication = publishTrickle(stream, {}, publisher, { meter: this.#meter(name), onSegment: tell });
    const own: OwnChannel = { channel: this.#trickle.channels.get(name)!, publication, linger: undefined };
    this.#open.set(name, own);
    void publication.ended.then(() => {
      clearTimeout(own.linger);
      if (this.#open.get(name) === own) this.#open.delete(name);
      tell();
    });
    this.#onReaders(name);
  }

  #onReaders(name: string): void {
    const own = this.#open.get(name);
    if (!own) return;
    const { stream } = own.publication;
    clearTimeout(own.linger);
    stream.events.emit('links', {});
    if (own.channel.readers > 0) return;
    const linger = Math.max(LEAST_LINGER_MS, parseDuration(stream.config.linger, 'linger'));
    own.linger = setTimeout(() => void own.publication.close(), linger).unref();
  }
}

/** Whether a stream comes from the channel that has its name: it is to be published by others. */
function readsItself({ name, config: { source } }: Stream): boolean {
  return source.type === 'trickle' && source.url === name;
}
