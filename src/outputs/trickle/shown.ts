// Channels into which a stream goes although its configuration does not say so: those of stream processors. The page shows them like others.
import type { TrickleLink } from '../../api/schema.ts';
import { redactUrl } from '../../core/redact-url.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { linkOf } from './link.ts';
import type { TricklePublication } from './publication.ts';

const shown = new WeakMap<Stream, Map<TricklePublication, string>>();

/** From now on the page shows where it goes, as long as the stream exists. */
export function showPublication(publication: TricklePublication, url: string): void {
  const known = shown.get(publication.stream) ?? new Map<TricklePublication, string>();
  shown.set(publication.stream, known.set(publication, redactUrl(url)));
  publication.stream.events.emit('links', {});
}

export function shownLinks(stream: Stream | undefined): TrickleLink[] {
  if (!stream) return [];
  return [...(shown.get(stream) ?? [])].map(([publication, channel]) => linkOf(channel, publication.figures, stream.clock.now()));
}
