// Ranges of bytes (RFC 9110 section 14): one range per request; whatever else a client asks for is answered whole.
import { SluiceError } from '../core/errors.ts';

/** First and last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What a `Range` header asks of `length` bytes; `null` = everything. Throws `range-not-satisfiable`. */
export function byteRange(header: string | undefined, length: number): ByteRange | null {
  const range = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!range || (range[1] === '' && range[2] === '')) return null;
  const suffix = range[1] === '';
  const start = suffix ? Math.max(0, length - Number(range[2])) : Number(range[1]);
  const end = suffix || range[2] === '' ? length - 1 : Math.min(length - 1, Number(range[2]));
  if (start > end || start >= length) {
    throw new SluiceError('range-not-satisfiable', `bytes ${start}-${end} were asked for; there are ${length}`);
  }
  return { start, end };
}
