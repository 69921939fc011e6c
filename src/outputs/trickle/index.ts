// Streams as trickle channels: into channels of other servers, as their configuration says.
import type { TrickleLink } from '../../api/schema.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { TricklePublisher } from '../../trickle/publisher.ts';
import type { Output, OutputContext } from '../output.ts';
import { OutgoingChannels } from './outgoing.ts';

export interface TrickleOutput extends Output {
  /** Channels into which a stream goes. */
  links(stream: string): TrickleLink[];
}

export function openTrickle({ registry, meter }: OutputContext): TrickleOutput {
  const outgoing = new Map<string, OutgoingChannels>();
  const follow = (stream: Stream) => {
    const connect = ({ url, token }: { url: string; token?: string | undefined }) =>
      TricklePublisher.open(url, { token, reset: true, contentType: 'video/mp2t' });
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
    links: (stream) => outgoing.get(stream)?.links ?? [],
    async close() {
      for (const off of offs) off();
      await Promise.all([...outgoing.values()].map((channels) => channels.close()));
    },
  };
}
