// How one end of a trickle channel stands, as the page and the REST interface tell it.
import { TrickleLink } from '../../api/schema.ts';
import { redactUrl } from '../../core/redact-url.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { ChannelFigures } from '../../trickle/segments.ts';

/** @param now server UTC, µs; `figures` count in ms of this thread's `performance.now()` */
export function linkOf(channel: string, figures: ChannelFigures | null, now: number): TrickleLink {
  const since = figures?.since ?? null;
  return {
    channel,
    own: false,
    state: since === null ? 'connecting' : 'live',
    seq: figures && figures.seq >= 0 ? figures.seq : null,
    began: since === null ? null : Math.round(now - (performance.now() - since) * 1000),
    segments: figures?.segments ?? 0,
    bytes: figures?.bytes ?? 0,
    dropped: figures?.dropped ?? 0,
    reconnects: figures?.reconnects ?? 0,
    readers: null,
    error: figures?.error ?? null,
  };
}

/** The channel that a stream comes from; `null`: it comes from none. */
export function sourceLink({ config, sourceDetails, state, reason, clock }: Stream): TrickleLink | null {
  const source: { readonly type: string; readonly url?: unknown } = config.source;
  if (source.type !== 'trickle') return null;
  const channel = redactUrl(String(source.url ?? ''));
  const idle = linkOf(channel, null, clock.now());
  const own = !/^https?:/i.test(channel);
  // What the source tells of its connection, as far as it does.
  const told = sourceDetails?.type === 'trickle' ? TrickleLink.partial().safeParse(sourceDetails).data : undefined;
  const failed = state === 'failed' ? { state: 'waiting' as const, error: reason } : {};
  return { ...idle, own, ...(told as TrickleLink | undefined), channel, ...failed };
}
