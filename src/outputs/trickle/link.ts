// How one end of a trickle channel stands, as the page and the REST interface tell it.
import { z } from 'zod';
import type { TrickleLink } from '../../api/schema.ts';
import { redactUrl } from '../../core/redact-url.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { plainFailure } from '../../trickle/plain-failure.ts';
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
    error: figures?.error ? plainFailure(figures.error) : null,
  };
}

/** What the source says of its connection; `since` is server UTC in µs. */
const Told = z.object({
  state: z.enum(['connecting', 'live', 'ended']),
  seq: z.number(),
  since: z.number().nullable(),
  segments: z.number(),
  bytes: z.number(),
  dropped: z.number(),
  reconnects: z.number(),
  error: z.string().nullable(),
});

/** The channel that a stream comes from; `null`: it comes from none. */
export function sourceLink({ config, sourceDetails, state, reason, clock }: Stream): TrickleLink | null {
  const { source } = config;
  if (source.type !== 'trickle') return null;
  const own = !/^https?:/i.test(source.url);
  const link = { ...linkOf(own ? source.url : redactUrl(source.url), null, clock.now()), own };
  if (state === 'asleep' || state === 'stopped') return { ...link, state: 'asleep' };
  const failed = state === 'failed' ? { state: 'waiting' as const, error: reason && plainFailure(reason) } : {};
  const told = Told.safeParse(sourceDetails);
  if (!told.success) return { ...link, ...failed };
  const { since, seq, ...rest } = told.data;
  return { ...link, ...rest, seq: seq < 0 ? null : seq, began: since, ...failed };
}
