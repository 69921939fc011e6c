// RTCP (RFC 3550 6, RFC 4585, RFC 5104; REMB: draft-alvestrand-rmcat-remb): what receivers say, what we say as a sender, and
// the little that we say to senders.
import { readTransportFeedback, type TransportFeedback } from './transport-cc.ts';

/** What a receiver reports. Unknown packets are left out. */
export type RtcpMessage =
  /** It lost the picture and needs a key frame (PLI, RFC 4585 6.3.1; FIR, RFC 5104 4.3.1). */
  | { readonly type: 'pli' | 'fir'; readonly ssrc: number }
  /** Packets that it asks for again (RFC 4585 6.2.1). */
  | { readonly type: 'nack'; readonly ssrc: number; readonly sequences: readonly number[] }
  /** Estimate of what the way to it carries, bit/s. */
  | { readonly type: 'remb'; readonly bitrate: number; readonly ssrcs: readonly number[] }
  /** A report block of SR or RR (RFC 3550 6.4.1). */
  | {
      readonly type: 'report';
      readonly ssrc: number;
      /** 0..1 since the report before. */
      readonly fractionLost: number;
      readonly cumulativeLost: number;
      readonly highestSequence: number;
      /** In units of the RTP clock. */
      readonly jitter: number;
      /** Middle 32 bits of the NTP time of the last sender report, and the delay since, in 1/65536 s. */
      readonly lastSr: number;
      readonly delaySinceLastSr: number;
    }
  /** A sender's time (Unix time by its own clock, µs) and the RTP time of the same moment (RFC 3550 6.4.1). */
  | {
      readonly type: 'sender-report';
      readonly ssrc: number;
      readonly time: number;
      readonly rtpTime: number;
      /** Middle 32 bits of the NTP time: what a receiver's report gives back. */
      readonly mark: number;
    }
  /** When packets arrived, by their transport-wide numbers. */
  | ({ readonly type: 'transport' } & TransportFeedback)
  | { readonly type: 'bye' };

/** Seconds from the beginning of NTP time (1900) to that of Unix time. */
const NTP_OFFSET = 2_208_988_800;

/** Unix time in µs of an NTP time in two halves. The era of 2036 begins again at zero (RFC 5905 6). */
export function ntpToMicros(seconds: number, fraction: number): number {
  const era = seconds < 2 ** 31 ? 2 ** 32 : 0;
  return Math.round((seconds + era - NTP_OFFSET + fraction / 2 ** 32) * 1e6);
}

const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const RTPFB = 205;
const PSFB = 206;
/** `REMB` in ASCII. */
const REMB = 0x52454d42;

/** Messages of a compound packet in order. Never throws on foreign bytes. */
export function readRtcp(bytes: Uint8Array): RtcpMessage[] {
  const messages: RtcpMessage[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; ) {
    if (bytes[at]! >> 6 !== 2) break;
    const count = bytes[at]! & 0x1f;
    const type = bytes[at + 1]!;
    const end = at + 4 + view.getUint16(at + 2) * 4;
    if (end > bytes.length) break;
    if (type === SR) {
      if (at + 28 <= end) messages.push(readSender(view, at));
      readReports(view, at + 28, end, count, messages);
    } else if (type === RR) readReports(view, at + 8, end, count, messages);
    else if (type === BYE) messages.push({ type: 'bye' });
    else if (type === RTPFB && count === 1 && at + 12 <= end) messages.push(readNack(view, at, end));
    else if (type === RTPFB && count === 15) {
      const feedback = readTransportFeedback(view, at, end);
      if (feedback) messages.push({ type: 'transport', ...feedback });
    } else if (type === PSFB && at + 12 <= end) readPayloadFeedback(view, at, end, count, messages);
    at = end;
  }
  return messages;
}

function readSender(view: DataView, at: number): RtcpMessage {
  const [seconds, fraction] = [view.getUint32(at + 8), view.getUint32(at + 12)];
  return {
    type: 'sender-report',
    ssrc: view.getUint32(at + 4),
    time: ntpToMicros(seconds, fraction),
    rtpTime: view.getUint32(at + 16),
    mark: ((seconds & 0xffff) * 0x10000 + (fraction >>> 16)) >>> 0,
  };
}

function readReports(view: DataView, from: number, end: number, count: number, messages: RtcpMessage[]): void {
  for (let i = 0, at = from; i < count && at + 24 <= end; i++, at += 24) {
    // Lost is a signed number of 24 bits.
    const lost = (view.getInt32(at + 4) << 8) >> 8;
    messages.push({
      type: 'report',
      ssrc: view.getUint32(at),
      fractionLost: view.getUint8(at + 4) / 256,
      cumulativeLost: lost,
      highestSequence: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
      lastSr: view.getUint32(at + 16),
      delaySinceLastSr: view.getUint32(at + 20),
    });
  }
}

function readNack(view: DataView, at: number, end: number): RtcpMessage {
  const sequences: number[] = [];
  for (let item = at + 12; item + 4 <= end; item += 4) {
    const first = view.getUint16(item);
    const mask = view.getUint16(item + 2);
    sequences.push(first);
    for (let bit = 0; bit < 16; bit++) if (mask & (1 << bit)) sequences.push((first + 1 + bit) & 0xffff);
  }
  return { type: 'nack', ssrc: view.getUint32(at + 8), sequences };
}

/** Round trip by a report block, ms (RFC 3550 6.4.1); `null` before the first sender report came through.
 *  @param now ms since the Unix epoch, on the clock that stamps our sender reports */
export function roundTripMs(report: { readonly lastSr: number; readonly delaySinceLastSr: number }, now: number): number | null {
  if (!report.lastSr) return null;
  // NTP time in 1/65536 s, the low 16 bits of its seconds.
  const compact = ((now / 1000 + NTP_OFFSET) % 65_536) * 65_536;
  const trip = (((compact - report.lastSr - report.delaySinceLastSr) % 2 ** 32) + 2 ** 32) % 2 ** 32;
  // Clocks that tick apart may give a little less than nothing.
  return trip > 2 ** 31 ? 0 : (trip * 1000) / 65_536;
}

function readPayloadFeedback(view: DataView, at: number, end: number, format: number, messages: RtcpMessage[]): void {
  if (format === 1) messages.push({ type: 'pli', ssrc: view.getUint32(at + 8) });
  else if (format === 4 && at + 20 <= end) messages.push({ type: 'fir', ssrc: view.getUint32(at + 12) });
  else if (format === 15 && at + 20 <= end && view.getUint32(at + 12) === REMB) {
    const exponent = view.getUint8(at + 17) >> 2;
    const mantissa = ((view.getUint8(at + 17) & 3) << 16) | view.getUint16(at + 18);
    const ssrcs: number[] = [];
    for (let i = 0; i < view.getUint8(at + 16) && at + 24 + i * 4 <= end; i++) ssrcs.push(view.getUint32(at + 20 + i * 4));
    messages.push({ type: 'remb', bitrate: mantissa * 2 ** exponent, ssrcs });
  }
}

/** SSRC that our own packets name as their sender. */
const OWN_SSRC = 1;

/** A packet of `words` words behind the eight bytes of header and sender; `view` writes its body from byte 8. */
function packet(count: number, type: number, words: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(8 + words * 4);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80 | count;
  bytes[1] = type;
  view.setUint16(2, 1 + words);
  view.setUint32(4, OWN_SSRC);
  return { bytes, view };
}

/** REMB: allows a sender so many bit/s. */
export function writeRemb(ssrc: number, bitrate: number): Uint8Array {
  let exponent = 0;
  while (bitrate / 2 ** exponent >= 2 ** 18) exponent++;
  const mantissa = Math.floor(bitrate / 2 ** exponent);
  const { bytes, view } = packet(15, PSFB, 4);
  view.setUint32(12, REMB);
  bytes[16] = 1;
  bytes[17] = (exponent << 2) | (mantissa >> 16);
  view.setUint16(18, mantissa & 0xffff);
  view.setUint32(20, ssrc >>> 0);
  return bytes;
}

/** PLI: asks a sender for a key frame. */
export function writePli(ssrc: number): Uint8Array {
  const { bytes, view } = packet(1, PSFB, 1);
  view.setUint32(8, ssrc >>> 0);
  return bytes;
}

/** Generic NACK: asks a sender for packets again; at most those that fit into 64 items. */
export function writeNack(ssrc: number, sequences: readonly number[]): Uint8Array {
  const items: { first: number; mask: number }[] = [];
  for (const sequence of sequences) {
    const last = items.at(-1);
    const distance = last ? (sequence - last.first - 1) & 0xffff : 16;
    if (last && distance < 16) last.mask |= 1 << distance;
    else if (items.length < 64) items.push({ first: sequence, mask: 0 });
  }
  const { bytes, view } = packet(1, RTPFB, 1 + items.length);
  view.setUint32(8, ssrc >>> 0);
  for (const [i, { first, mask }] of items.entries()) {
    view.setUint16(12 + i * 4, first);
    view.setUint16(14 + i * 4, mask);
  }
  return bytes;
}

/** What a sender says of one of its tracks (RFC 3550 6.4.1). */
export interface SenderReport {
  readonly ssrc: number;
  /** Unix time by the sender's clock, µs, and the RTP time of the same moment. */
  readonly time: number;
  readonly rtpTime: number;
  /** Since the beginning: packets, and bytes of their payloads. */
  readonly packets: number;
  readonly bytes: number;
  /** Name of the sender, the same for its tracks: they are played together (6.5.1). */
  readonly cname: string;
}

/** SR and SDES in one compound packet, as 6.1 demands. */
export function writeSenderReport(report: SenderReport): Uint8Array {
  const name = new TextEncoder().encode(report.cname).subarray(0, 255);
  // The item, at least one zero behind it, and padding to a word.
  const chunk = Math.ceil((4 + 2 + name.length + 1) / 4) * 4;
  const bytes = new Uint8Array(28 + 4 + chunk);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, SR);
  view.setUint16(2, 6);
  view.setUint32(4, report.ssrc >>> 0);
  const seconds = Math.floor(report.time / 1e6);
  view.setUint32(8, (seconds + NTP_OFFSET) % 2 ** 32);
  view.setUint32(12, Math.floor(((report.time - seconds * 1e6) * 2 ** 32) / 1e6));
  view.setUint32(16, report.rtpTime >>> 0);
  view.setUint32(20, report.packets >>> 0);
  view.setUint32(24, report.bytes % 2 ** 32);
  view.setUint8(28, 0x81);
  view.setUint8(29, SDES);
  view.setUint16(30, chunk / 4);
  view.setUint32(32, report.ssrc >>> 0);
  view.setUint8(36, 1);
  view.setUint8(37, name.length);
  bytes.set(name, 38);
  return bytes;
}

/** What a receiver says of one sender (RFC 3550 6.4.2). */
export interface ReceiverReport {
  readonly ssrc: number;
  /** 0..1 since the report before. */
  readonly fractionLost: number;
  readonly cumulativeLost: number;
  /** With the number of times that the 16 bits went round in its upper half. */
  readonly highestSequence: number;
  /** In units of the RTP clock. */
  readonly jitter: number;
  /** Mark of the newest sender report, 0 = none yet, and the time since it came, ms. */
  readonly lastSr: number;
  readonly sinceLastSrMs: number;
}

/** RR with one report block. */
export function writeReceiverReport(report: ReceiverReport): Uint8Array {
  const { bytes, view } = packet(1, RR, 6);
  view.setUint32(8, report.ssrc >>> 0);
  const lost = Math.max(-0x800000, Math.min(0x7fffff, report.cumulativeLost));
  view.setUint32(12, ((Math.min(255, Math.floor(report.fractionLost * 256)) << 24) | (lost & 0xffffff)) >>> 0);
  view.setUint32(16, report.highestSequence >>> 0);
  view.setUint32(20, Math.min(0xffffffff, Math.round(report.jitter)));
  view.setUint32(24, report.lastSr >>> 0);
  view.setUint32(28, report.lastSr ? Math.min(0xffffffff, Math.round(report.sinceLastSrMs * 65.536)) : 0);
  return bytes;
}
