// VP8 inside RTP (RFC 7741).
import { concatBytes } from './bytes.ts';
import { MAX_PAYLOAD } from './rtp.ts';

/** A payload: what its descriptor says, and the bytes of the frame. */
export interface Vp8Payload {
  /** First packet of a frame: start of partition 0. */
  readonly first: boolean;
  /** 7 or 15 bits; `null` = not said. */
  readonly pictureId: number | null;
  readonly data: Uint8Array;
}

/**
 * Payloads of the packets of one frame (4.2): one partition for all, as whoever loses a packet loses the frame. The marker belongs on the last
 * one.
 *
 * @param pictureId rises by 1 with each frame; its low 15 bits are sent
 */
export function packetizeVp8(frame: Uint8Array, pictureId: number, limit = MAX_PAYLOAD): Uint8Array[] {
  const head = 4;
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += limit - head) {
    const payload = new Uint8Array(Math.min(limit, head + frame.length - at));
    // X, S on the first; I; M and the picture id.
    payload.set([0x80 | (at === 0 ? 0x10 : 0), 0x80, 0x80 | ((pictureId >> 8) & 0x7f), pictureId & 0xff]);
    payload.set(frame.subarray(at, at + limit - head), head);
    payloads.push(payload);
  }
  return payloads;
}

/** Reads a payload descriptor (4.2); `null` for bytes that are none. Never throws. */
export function readVp8Payload(payload: Uint8Array): Vp8Payload | null {
  if (payload.length < 2) return null;
  const head = payload[0]!;
  let at = 1;
  let pictureId: number | null = null;
  if (head & 0x80) {
    const extension = payload[at++]!;
    if (extension & 0x80) {
      const long = ((payload[at] ?? 0) & 0x80) !== 0;
      pictureId = long ? ((payload[at]! & 0x7f) << 8) | (payload[at + 1] ?? 0) : (payload[at] ?? 0);
      at += long ? 2 : 1;
    }
    if (extension & 0x40) at++;
    if (extension & 0x30) at++;
  }
  if (at >= payload.length) return null;
  return { first: (head & 0x10) !== 0 && (head & 0x07) === 0, pictureId, data: payload.subarray(at) };
}

/** Whether a frame can be decoded alone (RFC 6386 9.1). */
export function isVp8Key(frame: Uint8Array): boolean {
  return frame.length >= 10 && (frame[0]! & 1) === 0 && frame[3] === 0x9d && frame[4] === 0x01 && frame[5] === 0x2a;
}

/** Collects payloads into frames; one that misses a packet is given up. */
export class Vp8Depacketizer {
  #parts: Uint8Array[] = [];
  #timestamp: number | null = null;
  #next: number | null = null;
  #broken = true;
  #lost = false;

  /** `lost`: something is missing since the last frame that came out, and without it this one cannot be decoded. */
  push(packet: {
    readonly sequence: number;
    readonly timestamp: number;
    readonly marker: boolean;
    readonly payload: Uint8Array;
  }): { frame: Uint8Array; timestamp: number } | 'lost' | null {
    const hole = this.#next !== null && packet.sequence !== this.#next;
    this.#next = (packet.sequence + 1) & 0xffff;
    const payload = readVp8Payload(packet.payload);
    const begins = payload?.first === true && packet.timestamp !== this.#timestamp;
    if (hole) this.#lost = true;
    // Padding, by which a sender measures its way.
    if (!packet.payload.length && !hole) return null;
    if (begins) {
      if (this.#parts.length) this.#lost = true;
      this.#parts = [];
      this.#broken = false;
    } else if (hole) this.#broken = true;
    this.#timestamp = packet.timestamp;
    if (payload) this.#parts.push(payload.data);
    else this.#broken = true;
    if (!packet.marker) return null;
    const frame = concatBytes(this.#parts);
    this.#parts = [];
    const lost = this.#broken || (this.#lost && !isVp8Key(frame));
    this.#lost = false;
    return lost ? 'lost' : { frame, timestamp: packet.timestamp };
  }
}
