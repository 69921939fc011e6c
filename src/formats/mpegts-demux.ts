// Reads an MPEG transport stream while it comes (ISO/IEC 13818-1), in pieces of any size: the tracks of its first program, their access
// units with times. Bytes from outside never make it throw, and what it holds is bounded.
import { concatBytes } from './bytes.ts';
import { NAL } from './h264.ts';
import { TS_PACKET, TS_SYNC, type TsCodec, type TsTrack, type TsUnit, TsUnwrap } from './mpegts.ts';
import { FrameSplitter, type SplitFrame, splitOpus } from './mpegts-audio.ts';
import { type Pes, PesReader, type TsPayload } from './mpegts-pes.ts';
import { readPat, readPmt, SectionReader } from './mpegts-tables.ts';

/** Bytes of a picture, and of the sound of one PES packet. */
const MAX_VIDEO_BYTES = 8 * 2 ** 20;
const MAX_SOUND_BYTES = 256 * 2 ** 10;
/** Tracks that are read. */
const MAX_VIDEO_TRACKS = 2;
const MAX_SOUND_TRACKS = 8;
/** A stream that has no key pictures goes on without one after so many. */
const MAX_WAIT_UNITS = 600;
/** What stands before the first slice of a picture is not longer. */
const MAX_HEAD_BYTES = 65_536;
const NO_PID = 0x1fff;

/** What was read and what was lost. */
export interface TsFigures {
  /** Transport packets. */
  readonly packets: number;
  /** Bytes outside of packets. */
  readonly skippedBytes: number;
  /** Times that the continuity counter of a track, or the sync byte, told that packets are missing or broken. */
  readonly gaps: number;
  /** PES packets that were begun and could not be had. */
  readonly broken: number;
  /** Whole pictures that were left out after a broken one, up to the next key picture. */
  readonly withoutKey: number;
}

interface TrackState {
  readonly track: TsTrack;
  readonly reader: PesReader;
  readonly splitter: FrameSplitter | null;
  needKey: boolean;
  waited: number;
  /** Where a unit without a time of its own begins, ticks. */
  next: number | null;
  last: { dts: number; interval: number } | null;
}

export class TsDemuxer {
  #rest = new Uint8Array(0);
  #inSync = true;
  #lastPid = NO_PID;
  readonly #pat = new SectionReader();
  readonly #pmt = new SectionReader();
  #pmtPid = NO_PID;
  #tracks: TsTrack[] = [];
  readonly #states = new Map<number, TrackState>();
  readonly #unwrap = new TsUnwrap();
  #units: TsUnit[] = [];
  readonly #figures = { packets: 0, skippedBytes: 0, gaps: 0, broken: 0, withoutKey: 0 };

  /** Of the program that is read, empty before its first table. A new array when they change. */
  get tracks(): readonly TsTrack[] {
    return this.#tracks;
  }

  get figures(): TsFigures {
    return { ...this.#figures };
  }

  /** Units whose last byte has come with this piece, in the order of their ends. Never throws. */
  push(chunk: Uint8Array): TsUnit[] {
    const data = this.#rest.length ? concatBytes([this.#rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      if (!this.#inSync) {
        const found = findSync(data, at);
        this.#figures.skippedBytes += found.at - at;
        at = found.at;
        if (!found.sure) break;
        this.#inSync = true;
      }
      if (data.length - at < TS_PACKET) break;
      // Where the next packet should begin and does not, a byte of this one is missing or too much.
      const next = data[at + TS_PACKET];
      if (data[at] !== TS_SYNC || (next !== undefined && next !== TS_SYNC)) {
        this.#loseSync();
        if (data[at] === TS_SYNC) at++;
        continue;
      }
      this.#packet(data.subarray(at, at + TS_PACKET));
      at += TS_PACKET;
    }
    this.#rest = data.slice(at);
    return this.#take();
  }

  /**
   * End of a segment, or of the input: the units that were open. The next piece begins with a packet; its continuity counters may begin
   * anew, tables and times go on.
   */
  flush(): TsUnit[] {
    const rest = this.#rest;
    if (!this.#inSync && rest.length === TS_PACKET && rest[0] === TS_SYNC) this.#packet(rest);
    else this.#figures.skippedBytes += rest.length;
    this.#rest = new Uint8Array(0);
    this.#inSync = true;
    this.#pat.reset();
    this.#pmt.reset();
    for (const { reader, splitter } of this.#states.values()) {
      reader.flush();
      splitter?.reset();
    }
    return this.#take();
  }

  /** The segment broke off: what was open lacks its end, whether or not its length says so. */
  cut(): TsUnit[] {
    for (const { reader } of this.#states.values()) reader.damage();
    return this.skip();
  }

  /** Something is missing before the next piece (a segment that was not had): pictures go on with the next key picture. */
  skip(): TsUnit[] {
    const units = this.flush();
    for (const state of this.#states.values()) this.#wait(state);
    return units;
  }

  #take(): TsUnit[] {
    const units = this.#units;
    if (units.length) this.#units = [];
    return units;
  }

  #loseSync(): void {
    this.#inSync = false;
    this.#figures.gaps++;
    // If a byte is missing, it may be missing in the packet before.
    this.#states.get(this.#lastPid)?.reader.damage();
  }

  #packet(bytes: Uint8Array): void {
    this.#figures.packets++;
    const pid = ((bytes[1]! & 0x1f) << 8) | bytes[2]!;
    this.#lastPid = pid;
    const table = pid === 0 ? this.#pat : pid === this.#pmtPid ? this.#pmt : null;
    const state = table ? undefined : this.#states.get(pid);
    if (!table && !state) return;
    // transport_error_indicator: its bits are wrong. Scrambled: we have no key.
    if (bytes[1]! & 0x80 || bytes[3]! & 0xc0) {
      this.#figures.gaps++;
      state?.reader.damage();
      return;
    }
    const packet = readPacket(bytes);
    if (!packet) return;
    if (state) return state.reader.push(packet);
    for (const section of table!.push(packet.data, packet.start)) {
      if (table === this.#pat) this.#onPat(section);
      else this.#onPmt(section);
    }
  }

  #onPat(section: Uint8Array): void {
    const pids = readPat(section);
    if (!pids || pids.length === 0 || pids.includes(this.#pmtPid)) return;
    this.#pmtPid = pids[0]!;
    this.#pmt.reset();
  }

  #onPmt(section: Uint8Array): void {
    const tracks = readPmt(section);
    if (!tracks || sameTracks(tracks, this.#tracks)) return;
    this.#tracks = tracks;
    let videos = 0;
    let sounds = 0;
    const kept = new Map<number, TrackState>();
    for (const track of tracks) {
      if (kept.has(track.pid) || track.pid === this.#pmtPid || track.pid === 0) continue;
      if ((track.kind === 'video' ? ++videos : ++sounds) > (track.kind === 'video' ? MAX_VIDEO_TRACKS : MAX_SOUND_TRACKS)) continue;
      const known = this.#states.get(track.pid);
      kept.set(track.pid, known && sameTracks([known.track], [track]) ? known : this.#open(track));
    }
    for (const [pid, { reader }] of this.#states) if (kept.get(pid)?.reader !== reader) reader.flush();
    this.#states.clear();
    for (const [pid, state] of kept) this.#states.set(pid, state);
  }

  #open(track: TsTrack): TrackState {
    const state: TrackState = {
      track,
      reader: new PesReader(track.kind === 'video' ? MAX_VIDEO_BYTES : MAX_SOUND_BYTES, {
        pes: (pes) => this.#onPes(state, pes),
        lost: () => {
          this.#figures.broken++;
          this.#wait(state);
        },
        gap: () => {
          this.#figures.gaps++;
          this.#wait(state);
        },
      }),
      splitter: track.codec === 'aac' || track.codec === 'mp3' ? new FrameSplitter(track.codec) : null,
      needKey: false,
      waited: 0,
      next: null,
      last: null,
    };
    return state;
  }

  #wait(state: TrackState): void {
    state.splitter?.reset();
    state.next = null;
    if (state.track.kind !== 'video') return;
    state.needKey = true;
    state.waited = 0;
  }

  #onPes(state: TrackState, pes: Pes): void {
    const dts = pes.dts === null ? null : this.#unwrap.step(pes.dts);
    const pts = pes.pts === null ? null : this.#unwrap.near(pes.pts);
    if (state.track.kind === 'video') this.#picture(state, pes, pts, dts);
    else this.#sound(state, pes, pts);
  }

  #picture(state: TrackState, pes: Pes, pts: number | null, dts: number | null): void {
    const { last, track } = state;
    const at = dts ?? (last ? last.dts + last.interval : null);
    if (at === null || pes.payload.length === 0) {
      this.#figures.broken++;
      return;
    }
    state.last = { dts: at, interval: last && at > last.dts ? at - last.dts : 3000 };
    const key = pes.key || isKeyPicture(track.codec, pes.payload);
    if (state.needKey && !key && ++state.waited < MAX_WAIT_UNITS) {
      this.#figures.withoutKey++;
      return;
    }
    state.needKey = false;
    this.#units.push({ track, pts: pts ?? at, dts: at, key, data: pes.payload });
  }

  #sound(state: TrackState, pes: Pes, pts: number | null): void {
    const { track, splitter } = state;
    const frames: SplitFrame[] = splitter ? splitter.split(pes.payload) : splitOpus(pes.payload);
    let at: number | null = null;
    for (const frame of frames) {
      // The time of a PES packet is that of the first frame that begins in it (2.4.3.7).
      at = frame.carried ? state.next : (at ?? pts ?? state.next);
      if (at !== null) {
        const time = Math.round(at);
        this.#units.push({ track, pts: time, dts: time, key: true, data: frame.data });
        at += frame.duration;
        state.next = at;
      }
      if (frame.carried) at = null;
    }
  }
}

function sameTracks(a: readonly TsTrack[], b: readonly TsTrack[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ pid, codec, type, channels }, i) => {
      const other = b[i]!;
      return pid === other.pid && codec === other.codec && type === other.type && channels === other.channels;
    })
  );
}

/** Where packets begin again: a sync byte with another one a packet later. Not `sure`: not in what there is, look from `at` next time. */
function findSync(data: Uint8Array, from: number): { at: number; sure: boolean } {
  const end = data.length - TS_PACKET;
  for (let at = from; at < end; at++) if (data[at] === TS_SYNC && data[at + TS_PACKET] === TS_SYNC) return { at, sure: true };
  return { at: Math.max(from, end), sure: false };
}

/** Headers of a transport packet (2.4.3.2, 2.4.3.4); `null` if it has no payload. */
function readPacket(bytes: Uint8Array): TsPayload | null {
  const control = (bytes[3]! >> 4) & 3;
  if (!(control & 1)) return null;
  let at = 4;
  let flags = 0;
  let stuffed = false;
  if (control === 3) {
    const length = bytes[4]!;
    at = 5 + length;
    if (at >= TS_PACKET) return null;
    flags = length ? bytes[5]! : 0;
    // PCR, OPCR, splice countdown; what else may be in there is not stuffing for sure.
    const fields = 1 + (flags & 0x10 ? 6 : 0) + (flags & 0x08 ? 6 : 0) + (flags & 0x04 ? 1 : 0);
    stuffed = flags === 0 || (!(flags & 0x03) && length > fields);
  }
  return {
    start: (bytes[1]! & 0x40) !== 0,
    counter: bytes[3]! & 0x0f,
    discontinuity: (flags & 0x80) !== 0,
    randomAccess: (flags & 0x40) !== 0,
    stuffed,
    data: bytes.subarray(at),
  };
}

/** Whether a decoder can begin with a picture: judged by its first slice. */
function isKeyPicture(codec: TsCodec | null, data: Uint8Array): boolean {
  // A sequence header stands before pictures of MPEG-2 that one can begin with (ISO/IEC 13818-2 6.1.1.6).
  if (codec === 'mpeg2video') return data[0] === 0 && data[1] === 0 && data[2] === 1 && data[3] === 0xb3;
  const end = Math.min(data.length - 3, MAX_HEAD_BYTES);
  for (let at = 0; at < end; at++) {
    if (data[at] !== 0 || data[at + 1] !== 0 || data[at + 2] !== 1) continue;
    const head = data[at + 3]!;
    if (codec === 'h264') {
      const type = head & 0x1f;
      if (type >= 1 && type <= NAL.idr) return type === NAL.idr;
    } else {
      // Intra random access pictures (ITU-T H.265 table 7-1).
      const type = (head >> 1) & 63;
      if (type < 32) return type >= 16 && type <= 23;
    }
    at += 3;
  }
  return false;
}
