// Reads what a player needs from fMP4 segments and parts: where the samples lie, their presentation times, and the identity inside each
// (ISO/IEC 14496-12 8.8). Foreign bytes: every function returns what it could read and throws nothing.
import type { SoundTrack, VideoTrack } from './fmp4.ts';
import { readSampleIdentity } from './h264.ts';
import type { Identity } from './identity.ts';

/** A sample of the first track run by run, with its place in the bytes that were read. */
export interface ReadSample {
  /** Presentation time: `tfdt` + durations before it + composition offset, in ticks of the track's timescale. */
  readonly pts: number;
  /** Ticks; 0 if the fragment leaves it to the init segment. */
  readonly duration: number;
  /** Of the first byte, from the start of the bytes given. */
  readonly offset: number;
  readonly size: number;
}

/** A sample with the identity that its SEI carries. */
export interface IdentifiedSample extends ReadSample {
  readonly identity: Identity;
}

/** Most samples taken from one piece of media: 10 minutes at 1000 fps. What is beyond is left out. */
const MAX_SAMPLES = 600_000;

interface Box {
  readonly type: string;
  readonly body: number;
  readonly end: number;
}

/** All samples of all fragments in order. Unknown boxes are skipped; a box or sample that runs over the end is left out. */
export function readSamples(bytes: Uint8Array): ReadSample[] {
  const samples: ReadSample[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const moof of boxes(view, 0, bytes.length)) {
    if (moof.type !== 'moof') continue;
    const start = moof.start;
    for (const traf of boxes(view, moof.body, moof.end)) {
      if (traf.type === 'traf') readTraf(view, traf, start, samples);
    }
    if (samples.length >= MAX_SAMPLES) break;
  }
  return samples;
}

/** The identity of each H.264 sample that carries one, in the order of the samples. */
export function readIdentities(bytes: Uint8Array): IdentifiedSample[] {
  const found: IdentifiedSample[] = [];
  for (const sample of readSamples(bytes)) {
    const identity = readSampleIdentity(bytes.subarray(sample.offset, sample.offset + sample.size));
    if (identity) found.push({ ...sample, identity });
  }
  return found;
}

function readTraf(view: DataView, traf: Box, moofStart: number, samples: ReadSample[]): void {
  let base = moofStart;
  let duration = 0;
  let size = 0;
  let time = 0;
  for (const box of boxes(view, traf.body, traf.end)) {
    const room = box.end - box.body;
    if (room < 4) continue;
    const flags = view.getUint32(box.body) & 0xffffff;
    if (box.type === 'tfhd') {
      // 8.8.7: track_ID, then the optional fields in the order of their flags.
      let at = box.body + 8;
      if (flags & 0x1 && at + 8 <= box.end) base = number64(view, at);
      if (flags & 0x1) at += 8;
      if (flags & 0x2) at += 4;
      if (flags & 0x8 && at + 4 <= box.end) duration = view.getUint32(at);
      if (flags & 0x8) at += 4;
      if (flags & 0x10 && at + 4 <= box.end) size = view.getUint32(at);
    } else if (box.type === 'tfdt') {
      const wide = view.getUint8(box.body) === 1;
      if (room >= (wide ? 12 : 8)) time = wide ? number64(view, box.body + 4) : view.getUint32(box.body + 4);
    } else if (box.type === 'trun') {
      time = readTrun(view, box, flags, { base, duration, size, time }, samples);
    }
  }
}

/** 8.8.8. Returns the decoding time behind the run. */
function readTrun(
  view: DataView,
  box: Box,
  flags: number,
  defaults: { base: number; duration: number; size: number; time: number },
  samples: ReadSample[],
): number {
  let time = defaults.time;
  let at = box.body + 8;
  if (at > box.end) return time;
  const signed = view.getUint8(box.body) >= 1;
  const count = view.getUint32(box.body + 4);
  let offset = defaults.base;
  if (flags & 0x1) {
    if (at + 4 > box.end) return time;
    offset += view.getInt32(at);
    at += 4;
  }
  if (flags & 0x4) at += 4;
  const row = 4 * ((flags & 0x100 ? 1 : 0) + (flags & 0x200 ? 1 : 0) + (flags & 0x400 ? 1 : 0) + (flags & 0x800 ? 1 : 0));
  for (let i = 0; i < count && samples.length < MAX_SAMPLES; i++) {
    if (at + row > box.end) break;
    let { duration, size } = defaults;
    let shift = 0;
    if (flags & 0x100) {
      duration = view.getUint32(at);
      at += 4;
    }
    if (flags & 0x200) {
      size = view.getUint32(at);
      at += 4;
    }
    if (flags & 0x400) at += 4;
    if (flags & 0x800) {
      shift = signed ? view.getInt32(at) : view.getUint32(at);
      at += 4;
    }
    if (offset < 0 || size === 0 || offset + size > view.byteLength) break;
    samples.push({ pts: time + shift, duration, offset, size });
    offset += size;
    time += duration;
  }
  return time;
}

function* boxes(view: DataView, from: number, to: number): Generator<Box & { readonly start: number }> {
  for (let at = from; at + 8 <= to; ) {
    let size = view.getUint32(at);
    let body = at + 8;
    if (size === 1) {
      if (at + 16 > to) return;
      size = number64(view, at + 8);
      body = at + 16;
    } else if (size === 0) size = to - at;
    if (size < body - at || at + size > to) return;
    const type = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7));
    yield { type, start: at, body, end: at + size };
    at += size;
  }
}

function number64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/**
 * What `initSegment` was given, read back from an init segment that this program wrote (one `avc1` sample entry, ISO/IEC 14496-12
 * 12.1.3): size in pixels and decoder configuration record. `null` for anything else.
 */
export function readVideoTrack(init: Uint8Array): VideoTrack | null {
  const entry = indexOfBox(init, 'avc1\0\0\0\0\0\0');
  const record = indexOfBox(init, 'avcC');
  // 24 bytes behind the name of the sample entry lie width and height.
  if (entry < 0 || record < 0 || entry + 32 > init.length) return null;
  const view = new DataView(init.buffer, init.byteOffset, init.byteLength);
  return {
    width: view.getUint16(entry + 4 + 24),
    height: view.getUint16(entry + 4 + 26),
    description: init.subarray(record + 4, record - 4 + view.getUint32(record - 4)),
  };
}

/** What `soundInitSegment` was given, read back from a segment that this program wrote. `null` for anything else. */
export function readSoundTrack(init: Uint8Array): SoundTrack | null {
  const entry = indexOfBox(init, 'mp4a\0\0\0\0\0\0');
  const esds = indexOfBox(init, 'esds');
  if (entry < 0 || esds < 0) return null;
  const view = new DataView(init.buffer, init.byteOffset, init.byteLength);
  // Behind version and flags: descriptor 3 (5 + 3 bytes), descriptor 4 (5 + 5 + bit rates of 4 and 4), then descriptor 5.
  const bitrate = esds + 4 + 4 + 8 + 10;
  const specific = bitrate + 8;
  if (specific + 5 > init.length || init[specific] !== 5 || entry + 4 + 28 > init.length) return null;
  return {
    rate: view.getUint32(entry + 4 + 24) / 0x10000,
    channels: view.getUint16(entry + 4 + 16),
    description: init.subarray(specific + 5, specific + 5 + init[specific + 4]!),
    bitrate: view.getUint32(bitrate),
  };
}

/** Where the name of a box lies, -1 = nowhere. `name` may go on with the first bytes of its content. */
function indexOfBox(bytes: Uint8Array, name: string): number {
  for (let at = 4; at + name.length <= bytes.length; at++) {
    let same = 0;
    while (same < name.length && bytes[at + same] === name.charCodeAt(same)) same++;
    if (same === name.length) return at;
  }
  return -1;
}
