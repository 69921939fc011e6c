// What a program has found, with what it left out.
import type { Findings, Json } from '../processor.ts';
import type { FoundAt } from '../session.ts';
import type { FoundText } from './texts.ts';

export function foundBy(text: FoundText, at: FoundAt): Findings | null {
  const { metrics, markers = [], data = [] } = text;
  if (!metrics && !markers.length && !data.length) return null;
  return {
    ...(metrics && { metrics }),
    markers: markers.map(({ kind = 'event', id, frame = at.id, timestamp = at.timestamp, ...more }) => ({
      ...more,
      kind,
      frame,
      timestamp,
      id: id ?? `${kind}-${frame || timestamp}-${more.label}`.slice(0, 100).replace(/[^A-Za-z0-9._:-]+/g, '-'),
    })),
    data: data as { [key: string]: Json }[],
  } as Findings;
}
