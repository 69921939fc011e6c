// RTP (RFC 3550) and H.264 inside it (RFC 6184, packetization mode 1).
import { concatBytes } from './bytes.ts';
import { NAL, nalType } from './h264.ts';

/** Bytes of a header without extensions. */
export const RTP_HEADER_BYTES = 12;
/** Payload of a packet at most: leaves room for headers, extensions, SRTP and a tunnel inside 1,280 bytes. */
export const MAX_PAYLOAD = 1180;

/** A header extension element of the one-byte form (RFC 8285 4.2): id 1 to 14, 1 to 16 bytes. */
export interface RtpExtension {
  readonly id: number;
  readonly data: Uint8Array;
}

export interface RtpHeader {
  readonly marker: boolean;
  readonly payloadType: number;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly extensions: readonly RtpExtension[];
}

/** An RTP packet as it was read. */
export interface RtpPacket extends RtpHeader {
  readonly payload: Uint8Array;
}

/** Writes a packet. Extensions with ids outside 1 to 14 or other than 1 to 16 bytes are a mistake of the caller. */
export function writeRtp(header: RtpHeader, payload: Uint8Array): Uint8Array {
  const extension = writeExtensions(header.extensions);
  const bytes = new Uint8Array(RTP_HEADER_BYTES + extension.length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80 | (extension.length ? 0x10 : 0);
  bytes[1] = (header.marker ? 0x80 : 0) | (header.payloadType & 0x7f);
  view.setUint16(2, header.sequence & 0xffff);
  view.setUint32(4, header.timestamp >>> 0);
  view.setUint32(8, header.ssrc >>> 0);
  bytes.set(extension, RTP_HEADER_BYTES);
  bytes.set(payload, RTP_HEADER_BYTES + extension.length);
  return bytes;
}

/** Bytes of the extension block, empty without extensions (RFC 8285 4.1.2). */
export function writeExtensions(extensions: readonly RtpExtension[]): Uint8Array {
  if (!extensions.length) return new Uint8Array();
  const body = extensions.reduce((sum, { data }) => sum + 1 + data.length, 0);
  const words = Math.ceil(body / 4);
  const bytes = new Uint8Array(4 + words * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xbede);
  view.setUint16(2, words);
  let at = 4;
  for (const { id, data } of extensions) {
    if (id < 1 || id > 14 || data.length < 1 || data.length > 16) throw new TypeError(`extension ${id} of ${data.length} bytes`);
    bytes[at++] = (id << 4) | (data.length - 1);
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/** Reads a packet; `null` for bytes that are none. Never throws on foreign bytes. */
export function readRtp(bytes: Uint8Array): RtpPacket | null {
  if (bytes.length < RTP_HEADER_BYTES || bytes[0]! >> 6 !== 2) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = RTP_HEADER_BYTES + (bytes[0]! & 0x0f) * 4;
  const extensions: RtpExtension[] = [];
  if (bytes[0]! & 0x10) {
    if (at + 4 > bytes.length) return null;
    const profile = view.getUint16(at);
    const end = at + 4 + view.getUint16(at + 2) * 4;
    if (end > bytes.length) return null;
    if (profile === 0xbede) readExtensions(bytes.subarray(at + 4, end), extensions);
    at = end;
  }
  let end = bytes.length;
  if (bytes[0]! & 0x20) end -= bytes[end - 1]!;
  if (at > end) return null;
  return {
    marker: (bytes[1]! & 0x80) !== 0,
    payloadType: bytes[1]! & 0x7f,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    extensions,
    payload: bytes.subarray(at, end),
  };
}

function readExtensions(block: Uint8Array, into: RtpExtension[]): void {
  for (let at = 0; at < block.length; ) {
    const head = block[at++]!;
    // Zero bytes are padding; id 15 ends the list (RFC 8285 4.2).
    if (head === 0) continue;
    const id = head >> 4;
    const length = (head & 0x0f) + 1;
    if (id === 15 || at + length > block.length) return;
    into.push({ id, data: block.subarray(at, at + length) });
    at += length;
  }
}

/** Whether bytes of the muxed port are RTCP and not RTP (RFC 5761 4). */
export function isRtcp(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && bytes[1]! >= 192 && bytes[1]! <= 223;
}

/** Payloads of the packets of one picture: single NAL units, several small ones together (STAP-A, RFC 6184 5.7.1), large ones in pieces
 *  (FU-A, 5.8). The marker belongs on the last one. */
export function packetizeH264(nals: readonly Uint8Array[], limit = MAX_PAYLOAD): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let room = limit - 1;
  const flush = () => {
    if (small.length === 1) payloads.push(small[0]!);
    else if (small.length > 1) payloads.push(aggregate(small));
    small = [];
    room = limit - 1;
  };
  for (const nal of nals) {
    if (nal.length + 2 <= room) {
      small.push(nal);
      room -= nal.length + 2;
      continue;
    }
    flush();
    if (nal.length + 2 <= limit - 1) {
      small.push(nal);
      room -= nal.length + 2;
    } else if (nal.length <= limit) payloads.push(nal);
    else payloads.push(...fragmentNal(nal, limit));
  }
  flush();
  return payloads;
}

function aggregate(nals: readonly Uint8Array[]): Uint8Array {
  // The F and NRI bits of the aggregate are the highest of its units.
  const head = nals.reduce((best, nal) => Math.max(best, nal[0]! & 0xe0), 0) | 24;
  return concatBytes([Uint8Array.of(head), ...nals.flatMap((nal) => [Uint8Array.of(nal.length >> 8, nal.length & 0xff), nal])]);
}

function fragmentNal(nal: Uint8Array, limit: number): Uint8Array[] {
  const indicator = (nal[0]! & 0xe0) | 28;
  const type = nal[0]! & 0x1f;
  const pieces: Uint8Array[] = [];
  const room = limit - 2;
  for (let at = 1; at < nal.length; at += room) {
    const end = Math.min(nal.length, at + room);
    const piece = new Uint8Array(2 + end - at);
    piece[0] = indicator;
    piece[1] = (at === 1 ? 0x80 : 0) | (end === nal.length ? 0x40 : 0) | type;
    piece.set(nal.subarray(at, end), 2);
    pieces.push(piece);
  }
  return pieces;
}

/** Parameter sets of a decoder configuration record, in order: SPS, PPS. */
export function parameterSets(record: Uint8Array): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = (record[at++] ?? 0) & mask;
    for (let i = 0; i < count && at + 2 <= record.length; i++) {
      const length = (record[at]! << 8) | record[at + 1]!;
      sets.push(record.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return sets;
}

/** Collects the payloads of one sender into NAL units of whole pictures. A picture that misses a packet is given up. */
export class H264Depacketizer {
  #nals: Uint8Array[] = [];
  #pieces: Uint8Array[] | null = null;
  #timestamp: number | null = null;
  #next: number | null = null;
  #broken = false;

  /** Takes a packet in the order of its sequence numbers; the NAL units of a picture when it is complete, `lost` when one had to be given up. */
  push(
    packet: Pick<RtpPacket, 'sequence' | 'timestamp' | 'marker' | 'payload'>,
  ): { nals: Uint8Array[]; timestamp: number } | 'lost' | null {
    let lost = false;
    if (this.#next !== null && packet.sequence !== this.#next) this.#broken = true;
    this.#next = (packet.sequence + 1) & 0xffff;
    if (this.#timestamp !== null && packet.timestamp !== this.#timestamp) {
      // The packet with the marker is missing, or the hole lay between two pictures.
      lost = this.#nals.length > 0 || this.#pieces !== null || this.#broken;
      this.#begin();
      this.#broken = lost && packet.payload.length > 0 && !startsPicture(packet.payload);
    }
    this.#timestamp = packet.timestamp;
    this.#add(packet.payload);
    if (!packet.marker) return lost ? 'lost' : null;
    const { timestamp } = packet;
    const whole = !this.#broken && this.#pieces === null && this.#nals.length > 0;
    const nals = this.#nals;
    this.#begin();
    this.#timestamp = null;
    this.#broken = false;
    return whole && !lost ? { nals, timestamp } : 'lost';
  }

  #begin(): void {
    this.#nals = [];
    this.#pieces = null;
  }

  #add(payload: Uint8Array): void {
    const type = nalType(payload);
    if (type >= 1 && type <= 23) this.#nals.push(payload.slice());
    else if (type === 24) {
      for (let at = 1; at + 2 <= payload.length; ) {
        const length = (payload[at]! << 8) | payload[at + 1]!;
        if (length === 0 || at + 2 + length > payload.length) break;
        this.#nals.push(payload.slice(at + 2, at + 2 + length));
        at += 2 + length;
      }
    } else if (type === 28 && payload.length > 2) {
      const head = payload[1]!;
      if (head & 0x80) this.#pieces = [Uint8Array.of((payload[0]! & 0xe0) | (head & 0x1f))];
      if (!this.#pieces) {
        this.#broken = true;
        return;
      }
      this.#pieces.push(payload.slice(2));
      if (head & 0x40) {
        this.#nals.push(concatBytes(this.#pieces));
        this.#pieces = null;
      }
    }
  }
}

/** Whether a payload can be the first one of a picture: a piece in the middle of a NAL unit cannot. */
function startsPicture(payload: Uint8Array): boolean {
  return nalType(payload) !== 28 || (payload[1]! & 0x80) !== 0;
}

/** NAL units in front of which a decoder can begin: parameter sets and IDR. */
export function hasKey(nals: readonly Uint8Array[]): boolean {
  return nals.some((nal) => nalType(nal) === NAL.idr);
}
