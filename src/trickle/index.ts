// Trickle by itself: `import { TricklePublisher } from 'sluice/trickle'`. No media, no server around it.

export { SluiceError } from '../core/errors.ts';
export type { TrickleAccess } from './access.ts';
export type { ChannelStats, TrickleLimits } from './channel.ts';
export { type ChannelsOptions, TrickleChannels } from './channels.ts';
export type { EndpointOptions } from './endpoint.ts';
export type { TrickleHooks } from './http.ts';
export { JsonPublisher, type JsonPublisherOptions, JsonSubscriber, type JsonSubscriberOptions, type JsonValue } from './json.ts';
export { LocalPublisher, type LocalPublisherOptions } from './local-publisher.ts';
export { LocalSubscriber, type LocalSubscriberOptions } from './local-subscriber.ts';
export { TricklePublisher } from './publisher.ts';
export type { TricklePublisherOptions } from './publisher-options.ts';
export type { ChannelEnd, ChannelFigures, ChannelPublisher, ChannelSubscriber, SegmentReader, SegmentWriter } from './segments.ts';
export { TrickleServer, type TrickleServerOptions } from './server.ts';
export { TrickleSubscriber, type TrickleSubscriberOptions } from './subscriber.ts';
