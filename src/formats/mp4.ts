// Plain MP4 (ISO/IEC 14496-12) of H.264, with AAC or without, for files that people keep: everything before the media is made here, so that a
// player can begin while the rest is on its way. Time scale 90 kHz throughout, no B frames.
import { box, fullBox, MATRIX, u16, u32, u64, zeros } from './boxes.ts';
import { ascii, concatBytes } from './bytes.ts';
import {
  type SoundTrack,
  sampleEntry,
  soundEntry,
  soundHandler,
  soundMediaInformation,
  type VideoTrack,
  videoHandler,
  videoMediaInformation,
} from './fmp4.ts';

const TIMESCALE = 90_000;
const TRACK_ID = 1;
const SOUND_TRACK_ID = 2;
/** Seconds from 1904 to 1970, both UTC. */
const EPOCH_1904 = 2_082_844_800;

/** Samples of a file in the order in which they lie in it, as columns of equal length. */
export interface Mp4Samples {
  /** Ticks, below 2^32. */
  readonly durations: readonly number[];
  /** Bytes. */
  readonly sizes: readonly number[];
  readonly keys: readonly boolean[];
}

/** Sound beside the pictures. */
export interface Mp4Sound {
  readonly track: SoundTrack;
  readonly durations: readonly number[];
  readonly sizes: readonly number[];
  /** Samples of each chunk. Behind each chunk of pictures lies the one of sound of the same place; it may be empty. */
  readonly chunks: readonly number[];
  /** Ticks by which it begins before the first picture that is shown; less than 0: behind it. */
  readonly early: number;
}

/** A track of either sort, ready to be written. */
interface Track {
  readonly id: number;
  /** Units of its media in a second. Of sound its rate: FFmpeg takes an edit of sound for a number of samples. */
  readonly scale: number;
  readonly entry: Uint8Array;
  readonly handler: Uint8Array;
  readonly information: (table: Uint8Array) => Uint8Array;
  readonly volume: number;
  readonly size: { readonly width: number; readonly height: number };
  readonly durations: readonly number[];
  readonly sizes: readonly number[];
  /** Numbers of the samples that stand alone, from 1; `null` = all. */
  readonly keys: readonly number[] | null;
  /** Samples of each chunk. */
  readonly chunks: readonly number[];
  /** Where each chunk begins in the file. */
  readonly offsets: readonly number[];
  readonly early: number;
}

export interface Mp4File {
  readonly track: VideoTrack;
  readonly samples: Mp4Samples;
  /** Samples of each chunk: their sum is the number of samples. */
  readonly chunks: readonly number[];
  /** Ticks at the beginning that are there to be decoded but not to be shown. */
  readonly hidden: number;
  readonly sound?: Mp4Sound;
  /** Of the first picture shown, µs since 1970. */
  readonly created: number;
  readonly title: string;
  /** Any text; shown by players and tools as the comment. */
  readonly comment: string;
}

/** `ftyp`, `moov` and the head of `mdat`; the samples follow without anything between them. */
export function mp4Head(file: Mp4File): Uint8Array {
  const media = [...file.samples.sizes, ...(file.sound?.sizes ?? [])].reduce((sum, size) => sum + size, 0);
  const ftyp = box('ftyp', ascii('isom'), u32(0x200), ascii('isom'), ascii('iso2'), ascii('avc1'), ascii('mp41'));
  const wide = media > 0xf000_0000;
  // A size of 1 announces 64 bits (4.2).
  const mdat = wide ? concatBytes([u32(1), ascii('mdat'), u64(media + 16)]) : concatBytes([u32(media + 8), ascii('mdat')]);
  // Where chunks lie depends on the length of what says so; that does not depend on where they lie.
  const length = moov(file, 0, wide).length;
  return concatBytes([ftyp, moov(file, ftyp.length + length + mdat.length, wide), mdat]);
}

function moov(file: Mp4File, base: number, wide: boolean): Uint8Array {
  const created = u64(Math.floor(file.created / 1_000_000) + EPOCH_1904);
  const shown = file.samples.durations.reduce((sum, each) => sum + each, 0) - file.hidden;
  const tracks = tracksOf(file, base);
  const mvhd = fullBox(
    'mvhd',
    1,
    0,
    created,
    created,
    u32(TIMESCALE),
    u64(shown),
    u32(0x10000),
    u16(0x100),
    zeros(10),
    MATRIX,
    zeros(24),
    u32(tracks.length + 1),
  );
  return box('moov', mvhd, ...tracks.map((track) => trak(track, created, shown, wide)), box('udta', itemList(file)));
}

function tracksOf({ track, samples, chunks, hidden, sound }: Mp4File, base: number): Track[] {
  const offsets: number[] = [];
  const soundOffsets: number[] = [];
  let at = base;
  const sizes = samples.sizes[Symbol.iterator]();
  const soundSizes = (sound?.sizes ?? [])[Symbol.iterator]();
  const skip = (count: number, iterator: Iterator<number>) => {
    for (let i = 0; i < count; i++) at += iterator.next().value!;
  };
  for (const [i, count] of chunks.entries()) {
    offsets.push(at);
    skip(count, sizes);
    const heard = sound?.chunks[i] ?? 0;
    if (heard) soundOffsets.push(at);
    skip(heard, soundSizes);
  }
  const video: Track = {
    id: TRACK_ID,
    scale: TIMESCALE,
    entry: sampleEntry(track),
    handler: videoHandler(),
    information: videoMediaInformation,
    volume: 0,
    size: track,
    durations: samples.durations,
    sizes: samples.sizes,
    keys: samples.keys.flatMap((key, i) => (key ? [i + 1] : [])),
    chunks,
    offsets,
    early: hidden,
  };
  if (!sound) return [video];
  const { rate } = sound.track;
  const heard: Track = {
    id: SOUND_TRACK_ID,
    scale: rate,
    entry: soundEntry(sound.track),
    handler: soundHandler(),
    information: soundMediaInformation,
    volume: 0x100,
    size: { width: 0, height: 0 },
    durations: sound.durations.map((duration) => Math.round((duration * rate) / TIMESCALE)),
    sizes: sound.sizes,
    keys: null,
    chunks: sound.chunks.filter((count) => count > 0),
    offsets: soundOffsets,
    early: sound.early,
  };
  return [video, heard];
}

function trak(track: Track, created: Uint8Array, shown: number, wide: boolean): Uint8Array {
  const { id, scale, volume, size, durations, early } = track;
  const duration = durations.reduce((sum, each) => sum + each, 0);
  const tkhd = fullBox(
    'tkhd',
    1,
    3,
    created,
    created,
    u32(id),
    u32(0),
    u64(shown),
    zeros(8),
    u16(0),
    u16(0),
    u16(volume),
    u16(0),
    MATRIX,
    u32(size.width * 0x10000),
    u32(size.height * 0x10000),
  );
  // 8.6.6: the presentation begins inside the media, or nothing is there at first.
  const rate = concatBytes([u16(1), u16(0)]);
  const edits =
    early >= 0
      ? concatBytes([u32(1), u64(shown), u64(Math.round((early * scale) / TIMESCALE)), rate])
      : concatBytes([u32(2), u64(-early), Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255), rate, u64(shown + early), u64(0), rate]);
  const mdhd = fullBox('mdhd', 1, 0, created, created, u32(scale), u64(duration), u16(0x55c4), u16(0)); // language und
  const mdia = box('mdia', mdhd, track.handler, track.information(sampleTable(track, wide)));
  return box('trak', tkhd, box('edts', fullBox('elst', 1, 0, edits)), mdia);
}

function sampleTable({ entry, durations, sizes, keys, chunks, offsets }: Track, wide: boolean): Uint8Array {
  const stts = runs(durations).flatMap(({ value, count }) => [count, value]);
  let chunk = 1;
  const stsc = runs(chunks).flatMap(({ value, count }) => {
    const first = chunk;
    chunk += count;
    return [first, value, 1];
  });
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), entry),
    fullBox('stts', 0, 0, u32(stts.length / 2), words(stts)),
    ...(keys ? [fullBox('stss', 0, 0, u32(keys.length), words(keys))] : []),
    fullBox('stsc', 0, 0, u32(stsc.length / 3), words(stsc)),
    fullBox('stsz', 0, 0, u32(0), u32(sizes.length), words(sizes)),
    wide
      ? fullBox('co64', 0, 0, u32(offsets.length), concatBytes(offsets.map(u64)))
      : fullBox('stco', 0, 0, u32(offsets.length), words(offsets)),
  );
}

function runs(values: readonly number[]): { value: number; count: number }[] {
  const found: { value: number; count: number }[] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last?.value === value) last.count++;
    else found.push({ value, count: 1 });
  }
  return found;
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value);
  return bytes;
}

/** Title, day and comment in the form that most tools read (`meta` of handler `mdir` with `ilst`). */
function itemList({ title, comment, created }: Mp4File): Uint8Array {
  const item = (name: string, text: string) => {
    const data = box('data', u32(1), u32(0), new TextEncoder().encode(text));
    // The names begin with a copyright sign in Latin-1.
    return concatBytes([u32(data.length + 8), Uint8Array.of(0xa9), ascii(name), data]);
  };
  const day = new Date(Math.floor(created / 1000)).toISOString();
  const hdlr = fullBox('hdlr', 0, 0, u32(0), ascii('mdirappl'), zeros(9));
  return fullBox('meta', 0, 0, hdlr, box('ilst', item('nam', title), item('day', day), item('cmt', comment)));
}
