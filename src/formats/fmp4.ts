// Fragmented MP4 (ISO/IEC 14496-12, CMAF) for one track, H.264 or AAC: an init segment and fragments of one sample. One time scale of 90 kHz;
// `tfdt` is 64 bits wide and holds the capture time as Unix time. No B frames, so decoding time = presentation time.
import type { Ticks } from '../core/time.ts';
import { box, fullBox, MATRIX, u16, u32, zeros } from './boxes.ts';
import { ascii, concatBytes } from './bytes.ts';

const TRACK_ID = 1;
/** Of sound beside pictures in one file. */
export const SOUND_TRACK_ID = 2;

/** Where `sample_duration` lies in a fragment made by `fragment()`: the only bytes that differ between the live and the stored form. */
export const SAMPLE_DURATION_OFFSET = 88;
/** Where the 64-bit time of `tfdt` lies. */
const BASE_TIME_OFFSET = 60;

/** Duration given to a sample before the next one is known: generous, because MSE drops everything up to the next key frame when a
 *  sample ends too early (measured), in ticks. */
export const PROVISIONAL_DURATION = 90_000;

/** Describes the only track of an init segment. */
export interface VideoTrack {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** AVCDecoderConfigurationRecord. */
  readonly description: Uint8Array;
}

/** Sample entry `avc1` (ISO/IEC 14496-12 12.1.3, 14496-15 5.4.2), BT.709 limited range in `colr`. */
export function sampleEntry({ width, height, description }: VideoTrack): Uint8Array {
  return box(
    'avc1',
    zeros(6),
    u16(1), // data_reference_index
    zeros(16),
    u16(width),
    u16(height),
    u32(0x480000),
    u32(0x480000), // 72 dpi
    u32(0),
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(24),
    u16(0xffff),
    box('avcC', description),
    box('colr', ascii('nclx'), u16(1), u16(1), u16(1), Uint8Array.of(0)),
    box('pasp', u32(1), u32(1)),
  );
}

/** `hdlr` of a video track (14496-12 8.4.3). */
export function videoHandler(): Uint8Array {
  return fullBox('hdlr', 0, 0, u32(0), ascii('vide'), zeros(12), ascii('Sluice'), zeros(1));
}

/** `minf` of a video track whose media lie in the same file (8.4.4). */
export function videoMediaInformation(sampleTable: Uint8Array): Uint8Array {
  const reference = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  return box('minf', fullBox('vmhd', 0, 1, zeros(8)), reference, sampleTable);
}

/** Describes a track of AAC. */
export interface SoundTrack {
  /** Hz */
  readonly rate: number;
  readonly channels: number;
  /** AudioSpecificConfig. */
  readonly description: Uint8Array;
  /** Bits per second. */
  readonly bitrate: number;
}

/** Init segment: `ftyp` and `moov` (ISO/IEC 14496-12 8.2, CMAF 7.3.1). */
export function initSegment(track: VideoTrack): Uint8Array {
  return concatBytes([
    box('ftyp', ascii('iso6'), u32(0), ascii('iso6'), ascii('cmfc'), ascii('avc1'), ascii('mp41')),
    box('moov', movieHeader(TRACK_ID + 1), videoTrack(track), box('mvex', trackDefaults(TRACK_ID))),
  ]);
}

/** Init segment of AAC alone. */
export function soundInitSegment(track: SoundTrack): Uint8Array {
  return concatBytes([
    box('ftyp', ascii('iso6'), u32(0), ascii('iso6'), ascii('cmfc'), ascii('mp41')),
    box('moov', movieHeader(TRACK_ID + 1), soundTrack(track, TRACK_ID), box('mvex', trackDefaults(TRACK_ID))),
  ]);
}

/** Init segment of H.264 (track 1) and AAC (track 2), for files. */
export function bothInitSegment(video: VideoTrack, sound: SoundTrack): Uint8Array {
  const defaults = box('mvex', trackDefaults(TRACK_ID), trackDefaults(SOUND_TRACK_ID));
  return concatBytes([
    box('ftyp', ascii('iso6'), u32(0), ascii('iso6'), ascii('cmfc'), ascii('avc1'), ascii('mp41')),
    box('moov', movieHeader(SOUND_TRACK_ID + 1), videoTrack(video), soundTrack(sound, SOUND_TRACK_ID), defaults),
  ]);
}

/** Sample entry `mp4a` with `esds` (14496-12 12.2.3, 14496-14 5.6, descriptors of 14496-1 7.2.6). */
export function soundEntry({ rate, channels, description, bitrate }: SoundTrack): Uint8Array {
  const descriptor = (tag: number, ...content: Uint8Array[]) => {
    const body = concatBytes(content);
    return concatBytes([Uint8Array.of(tag, 0x80, 0x80, 0x80, body.length), body]);
  };
  const decoder = descriptor(
    4,
    Uint8Array.of(0x40, 0x15, 0, 0, 0), // ISO/IEC 14496-3, audio stream, buffer size not given
    u32(bitrate),
    u32(bitrate),
    descriptor(5, description),
  );
  return box(
    'mp4a',
    zeros(6),
    u16(1), // data_reference_index
    zeros(8),
    u16(channels),
    u16(16),
    zeros(4),
    u32(rate * 0x10000),
    fullBox('esds', 0, 0, descriptor(3, u16(0), Uint8Array.of(0), decoder, descriptor(6, Uint8Array.of(2)))),
  );
}

/** `hdlr` of a track of sound. */
export function soundHandler(): Uint8Array {
  return fullBox('hdlr', 0, 0, u32(0), ascii('soun'), zeros(12), ascii('Sluice'), zeros(1));
}

/** `minf` of a track of sound whose media lie in the same file. */
export function soundMediaInformation(sampleTable: Uint8Array): Uint8Array {
  return box('minf', fullBox('smhd', 0, 0, zeros(4)), box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1))), sampleTable);
}

function videoTrack(track: VideoTrack): Uint8Array {
  const { width, height } = track;
  const header = trackHeader(TRACK_ID, { volume: 0, width, height });
  return box('trak', header, media(videoHandler(), videoMediaInformation(emptyTable(sampleEntry(track)))));
}

function soundTrack(track: SoundTrack, id: number): Uint8Array {
  const header = trackHeader(id, { volume: 0x100, width: 0, height: 0 });
  return box('trak', header, media(soundHandler(), soundMediaInformation(emptyTable(soundEntry(track)))));
}

function media(handler: Uint8Array, information: Uint8Array): Uint8Array {
  // Language und.
  return box('mdia', fullBox('mdhd', 0, 0, u32(0), u32(0), u32(90_000), u32(0), u16(0x55c4), u16(0)), handler, information);
}

function emptyTable(entry: Uint8Array): Uint8Array {
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), entry),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0), u32(0)),
    fullBox('stco', 0, 0, u32(0)),
  );
}

function trackDefaults(id: number): Uint8Array {
  return fullBox('trex', 0, 0, u32(id), u32(1), u32(0), u32(0), u32(0));
}

function trackHeader(id: number, { volume, width, height }: { volume: number; width: number; height: number }): Uint8Array {
  return fullBox(
    'tkhd',
    0,
    3,
    u32(0),
    u32(0),
    u32(id),
    u32(0),
    u32(0),
    zeros(8),
    u16(0),
    u16(0),
    u16(volume),
    u16(0),
    MATRIX,
    u32(width * 0x10000),
    u32(height * 0x10000),
  );
}

function movieHeader(nextTrack: number): Uint8Array {
  return fullBox('mvhd', 0, 0, u32(0), u32(0), u32(90_000), u32(0), u32(0x10000), u16(0x100), zeros(10), MATRIX, zeros(24), u32(nextTrack));
}

const MOOF_BYTES = 100;

/**
 * `moof` and `mdat` of one sample.
 *
 * @param sequence `mfhd` sequence number (its low 32 bits)
 * @param pts decoding and presentation time
 * @param duration in ticks
 * @param track its id in the init segment
 */
export function fragment(
  sequence: number,
  pts: Ticks,
  duration: number,
  key: boolean,
  sample: Uint8Array,
  track: number = TRACK_ID,
): Uint8Array {
  const bytes = new Uint8Array(MOOF_BYTES + 8 + sample.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const head = (size: number, type: string) => {
    view.setUint32(at, size);
    bytes.set(ascii(type), at + 4);
    at += 8;
  };
  const word = (value: number) => {
    view.setUint32(at, value >>> 0);
    at += 4;
  };
  head(MOOF_BYTES, 'moof');
  head(16, 'mfhd');
  word(0);
  word(sequence % 2 ** 32);
  head(MOOF_BYTES - 24, 'traf');
  head(16, 'tfhd');
  word(0x020000); // default-base-is-moof
  word(track);
  head(20, 'tfdt');
  word(0x01000000); // version 1: 64-bit baseMediaDecodeTime
  view.setBigUint64(at, BigInt(pts));
  at += 8;
  head(32, 'trun');
  word(0x000701); // data offset; sample duration, size, flags
  word(1);
  word(MOOF_BYTES + 8);
  word(duration);
  word(sample.length);
  // sample_depends_on = 2 (no other) for key frames; = 1 and sample_is_non_sync_sample otherwise (14496-12 8.8.3.1).
  word(key ? 0x02000000 : 0x01010000);
  head(8 + sample.length, 'mdat');
  bytes.set(sample, at);
  return bytes;
}

/** The same fragment with its true duration (ticks); a copy, because the live form may still be on its way to viewers. */
export function withDuration(bytes: Uint8Array, duration: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(SAMPLE_DURATION_OFFSET, duration);
  return copy;
}

/**
 * A segment of such fragments that begins and ends exactly at these times: its first picture is shown a little earlier, its last one shorter
 * or longer. For players that reckon with segments of one length. A copy; anything but whole fragments comes back as it is.
 */
export function stretchSegment(bytes: Uint8Array, start: Ticks, end: Ticks): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const moofs: number[] = [];
  for (let at = 0; at + 8 <= copy.length; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > copy.length) return bytes;
    if (view.getUint32(at + 4) === 0x6d6f6f66) moofs.push(at); // "moof"
    at += size;
  }
  const [first, last] = [moofs[0], moofs.at(-1)];
  if (first === undefined || last === undefined || last + MOOF_BYTES > copy.length) return bytes;
  const timeOf = (moof: number) => Number(view.getBigUint64(moof + BASE_TIME_OFFSET));
  const early = timeOf(first) - start;
  view.setBigUint64(first + BASE_TIME_OFFSET, BigInt(start));
  view.setUint32(first + SAMPLE_DURATION_OFFSET, view.getUint32(first + SAMPLE_DURATION_OFFSET) + early);
  view.setUint32(last + SAMPLE_DURATION_OFFSET, Math.max(1, end - timeOf(last)));
  return copy;
}
