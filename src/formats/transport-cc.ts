// Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): every packet carries a number of its own in a
// header extension, and the receiver tells when each of them arrived.

/** What a receiver tells of a run of packets. */
export interface TransportFeedback {
  /** Transport-wide number of the first one, 16 bits. */
  readonly base: number;
  /** Counts the feedback messages, 8 bits. */
  readonly count: number;
  /** When each packet from `base` on arrived, ms on a clock of the receiver's own; `null` = it has not. */
  readonly arrivals: readonly (number | null)[];
}

/** Packets that a message may speak of: more than a second of any stream of ours. */
const MAX_PACKETS = 8192;

/** Bytes of an extension element and of the message's head up to its chunks. */
const HEAD_BYTES = 20;

/**
 * Reads the message between two offsets (3.1 of the draft).
 *
 * @param at where its RTCP header begins
 * @param end behind its last byte
 * @returns `null` for bytes that are none. Never throws.
 */
export function readTransportFeedback(view: DataView, at: number, end: number): TransportFeedback | null {
  if (at + HEAD_BYTES > end) return null;
  const total = view.getUint16(at + 14);
  if (total > MAX_PACKETS) return null;
  const word = view.getUint32(at + 16);
  // A signed number of 24 bits, in 64 ms.
  let time = ((word | 0) >> 8) * 64;
  const symbols: number[] = [];
  let next = at + HEAD_BYTES;
  while (symbols.length < total) {
    if (next + 2 > end) return null;
    readChunk(view.getUint16(next), total, symbols);
    next += 2;
  }
  const arrivals: (number | null)[] = [];
  for (const symbol of symbols) {
    // 3 is reserved.
    if (symbol === 3 || next + symbol > end) return null;
    if (symbol === 0) {
      arrivals.push(null);
      continue;
    }
    // One byte without sign, or two with; in 250 µs.
    time += (symbol === 1 ? view.getUint8(next) : view.getInt16(next)) / 4;
    next += symbol;
    arrivals.push(time);
  }
  return { base: view.getUint16(at + 12), count: word & 0xff, arrivals };
}

/** A run of one symbol (3.1.3), or a vector of 14 symbols of one bit or 7 of two (3.1.4). */
function readChunk(chunk: number, total: number, into: number[]): void {
  if (!(chunk & 0x8000)) {
    for (let left = chunk & 0x1fff; left > 0 && into.length < total; left--) into.push((chunk >> 13) & 3);
    return;
  }
  const bits = chunk & 0x4000 ? 2 : 1;
  for (let shift = 14 - bits; shift >= 0 && into.length < total; shift -= bits) into.push((chunk >> shift) & (bits === 2 ? 3 : 1));
}
