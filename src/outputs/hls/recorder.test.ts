import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makePackets, makeTrack, START_US } from '../../../test/packets.ts';
import { initSegment } from '../../formats/fmp4.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { Store } from '../../timeline/store.ts';
import { Archive, segmentFile } from './archive.ts';
import { Recorder } from './recorder.ts';
import { Segmenter } from './segmenter.ts';

const INIT = '0123abcd';
const SEGMENTS = 30;
const FIRST = START_US / 2e6;
let folder: string;
let store: Store;

const archive = () => new Archive(join(folder, 'cam'), 'cam', store, (error) => expect.unreachable(String(error)));
const streamOf = (dvr: object) => ({ config: { dvr: { window: '20s', ...dvr } } }) as unknown as Stream;
/** Numbers of the segments that are kept, counted from the first. */
const numbers = (recorder: Recorder) => recorder.segments().map(({ sequence }) => sequence - FIRST);
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-recorder-'));
  store = new Store(join(folder, 'test.db'));
  const writer = archive();
  const track = makeTrack();
  writer.addInit(INIT, track, initSegment(track));
  const segmenter = new Segmenter(
    {
      onSegment: () => {},
      onPart: (segment, part) => writer.append(segment, INIT, part.bytes),
      onClosed: (segment) => writer.close(segment, INIT),
    },
    0,
    -1,
  );
  for (const packet of makePackets(Array.from({ length: SEGMENTS * 20 - 1 }, () => 100_000))) segmenter.push(packet);
  segmenter.finish();
  await writer.shutdown();
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

it('drops what has left the window, but not what is protected', async () => {
  const recorder = await Recorder.open(streamOf({}), archive(), null);
  // 10 s and 11 s after the start.
  recorder.protects = (start, end) => start <= START_US + 11_000_000 && end >= START_US + 10_000_000;
  const before = recorder.bytes;
  const freed = recorder.trim();
  expect(numbers(recorder)).toEqual([5, ...upTo(20, 30)]);
  expect(recorder.bytes).toBe(before - freed);
  await recorder.close();
  // The same after a restart, on the disk too.
  const files = (await readdir(join(folder, 'cam'))).filter((name) => name.endsWith('.m4s'));
  expect(files.sort()).toEqual([5, ...upTo(20, 30)].map((n) => segmentFile(FIRST + n, INIT)).sort());
  const again = await Recorder.open(streamOf({}), archive(), null);
  expect(numbers(again)).toEqual([5, ...upTo(20, 30)]);
  again.trim();
  expect(numbers(again)).toEqual(upTo(20, 30));
  await again.close();
});

it('short of bytes, takes the oldest that nobody protects first, then the oldest, and the live end last', async () => {
  const recorder = await Recorder.open(streamOf({ window: '1h' }), archive(), null);
  recorder.protects = (start, end) => start < START_US + 4_000_000 && end >= START_US;
  const each = recorder.segments()[0]!.bytes;
  expect(recorder.oldestUnprotected).toBe(recorder.segments()[2]!.start);
  recorder.trim(1);
  expect(numbers(recorder)).toEqual([0, 1, ...upTo(3, 30)]);
  recorder.trim(each * 19.5);
  expect(numbers(recorder).slice(0, 3)).toEqual([0, 1, 23]);
  while (recorder.oldestUnprotected !== null) recorder.trim(1);
  expect(numbers(recorder)).toEqual([0, 1, ...upTo(24, 30)]);
  recorder.trim(1);
  expect(numbers(recorder)).toEqual([1, ...upTo(24, 30)]);
  recorder.trim(each * 4);
  expect(numbers(recorder).at(-1)).toBe(29);
  expect(numbers(recorder)).not.toContain(1);
  await recorder.close();
});

it('keeps to maxBytes', async () => {
  const probe = await Recorder.open(streamOf({ window: '1h' }), archive(), null);
  const each = probe.segments()[0]!.bytes;
  await probe.close();
  const recorder = await Recorder.open(streamOf({ window: '1h', maxBytes: each * 10.5 }), archive(), null);
  recorder.protects = (start) => start < START_US + 2_000_000;
  recorder.trim();
  expect(numbers(recorder)).toEqual([0, ...upTo(30 - numbers(recorder).length + 1, 30)]);
  expect(recorder.bytes).toBeLessThanOrEqual(each * 10.5);
  expect(recorder.bytes).toBeGreaterThan(each * 8);
  await recorder.close();
});
