// Event messages in fMP4: the DASH event message box, version 1 (ISO/IEC 23009-1 5.10.3.3). The message is an ID3v2 tag (AOM "Carriage of
// ID3 Timed Metadata in CMAF"), because that is the scheme whose events plain players hand to the page; what it says is JSON.

import { fullBox, u32, u64 } from './boxes.ts';
import { ascii } from './bytes.ts';
import { readId3Text, writeId3Text } from './id3.ts';

/** `scheme_id_uri` of ID3 in CMAF. */
export const ID3_SCHEME = 'https://aomedia.org/emsg/ID3';
/** Description of our text inside the ID3 tag. */
export const MARKER_SCHEME = 'urn:sluice:marker:1';
/** `event_duration` of an event whose end is not known. */
export const UNKNOWN_DURATION = 0xffffffff;

const TIMESCALE = 90_000;

export interface EventMessage {
  readonly scheme: string;
  readonly value: string;
  /** Ticks per second. */
  readonly timescale: number;
  /** In ticks, on the time line of the media (`tfdt`), below 2^53. */
  readonly presentationTime: number;
  /** Ticks, `UNKNOWN_DURATION` = not known. */
  readonly duration: number;
  /** 32 bits; the same scheme, value and id are the same event. */
  readonly id: number;
  readonly data: Uint8Array;
}

/** The box. Strings must not hold a zero character. */
export function writeEmsg(message: EventMessage): Uint8Array {
  const encoder = new TextEncoder();
  return fullBox(
    'emsg',
    1,
    0,
    u32(message.timescale),
    u64(message.presentationTime),
    u32(message.duration),
    u32(message.id),
    encoder.encode(`${message.scheme}\0`),
    encoder.encode(`${message.value}\0`),
    message.data,
  );
}

/** All event messages of version 1 on the top level of a piece of media. Never throws on foreign bytes. */
export function readEmsgs(media: Uint8Array): EventMessage[] {
  const found: EventMessage[] = [];
  const view = new DataView(media.buffer, media.byteOffset, media.byteLength);
  for (let at = 0; at + 8 <= media.length; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > media.length) break;
    const message = isEmsg(media, at) ? readBox(media.subarray(at + 8, at + size)) : null;
    if (message) found.push(message);
    at += size;
  }
  return found;
}

const NAME = ascii('emsg');

function isEmsg(media: Uint8Array, at: number): boolean {
  return NAME.every((byte, i) => media[at + 4 + i] === byte);
}

function readBox(body: Uint8Array): EventMessage | null {
  // Version and flags, timescale, time, duration, id, two empty strings.
  if (body.length < 26 || body[0] !== 1) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const scheme = body.indexOf(0, 24);
  const value = scheme < 0 ? -1 : body.indexOf(0, scheme + 1);
  const time = view.getBigUint64(8);
  if (value < 0 || time > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const decoder = new TextDecoder();
  return {
    scheme: decoder.decode(body.subarray(24, scheme)),
    value: decoder.decode(body.subarray(scheme + 1, value)),
    timescale: view.getUint32(4),
    presentationTime: Number(time),
    duration: view.getUint32(16),
    id: view.getUint32(20),
    data: body.subarray(value + 1),
  };
}

/** What an event message says of a marker. */
export interface MarkerEvent {
  /** Class of the marker. */
  readonly kind: string;
  /** Media time of its frame, 90 kHz. */
  readonly pts: number;
  /** Ticks, `null` = a span whose end is not known yet. */
  readonly duration: number | null;
  /** Number of this state of the marker; its low 32 bits are kept. */
  readonly sequence: number;
  /** The marker itself. */
  readonly json: string;
}

/** Box of a marker. */
export function writeMarkerEmsg(event: MarkerEvent): Uint8Array {
  return writeEmsg({
    scheme: ID3_SCHEME,
    value: event.kind,
    timescale: TIMESCALE,
    presentationTime: event.pts,
    duration: event.duration === null ? UNKNOWN_DURATION : Math.min(event.duration, UNKNOWN_DURATION - 1),
    id: event.sequence % 2 ** 32,
    data: writeId3Text(MARKER_SCHEME, event.json),
  });
}

/** The markers in a piece of media; other events are left out. */
export function readMarkerEmsgs(media: Uint8Array): MarkerEvent[] {
  return readEmsgs(media).flatMap((message) => {
    const json = message.scheme === ID3_SCHEME && message.timescale === TIMESCALE ? readId3Text(message.data, MARKER_SCHEME) : null;
    if (json === null) return [];
    const { value: kind, presentationTime: pts, duration, id: sequence } = message;
    return [{ kind, pts, duration: duration === UNKNOWN_DURATION ? null : duration, sequence, json }];
  });
}
