// Streams as trickle channels: each as a channel of this server while somebody reads it, and in channels of other servers as its
// configuration says.
import type { PublishConfig, TrickleLink } from '../../api/schema.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { TricklePublisher } from '../../trickle/publisher.ts';
import type { Output, OutputContext } from '../output.ts';
import { OutgoingChannels } from './outgoing.ts';
import { OwnChannels } from './own-channels.ts';
import { shownLinks } from './shown.ts';

export interface TrickleOutput extends Output {
  /** Channels into which a stream goes: that of this server first. */
  links(stream: string): TrickleLink[];
}

/** The number goes on where the channel is; readers of an earlier publisher get to its end. */
const connect = ({ url, token }: PublishConfig) => TricklePublisher.open(url, { token, reset: true, contentType: 'video/mp2t' });

export function openTrickle({ registry, meter, trickle }: OutputContext): TrickleOutput {
  const own = new OwnChannels(trickle, registry, (stream) => meter('trickle', stream));
  const outgoing = new Map<string, OutgoingChannels>();
  const follow = (stream: Stream) => {
    outgoing.set(stream.name, new OutgoingChannels(stream, connect, meter('trickle', stream.name)));
  };
  for (const stream of registry.all()) follow(stream);
  const offs = [
    registry.events.on('added', ({ stream }) => follow(stream)),
    registry.events.on('removed', ({ stream }) => {
      void outgoing.get(stream.name)?.close();
      outgoing.delete(stream.name);
    }),
  ];
  return {
    links: (stream) => [...own.links(stream), ...(outgoing.get(stream)?.links ?? []), ...shownLinks(registry.find(stream))],
    async close() {
      for (const off of offs) off();
      await Promise.all([own.close(), ...[...outgoing.values()].map((channels) => channels.close())]);
    },
  };
}
