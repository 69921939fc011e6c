// Plain MP4 (ISO/IEC 14496-12) of one H.264 track for files that people keep: everything before the media is made here, so that a player can
// begin while the rest is on its way. Time scale 90 kHz throughout, no B frames.
import { box, fullBox, MATRIX, u16, u32, u64, zeros } from './boxes.ts';
import { ascii, concatBytes } from './bytes.ts';
import { sampleEntry, type VideoTrack, videoHandler, videoMediaInformation } from './fmp4.ts';

const TIMESCALE = 90_000;
const TRACK_ID = 1;
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

export interface Mp4File {
  readonly track: VideoTrack;
  readonly samples: Mp4Samples;
  /** Samples of each chunk: their sum is the number of samples. */
  readonly chunks: readonly number[];
  /** Ticks at the beginning that are there to be decoded but not to be shown. */
  readonly hidden: number;
  /** Of the first picture shown, µs since 1970. */
  readonly created: number;
  readonly title: string;
  /** Any text; shown by players and tools as the comment. */
  readonly comment: string;
}

/** `ftyp`, `moov` and the head of `mdat`; the samples follow without anything between them. */
export function mp4Head(file: Mp4File): Uint8Array {
  const { sizes } = file.samples;
  const media = sizes.reduce((sum, size) => sum + size, 0);
  const ftyp = box('ftyp', ascii('isom'), u32(0x200), ascii('isom'), ascii('iso2'), ascii('avc1'), ascii('mp41'));
  const wide = media > 0xf000_0000;
  // A size of 1 announces 64 bits (4.2).
  const mdat = wide ? concatBytes([u32(1), ascii('mdat'), u64(media + 16)]) : concatBytes([u32(media + 8), ascii('mdat')]);
  // Where chunks lie depends on the length of what says so; that does not depend on where they lie.
  const length = moov(file, 0, wide).length;
  return concatBytes([ftyp, moov(file, ftyp.length + length + mdat.length, wide), mdat]);
}

function moov(file: Mp4File, base: number, wide: boolean): Uint8Array {
  const { track, samples, hidden } = file;
  const created = u64(Math.floor(file.created / 1_000_000) + EPOCH_1904);
  const duration = samples.durations.reduce((sum, each) => sum + each, 0);
  const shown = duration - hidden;
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
    u32(TRACK_ID + 1),
  );
  const tkhd = fullBox(
    'tkhd',
    1,
    3,
    created,
    created,
    u32(TRACK_ID),
    u32(0),
    u64(shown),
    zeros(8),
    u16(0),
    u16(0),
    u16(0),
    u16(0),
    MATRIX,
    u32(track.width * 0x10000),
    u32(track.height * 0x10000),
  );
  // 8.6.6: the presentation begins inside the media.
  const edts = box('edts', fullBox('elst', 1, 0, u32(1), u64(shown), u64(hidden), u16(1), u16(0)));
  const mdhd = fullBox('mdhd', 1, 0, created, created, u32(TIMESCALE), u64(duration), u16(0x55c4), u16(0)); // language und
  const mdia = box('mdia', mdhd, videoHandler(), videoMediaInformation(sampleTable(file, base, wide)));
  return box('moov', mvhd, box('trak', tkhd, edts, mdia), box('udta', itemList(file)));
}

function sampleTable({ track, samples, chunks }: Mp4File, base: number, wide: boolean): Uint8Array {
  const { durations, sizes, keys } = samples;
  const stts = runs(durations).flatMap(({ value, count }) => [count, value]);
  const stss = keys.flatMap((key, i) => (key ? [i + 1] : []));
  let chunk = 1;
  const stsc = runs(chunks).flatMap(({ value, count }) => {
    const first = chunk;
    chunk += count;
    return [first, value, 1];
  });
  const offsets: number[] = [];
  let at = base;
  let sample = 0;
  for (const count of chunks) {
    offsets.push(at);
    for (let i = 0; i < count; i++) at += sizes[sample++]!;
  }
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), sampleEntry(track)),
    fullBox('stts', 0, 0, u32(stts.length / 2), words(stts)),
    fullBox('stss', 0, 0, u32(stss.length), words(stss)),
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
