// Tables of a transport stream: which programs there are (PAT, ISO/IEC 13818-1 2.4.4.3) and which tracks one has (PMT, 2.4.4.8).
import { concatBytes } from './bytes.ts';
import { TS_PACKET, type TsCodec, type TsTrack, tsCrc } from './mpegts.ts';

/** Stream types (table 2-34). */
export const STREAM_TYPE = { mpeg1video: 1, mpeg2video: 2, mpeg1audio: 3, mpeg2audio: 4, private: 6, aac: 0x0f, h264: 0x1b, hevc: 0x24 };
const CODECS: Readonly<Record<number, readonly ['video' | 'audio', TsCodec]>> = {
  [STREAM_TYPE.mpeg1video]: ['video', 'mpeg2video'],
  [STREAM_TYPE.mpeg2video]: ['video', 'mpeg2video'],
  [STREAM_TYPE.mpeg1audio]: ['audio', 'mp3'],
  [STREAM_TYPE.mpeg2audio]: ['audio', 'mp3'],
  [STREAM_TYPE.aac]: ['audio', 'aac'],
  [STREAM_TYPE.h264]: ['video', 'h264'],
  [STREAM_TYPE.hevc]: ['video', 'hevc'],
};
const REGISTRATION = 5;
const EXTENSION = 0x7f;
/** Of the extension descriptor: channels of Opus (ETSI TS 102 366 form, "Opus in MPEG-TS" 0.1.3). */
const OPUS_CHANNELS = 0x80;
/** A section is this long at most (2.4.4.1: section_length of 1021, and three bytes before it). */
const MAX_SECTION = 1024;

/** Gathers the sections of one PID. Sections with a wrong CRC are left out. */
export class SectionReader {
  #held = new Uint8Array(0);
  #open = false;

  /** Forgets a section that has begun: something is missing. */
  reset(): void {
    this.#open = false;
    this.#held = new Uint8Array(0);
  }

  /** @param start the packet's payload_unit_start_indicator */
  push(payload: Uint8Array, start: boolean): Uint8Array[] {
    if (!start) return this.#open ? this.#take(payload) : [];
    const pointer = payload[0] ?? 0;
    if (pointer + 1 > payload.length) {
      this.reset();
      return [];
    }
    const before = this.#open ? this.#take(payload.subarray(1, 1 + pointer)) : [];
    this.reset();
    this.#open = true;
    return [...before, ...this.#take(payload.subarray(1 + pointer))];
  }

  #take(bytes: Uint8Array): Uint8Array[] {
    let held = this.#held.length ? concatBytes([this.#held, bytes]) : bytes;
    const sections: Uint8Array[] = [];
    while (held.length >= 3) {
      // 0xff: nothing but stuffing follows.
      if (held[0] === 0xff) {
        this.reset();
        return sections;
      }
      const length = 3 + (((held[1]! & 0x0f) << 8) | held[2]!);
      if (length > MAX_SECTION) {
        this.reset();
        return sections;
      }
      if (held.length < length) break;
      const section = held.subarray(0, length);
      if (length >= 12 && tsCrc(section) === 0) sections.push(section);
      held = held.subarray(length);
    }
    this.#held = held.slice();
    return sections;
  }
}

/** PIDs of the program maps in a section of the PAT, in order; `null`: another table, or one that is not valid yet. */
export function readPat(section: Uint8Array): number[] | null {
  if (section[0] !== 0 || !(section[5]! & 1)) return null;
  const pids: number[] = [];
  for (let at = 8; at + 4 <= section.length - 4; at += 4) {
    const program = (section[at]! << 8) | section[at + 1]!;
    // Program 0 is the network table.
    if (program !== 0) pids.push(((section[at + 2]! & 0x1f) << 8) | section[at + 3]!);
  }
  return pids;
}

/** Tracks of a program; `null`: another table, one that is not valid yet, or one that contradicts itself. */
export function readPmt(section: Uint8Array): TsTrack[] | null {
  if (section[0] !== 2 || !(section[5]! & 1)) return null;
  const end = section.length - 4;
  const tracks: TsTrack[] = [];
  let at = 12 + (((section[10]! & 0x0f) << 8) | section[11]!);
  while (at + 5 <= end) {
    const type = section[at]!;
    const pid = ((section[at + 1]! & 0x1f) << 8) | section[at + 2]!;
    const info = at + 5 + (((section[at + 3]! & 0x0f) << 8) | section[at + 4]!);
    if (info > end) return null;
    const track = trackOf(pid, type, section.subarray(at + 5, info));
    if (track) tracks.push(track);
    at = info;
  }
  return tracks;
}

function trackOf(pid: number, type: number, descriptors: Uint8Array): TsTrack | null {
  const known = CODECS[type];
  if (known) return { pid, kind: known[0], codec: known[1], type };
  if (type !== STREAM_TYPE.private) return null;
  let name = '';
  let channels = 2;
  for (let at = 0; at + 2 <= descriptors.length; ) {
    const tag = descriptors[at]!;
    const body = descriptors.subarray(at + 2, at + 2 + descriptors[at + 1]!);
    if (tag === REGISTRATION && body.length >= 4) name = String.fromCharCode(...body.subarray(0, 4));
    // 0 is two channels that have nothing to do with each other.
    if (tag === EXTENSION && body[0] === OPUS_CHANNELS && body.length >= 2) channels = body[1]! || 2;
    at += 2 + descriptors[at + 1]!;
  }
  if (name === 'Opus') return { pid, kind: 'audio', codec: 'opus', type, channels };
  if (name === 'HEVC') return { pid, kind: 'video', codec: 'hevc', type };
  return null;
}

/** What a program map says of a track. */
export interface PmtEntry {
  readonly pid: number;
  readonly type: number;
  readonly descriptors: Uint8Array;
}

/** Descriptors of a track of Opus. */
export function opusDescriptors(channels: number): Uint8Array {
  return Uint8Array.of(REGISTRATION, 4, 0x4f, 0x70, 0x75, 0x73, EXTENSION, 2, OPUS_CHANNELS, channels);
}

/** The payload of a packet with the PAT of one program. */
export function writePat(pmtPid: number): Uint8Array {
  return section(0, 1, Uint8Array.of(0, 1, 0xe0 | (pmtPid >> 8), pmtPid & 0xff));
}

/** The payload of a packet with its PMT. Throws RangeError if the tracks do not fit into one packet. */
export function writePmt(pcrPid: number, tracks: readonly PmtEntry[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0xe0 | (pcrPid >> 8), pcrPid & 0xff, 0xf0, 0)];
  for (const { pid, type, descriptors } of tracks) {
    parts.push(Uint8Array.of(type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, descriptors.length), descriptors);
  }
  return section(2, 1, concatBytes(parts));
}

function section(table: number, id: number, body: Uint8Array): Uint8Array {
  const length = body.length + 9;
  const head = Uint8Array.of(table, 0xb0 | (length >> 8), length & 0xff, id >> 8, id & 0xff, 0xc1, 0, 0);
  const bytes = concatBytes([head, body]);
  const crc = tsCrc(bytes);
  const payload = new Uint8Array(TS_PACKET - 4).fill(0xff);
  // pointer_field: the section begins at once.
  payload[0] = 0;
  payload.set(bytes, 1);
  new DataView(payload.buffer).setUint32(1 + bytes.length, crc);
  return payload;
}
