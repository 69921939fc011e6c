// How markers look and read, the same on the bar, in tables and in charts: colour and shape of a kind, and the words for one marker.
import type { Marker } from '../api/timeline.ts';
import { lengthText, timeText, zoneOffset } from './clock-text.ts';

/**
 * Neither too light for white nor too dark for black: each has a contrast of at least 3 to 1 against both. Told apart by people who do not see
 * all colours as well, with the shape as second sign.
 */
const COLOURS = ['#c2571a', '#2779bd', '#0f8a6b', '#b0508f', '#8a7a00', '#7566c9', '#a3564f', '#5b7f95'] as const;
const SHAPES = ['round', 'square', 'diamond'] as const;

export type MarkerShape = (typeof SHAPES)[number];

/** Colour (CSS) and shape of a kind of markers: always the same for the same kind. */
export function kindLook(kind: string): { readonly colour: string; readonly shape: MarkerShape } {
  const number = hash(kind);
  return { colour: COLOURS[number % COLOURS.length]!, shape: SHAPES[Math.floor(number / COLOURS.length) % SHAPES.length]! };
}

/** FNV-1a, 32 bit, with its bits mixed once more: neighbouring words get far colours. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ char.codePointAt(0)!, 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/** `14:03:22.480, frame 1234`; for spans with their length or "still open". */
export function markerWhen(marker: Marker): string {
  const parts = [timeText(marker.timestamp, zoneOffset(marker.timestamp))];
  if (marker.end !== null) parts.push(`${lengthText((marker.end - marker.timestamp) / 1000)} long`);
  else if (marker.open) parts.push('still open');
  if (marker.frame !== null)
    parts.push(marker.endFrame === null ? `frame ${marker.frame}` : `frames ${marker.frame} to ${marker.endFrame}`);
  return parts.join(', ');
}

/** One line for screen readers and notices: `spike (event), 14:03:22.480, frame 1234`. */
export function markerText(marker: Marker): string {
  return `${marker.label || 'Marker'} (${marker.kind}), ${markerWhen(marker)}`;
}
