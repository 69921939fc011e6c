import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePackets, makeTrack, START_US } from '../../../test/packets.ts';
import type { TrackInfo } from '../../core/packet.ts';
import { initSegment } from '../../formats/fmp4.ts';
import { Store } from '../../timeline/store.ts';
import { Archive, segmentFile } from './archive.ts';
import { type SegmentData, Segmenter } from './segmenter.ts';

const INIT = '0123abcd';
let folder: string;
let store: Store;
let errors: unknown[];

const open = (name = 'cam') => new Archive(join(folder, name), name, store, (error) => errors.push(error));
const restart = async () => {
  await store.close();
  store = new Store(join(folder, 'test.db'));
};
const loseRows = async () => {
  await store.close();
  await rm(join(folder, 'test.db'));
  store = new Store(join(folder, 'test.db'));
};

/** Writes packets the way the recorder does. */
function write(
  archive: Archive,
  count: number,
  options: { start?: number; firstId?: number; init?: string; track?: TrackInfo; finish?: boolean; era?: number } = {},
): SegmentData[] {
  const { start = START_US, firstId = 1, init = INIT, track = makeTrack(), finish = true, era = 0 } = options;
  const segments: SegmentData[] = [];
  archive.addInit(init, track, initSegment(track));
  const segmenter = new Segmenter(
    {
      onSegment: (segment) => void segments.push(segment),
      onPart: (segment, part) => archive.append(segment, init, part.bytes),
      onClosed: (segment) => archive.close(segment, init),
    },
    era,
    -1,
  );
  const intervals = Array.from({ length: count - 1 }, (_, i) => 16_000 + ((i * 7919) % 45_000));
  for (const packet of makePackets(intervals, { start, firstId, track })) segmenter.push(packet);
  if (finish) segmenter.finish();
  return segments;
}

const expected = (segments: readonly SegmentData[], init = INIT) =>
  segments.map(({ sequence, start, end, bytes, frames }) => ({ sequence, init, start, end, bytes, frames }));
const rowsOf = (
  segments: readonly { sequence: number; init: string; start: number; end: number; bytes: number; frames: readonly unknown[] }[],
) => segments.map(({ sequence, init, start, end, bytes, frames }) => ({ sequence, init, start, end, bytes, frames }));
const wholeBytes = (segment: SegmentData) => Buffer.concat(segment.parts.map((part) => part.bytes));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-archive-'));
  store = new Store(join(folder, 'test.db'));
  errors = [];
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

describe('Archive', () => {
  it('is empty before anything was written, and makes no folder for nothing', async () => {
    const archive = open();
    expect(await archive.load()).toEqual({ segments: [], inits: new Map() });
    await archive.shutdown();
    expect(await readdir(folder)).not.toContain('cam');
  });

  it('gives back segments, frames and bytes after a restart', async () => {
    const archive = open();
    const written = write(archive, 200);
    expect(written.length).toBeGreaterThan(3);
    await archive.shutdown();
    await restart();
    const again = open();
    const { segments, inits } = await again.load();
    expect(rowsOf(segments)).toEqual(expected(written));
    expect(inits.get(INIT)).toMatchObject({ track: { codec: 'avc1.42c00d', width: 320, height: 180, bitrate: 400_000 } });
    expect([...inits.get(INIT)!.data]).toEqual([...initSegment(makeTrack())]);
    for (const [i, segment] of segments.entries()) {
      expect(Buffer.from((await again.read(segment))!)).toEqual(wholeBytes(written[i]!));
    }
    const [first] = segments;
    const second = first!.frames[1]!.offset;
    expect(Buffer.from((await again.read(first!, second, second + 100))!)).toEqual(wholeBytes(written[0]!).subarray(second, second + 100));
    expect(await again.read({ sequence: 1, init: INIT })).toBe(null);
  });

  it('makes the rows again from what the files say, if the whole index is gone', async () => {
    const archive = open();
    const written = write(archive, 200);
    await archive.shutdown();
    await loseRows();
    const { segments, inits } = await open().load();
    expect(rowsOf(segments)).toEqual(expected(written));
    expect(inits.get(INIT)!.track).toMatchObject({ codec: 'avc1.42c00d', width: 320, height: 180 });
    // And keeps them: the next start finds rows.
    expect((await store.call('segments', 'cam')).map((row) => row.sequence)).toEqual(written.map((segment) => segment.sequence));
    expect((await store.call('inits', 'cam')).map((row) => [row.name, row.width, row.height])).toEqual([[INIT, 320, 180]]);
    expect(rowsOf((await open().load()).segments)).toEqual(expected(written));
  });

  it('keeps every part that was written when it is killed in mid-segment, and cuts off what is there only by half', async () => {
    const archive = open();
    const written = write(archive, 150, { finish: false });
    await archive.flush();
    const last = written.at(-1)!;
    expect(last.closed).toBe(false);
    const inParts = last.frames.filter((frame) => frame.offset < last.bytes);
    expect(inParts.length).toBeGreaterThan(2);
    // Killed while the next part was being written.
    const path = join(folder, 'cam', segmentFile(last.sequence, INIT));
    await appendFile(path, wholeBytes(written[0]!).subarray(0, 150));
    await restart();
    const again = open();
    const { segments } = await again.load();
    expect(rowsOf(segments).slice(0, -1)).toEqual(expected(written).slice(0, -1));
    const rebuilt = segments.at(-1)!;
    expect(rebuilt.frames).toEqual(inParts);
    expect(rebuilt.bytes).toBe(last.bytes);
    expect((await stat(path)).size).toBe(last.bytes);
    expect(Buffer.from((await again.read(rebuilt))!)).toEqual(wholeBytes(last));
    // It goes on where the segment before it ended.
    expect(rebuilt.era).toBe(segments.at(-2)!.era);
    await archive.shutdown();
  });

  it('numbers eras without a jump over rebuilt segments, the same at every start', async () => {
    const archive = open();
    write(archive, 60, { era: 5 });
    write(archive, 60, { era: 6, start: START_US + 20_000_000, firstId: 100, finish: false });
    await archive.flush();
    await archive.shutdown();
    await restart();
    const first = await open().load();
    const eras = first.segments.map((segment) => segment.era);
    // The next run counts on from there, and a later start must see the very same numbers.
    const next = eras.at(-1)! + 1;
    const later = open();
    write(later, 60, { era: next, start: START_US + 40_000_000, firstId: 200 });
    await later.shutdown();
    await restart();
    const second = (await open().load()).segments.map((segment) => segment.era);
    expect(second.slice(0, eras.length)).toEqual(eras);
    expect(second.slice(eras.length).every((era) => era === next)).toBe(true);
    expect([...new Set(second)]).toEqual([5, 6, 7]);
  });

  it('does not stumble over strange files', async () => {
    const archive = open();
    const written = write(archive, 80);
    await archive.shutdown();
    await loseRows();
    const cam = join(folder, 'cam');
    await writeFile(join(cam, 'notes.txt'), 'mine');
    await writeFile(join(cam, segmentFile(7, INIT)), 'garbage');
    await writeFile(join(cam, segmentFile(8, INIT)), '');
    await writeFile(join(cam, segmentFile(9, 'ffffffff')), wholeBytes(written[0]!));
    await writeFile(join(cam, 'init-ffffffff.mp4'), 'garbage');
    const { segments, inits } = await open().load();
    expect(rowsOf(segments)).toEqual(expected(written));
    expect([...inits.keys()]).toEqual([INIT]);
    expect(await readFile(join(cam, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('forgets rows whose file is gone', async () => {
    const archive = open();
    const written = write(archive, 200);
    await archive.shutdown();
    await rm(join(folder, 'cam', segmentFile(written[1]!.sequence, INIT)));
    const { segments } = await open().load();
    expect(segments.map((segment) => segment.sequence)).toEqual(written.map((segment) => segment.sequence).filter((_, i) => i !== 1));
    // What follows does not continue what came before it.
    expect(segments[1]!.era).toBe(segments[0]!.era + 1);
  });

  it('removes what has left the window, from disk and index', async () => {
    const archive = open();
    const written = write(archive, 200);
    await archive.flush();
    const { segments } = await archive.load();
    archive.remove(segments.slice(0, 2));
    await archive.flush();
    expect((await open().load()).segments.map((segment) => segment.sequence)).toEqual(written.slice(2).map((segment) => segment.sequence));
    expect((await readdir(join(folder, 'cam'))).filter((name) => name.endsWith('.m4s'))).toHaveLength(written.length - 2);
    await archive.shutdown();
  });

  it('a hole that was made by removing is no discontinuity, at no start', async () => {
    const archive = open();
    const written = write(archive, 400);
    await archive.flush();
    const { segments } = await archive.load();
    archive.remove(segments.slice(1, 3));
    await archive.shutdown();
    for (let i = 0; i < 2; i++) {
      await restart();
      const again = (await open().load()).segments;
      expect(again.map(({ sequence }) => sequence)).toEqual([written[0]!, ...written.slice(3)].map(({ sequence }) => sequence));
      expect(new Set(again.map(({ era }) => era)).size).toBe(1);
    }
  });

  it('clear leaves nothing of this stream and everything of the others', async () => {
    const archive = open();
    const other = open('other');
    write(archive, 80);
    const kept = write(other, 80);
    archive.clear();
    await Promise.all([archive.shutdown(), other.shutdown()]);
    expect(await open().load()).toEqual({ segments: [], inits: new Map() });
    expect(await readdir(folder)).not.toContain('cam');
    expect(rowsOf((await open('other').load()).segments)).toEqual(expected(kept));
  });

  it('reports an error of the disk and goes on', async () => {
    const archive = open();
    const segment = write(open('other'), 40)[0]!;
    archive.append(segment, INIT, Uint8Array.of(1)); // no folder: addInit was not called
    await archive.flush();
    expect(errors).toHaveLength(1);
    errors = [];
    const written = write(archive, 40);
    await archive.shutdown();
    expect(rowsOf((await open().load()).segments)).toEqual(expected(written));
  });
});
