// What the form of a marker holds, and what it asks the server for. Pure.
import type { Marker, MarkerPatch } from '../../src/api/timeline.ts';

/** How a marker ends. `shown`: at the frame that the player shows. */
export type EndKind = 'moment' | 'span' | 'shown' | 'open';

export interface MarkerFields {
  readonly label: string;
  readonly kind: string;
  readonly end: EndKind;
  /** Length of a span as typed, in s. */
  readonly seconds: string;
}

const KIND = /^[A-Za-z0-9._:/-]{1,64}$/;
const LABEL_MAX = 500;

export function fieldsOf(marker: Marker): MarkerFields {
  return {
    label: marker.label,
    kind: marker.kind,
    end: marker.open ? 'open' : marker.end === null ? 'moment' : 'span',
    seconds: marker.end === null ? '' : String((marker.end - marker.timestamp) / 1_000_000),
  };
}

/** Messages by field, empty if all is fine. `start`: of the marker, `shown`: what the player shows; µs. */
export function fieldProblems(fields: MarkerFields, start: number, shown: number | null): Partial<Record<keyof MarkerFields, string>> {
  const problems: Partial<Record<keyof MarkerFields, string>> = {};
  if (fields.label.length > LABEL_MAX) problems.label = `${fields.label.length} characters; at most ${LABEL_MAX}`;
  if (!KIND.test(fields.kind.trim())) problems.kind = '1 to 64 characters of A-Z a-z 0-9 . _ : / -';
  if (fields.end === 'span' && !(Number(fields.seconds) > 0 && fields.seconds.trim())) problems.seconds = 'a number of seconds above 0';
  if (fields.end === 'shown') {
    if (shown === null) problems.end = 'The player shows no frame now.';
    else if (shown < start) problems.end = 'The shown frame lies before the start of this marker.';
  }
  return problems;
}

/** What is to be changed; empty if nothing. */
export function patchOf(marker: Marker, fields: MarkerFields, shownFrame: number | null): MarkerPatch {
  const before = fieldsOf(marker);
  const patch: MarkerPatch = {};
  if (fields.label.trim() !== before.label) patch.label = fields.label.trim();
  if (fields.kind.trim() !== before.kind) patch.kind = fields.kind.trim();
  const same = fields.end === before.end && (fields.end !== 'span' || fields.seconds.trim() === before.seconds);
  if (same) return patch;
  if (fields.end === 'moment') return { ...patch, end: null, endFrame: null, open: false };
  if (fields.end === 'open') return { ...patch, open: true };
  if (fields.end === 'shown') return shownFrame === null ? patch : { ...patch, endFrame: shownFrame };
  return { ...patch, end: marker.timestamp + Math.round(Number(fields.seconds) * 1_000_000) };
}
