// Writes an MPEG transport stream (ISO/IEC 13818-1) of one program, each unit at once: H.264 with AAC or Opus. A segment begins with
// `tables()` and a key picture; continuity counters go on from one to the next.
import { concatBytes } from './bytes.ts';
import { NAL } from './h264.ts';
import { TS_PACKET, TS_SYNC, TS_WRAP } from './mpegts.ts';
import { adtsHeader } from './mpegts-audio.ts';
import { opusDescriptors, type PmtEntry, STREAM_TYPE, writePat, writePmt } from './mpegts-tables.ts';

const PMT_PID = 0x1000;
const VIDEO_PID = 0x100;
const SOUND_PID = 0x101;
/** The clock of the stream runs behind its pictures by so many ticks: they must have arrived before they are due. */
const CLOCK_LEAD = 4500;
/** In streams of sound alone the clock is written so often, ticks. */
const CLOCK_EVERY = 4500;
const AUD = Uint8Array.of(0, 0, 0, 1, NAL.aud, 0xf0);

export interface TsMuxOptions {
  readonly video: boolean;
  readonly audio?:
    | { readonly codec: 'opus'; readonly channels: number }
    /** `description`: AudioSpecificConfig, of AAC-LC. */
    | { readonly codec: 'aac'; readonly description: Uint8Array };
}

/** Times are ticks of 90 kHz; what is beyond 33 bits is left off. */
export interface MuxUnit {
  readonly pts: number;
  /** Without it the same as `pts`. */
  readonly dts?: number;
  readonly key?: boolean;
  readonly data: Uint8Array;
}

export class TsMuxer {
  readonly #counters = new Map<number, number>();
  readonly #entries: PmtEntry[] = [];
  readonly #options: TsMuxOptions;
  readonly #pcrPid: number;
  #clockAt = Number.NEGATIVE_INFINITY;

  constructor(options: TsMuxOptions) {
    this.#options = options;
    const { video, audio } = options;
    this.#pcrPid = video ? VIDEO_PID : SOUND_PID;
    if (video) this.#entries.push({ pid: VIDEO_PID, type: STREAM_TYPE.h264, descriptors: new Uint8Array(0) });
    if (audio?.codec === 'aac') this.#entries.push({ pid: SOUND_PID, type: STREAM_TYPE.aac, descriptors: new Uint8Array(0) });
    if (audio?.codec === 'opus') {
      this.#entries.push({ pid: SOUND_PID, type: STREAM_TYPE.private, descriptors: opusDescriptors(audio.channels) });
    }
  }

  /** PAT and PMT: what a segment begins with. */
  tables(): Uint8Array {
    this.#clockAt = Number.NEGATIVE_INFINITY;
    const out = new Uint8Array(2 * TS_PACKET);
    this.#head(out, 0, 0, true, 1);
    out.set(writePat(PMT_PID), 4);
    this.#head(out, TS_PACKET, PMT_PID, true, 1);
    out.set(writePmt(this.#pcrPid, this.#entries), TS_PACKET + 4);
    return out;
  }

  /** A picture of H.264 in Annex B; a key picture comes with its parameter sets. An access unit delimiter is put before it if it has none. */
  video({ pts, dts = pts, key = false, data }: MuxUnit): Uint8Array {
    // Transport streams demand delimiters (2.14.1).
    const unit = startsWithDelimiter(data) ? [data] : [AUD, data];
    return this.#pes(VIDEO_PID, 0xe0, pts, dts, key, unit);
  }

  /** A packet of Opus, or a frame of AAC without header. */
  audio({ pts, data }: MuxUnit): Uint8Array {
    const { audio } = this.#options;
    if (!audio) throw new RangeError('this muxer has no sound');
    // Opus is a private stream (0xbd) with control headers, AAC has ADTS headers.
    if (audio.codec === 'opus') return this.#pes(SOUND_PID, 0xbd, pts, pts, true, [opusControl(data.length), data]);
    return this.#pes(SOUND_PID, 0xc0, pts, pts, true, [adtsHeader(audio.description, data.length), data]);
  }

  #pes(pid: number, streamId: number, pts: number, dts: number, key: boolean, parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    const clock = pid === this.#pcrPid && (pid === VIDEO_PID || Math.abs(dts - this.#clockAt) >= CLOCK_EVERY);
    if (clock) this.#clockAt = dts;
    // Its length byte and its flags, six bytes of clock.
    const adaptation = clock ? 8 : key ? 2 : 0;
    const bounded = 3 + 10 + length <= 0xffff;
    let head = pesHead(streamId, pts, dts, bounded ? length : null, 0);
    // A reader that is not told the length sees the end by the stuffing of the last packet: there must be some.
    if (!bounded && (adaptation + head.length + length) % (TS_PACKET - 4) === 0) head = pesHead(streamId, pts, dts, null, 1);
    const bytes = concatBytes([head, ...parts]);
    const out = new Uint8Array(Math.ceil((adaptation + bytes.length) / (TS_PACKET - 4)) * TS_PACKET);
    let at = 0;
    for (let packet = 0; packet < out.length; packet += TS_PACKET) {
      const first = packet === 0;
      const room = TS_PACKET - 4 - (first ? adaptation : 0);
      const taken = Math.min(room, bytes.length - at);
      const stuffing = room - taken;
      const field = (first ? adaptation : 0) + stuffing;
      this.#head(out, packet, pid, first, field ? 3 : 1);
      if (field) {
        out[packet + 4] = field - 1;
        if (field > 1) out[packet + 5] = (first && key ? 0x40 : 0) | (first && clock ? 0x10 : 0);
        if (first && clock) writeClock(out, packet + 6, dts - CLOCK_LEAD);
        out.fill(0xff, packet + 4 + Math.max(first ? adaptation : 0, Math.min(field, 2)), packet + 4 + field);
      }
      out.set(bytes.subarray(at, at + taken), packet + 4 + field);
      at += taken;
    }
    return out;
  }

  /** Header of a transport packet (2.4.3.2). @param control adaptation_field_control: 1 payload alone, 3 field and payload */
  #head(out: Uint8Array, at: number, pid: number, start: boolean, control: 1 | 3): void {
    const counter = this.#counters.get(pid) ?? 0;
    this.#counters.set(pid, (counter + 1) & 15);
    out[at] = TS_SYNC;
    out[at + 1] = (start ? 0x40 : 0) | (pid >> 8);
    out[at + 2] = pid & 0xff;
    out[at + 3] = (control << 4) | counter;
  }
}

/** PES header (2.4.3.6). @param length bytes of the payload; `null`: not told @param stuffing bytes */
function pesHead(streamId: number, pts: number, dts: number, length: number | null, stuffing: number): Uint8Array {
  const both = pts !== dts;
  const fields = (both ? 10 : 5) + stuffing;
  const head = new Uint8Array(9 + fields).fill(0xff);
  const total = length === null ? 0 : 3 + fields + length;
  // data_alignment_indicator: the payload begins with an access unit.
  head.set([0, 0, 1, streamId, total >> 8, total & 0xff, 0x84, both ? 0xc0 : 0x80, fields]);
  writeTime(head, 9, both ? 3 : 2, pts);
  if (both) writeTime(head, 14, 1, dts);
  return head;
}

function wrap(ticks: number): number {
  return ((Math.round(ticks) % TS_WRAP) + TS_WRAP) % TS_WRAP;
}

function writeTime(out: Uint8Array, at: number, prefix: number, ticks: number): void {
  const time = wrap(ticks);
  const high = Math.floor(time / 2 ** 30);
  const low = time % 2 ** 30;
  out[at] = (prefix << 4) | (high << 1) | 1;
  out[at + 1] = low >> 22;
  out[at + 2] = ((low >> 14) & 0xfe) | 1;
  out[at + 3] = low >> 7;
  out[at + 4] = (low << 1) | 1;
}

/** program_clock_reference of 33 bits at 90 kHz, its extension 0 (2.4.3.5). */
function writeClock(out: Uint8Array, at: number, ticks: number): void {
  const time = wrap(ticks);
  const high = Math.floor(time / 2);
  out[at] = high >>> 24;
  out[at + 1] = high >>> 16;
  out[at + 2] = high >>> 8;
  out[at + 3] = high;
  out[at + 4] = ((time % 2) << 7) | 0x7e;
  out[at + 5] = 0;
}

function startsWithDelimiter(data: Uint8Array): boolean {
  const at = data[2] === 1 ? 3 : 4;
  return data[0] === 0 && data[1] === 0 && data[at - 1] === 1 && (data[at]! & 0x1f) === NAL.aud;
}

/** Control header of an Opus packet: prefix, no trims, its length in steps of 255. */
function opusControl(length: number): Uint8Array {
  const head = new Uint8Array(3 + Math.floor(length / 255)).fill(0xff);
  head[0] = 0x7f;
  head[1] = 0xe0;
  head[head.length - 1] = length % 255;
  return head;
}
