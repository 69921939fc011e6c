// The headers of the protocol, read as foreign bytes: what is not a segment number counts as not told.
import type { IncomingHttpHeaders } from 'node:http';

/** What an answer of a trickle server says of its channel. */
export interface ChannelHeaders {
  /** `Lp-Trickle-Seq`: the segment of this answer; `null` = not told. */
  readonly seq: number | null;
  /** `Lp-Trickle-Latest`: the number that will be written next; `null` = not told. */
  readonly latest: number | null;
  /** `Lp-Trickle-Closed`: the channel has ended. */
  readonly closed: boolean;
  readonly contentType: string;
}

/** A segment number: an integer of 0 to 2^53 - 1 in decimal digits. `null` for anything else. */
export function segmentNumber(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : null;
}

export function channelHeaders(headers: IncomingHttpHeaders): ChannelHeaders {
  return {
    seq: segmentNumber(one(headers['lp-trickle-seq'])),
    latest: segmentNumber(one(headers['lp-trickle-latest'])),
    closed: !!one(headers['lp-trickle-closed']),
    contentType: headers['content-type'] ?? '',
  };
}

/** Node joins repeated headers by commas; two numbers in one are not a number. */
function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value?.trim();
}
