import { describe, expect, it } from 'vitest';
import { type FrameInfo, frameBytes, type PixelFormat } from '../../core/frame.ts';
import type { Micros } from '../../core/time.ts';
import { FrameRecorder, type FrameRecorderOptions } from './frame-recorder.ts';
import type { PageToWrite } from './tiff-recording.ts';

const START = 1_763_640_000_000_000;

function infoOf(id: number, format: PixelFormat = 'gray', width = 8): FrameInfo {
  const timestamp = (START + id * 100_000) as Micros;
  return { id, timestamp, format, width, height: 4, significantBits: 8, received: timestamp };
}

const pixelsOf = (info: FrameInfo) => new Uint8Array(frameBytes(info.format, info.width, info.height)).fill(info.id & 255);

/** A disk that takes pages only when it is told to. */
function slowDisk() {
  const written: PageToWrite[] = [];
  const waiting: (() => void)[] = [];
  let free = false;
  let failure: Error | null = null;
  const at = (i: number) => {
    const page = written.at(i);
    return page ? { id: page.identity.id, timestamp: page.identity.timestamp } : null;
  };
  const file = {
    append: async (pages: readonly PageToWrite[]) => {
      if (!free) await new Promise<void>((resolve) => waiting.push(resolve));
      if (failure) throw failure;
      written.push(...pages.map((page) => ({ ...page, bytes: page.bytes.slice() })));
    },
    finish: async () => {},
    get bytes() {
      return written.reduce((sum, page) => sum + page.bytes.length + 400, 16);
    },
    get frames() {
      return written.length;
    },
    get first() {
      return at(0);
    },
    get last() {
      return at(-1);
    },
    get shape() {
      return written[0]?.shape ?? null;
    },
  };
  const go = () => {
    free = true;
    for (const resume of waiting.splice(0)) resume();
  };
  return { file, written, go, fail: (error: Error) => (failure = error) };
}

function recorderOf(disk: ReturnType<typeof slowDisk>, options: Partial<FrameRecorderOptions> = {}) {
  return new FrameRecorder({
    open: async () => disk.file,
    deflate: false,
    stop: { durationUs: null, frames: null, bytes: null },
    queueBytes: 5 * 32,
    ...options,
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('FrameRecorder', () => {
  it('drops the oldest frames while the disk is too slow, and says which gaps that made', async () => {
    const disk = slowDisk();
    const recorder = recorderOf(disk);
    recorder.add(infoOf(1), pixelsOf(infoOf(1)), 0);
    await turn();
    // The first is on its way to the disk; five places wait behind it. Two were lost in the ring before frame 6.
    for (let id = 2; id <= 12; id++) recorder.add(infoOf(id), pixelsOf(infoOf(id)), id === 6 ? 2 : 0);
    expect(recorder.progress.queue).toMatchObject({ name: 'recording', limit: 5, depth: 5, dropped: 6 });
    disk.go();
    recorder.end('it was stopped');
    await recorder.finish();
    expect(disk.written.map(({ identity }) => identity.id)).toEqual([1, 8, 9, 10, 11, 12]);
    for (const { identity, bytes } of disk.written) expect([...bytes]).toEqual(Array(32).fill(identity.id));
    expect(recorder.takeGaps()).toEqual([{ after: 1, before: 8, start: START + 100_000, end: START + 800_000, frames: 8 }]);
    expect(recorder.takeGaps()).toEqual([]);
    expect(recorder.progress).toMatchObject({ frames: 6, dropped: 8, first: { id: 1 }, last: { id: 12 } });
  });

  it('ends after so many frames, so long or so large, with exactly these', async () => {
    const ids = async (stop: Partial<FrameRecorderOptions['stop']>) => {
      const disk = slowDisk();
      disk.go();
      const recorder = recorderOf(disk, { queueBytes: 1e6, stop: { durationUs: null, frames: null, bytes: null, ...stop } });
      for (let id = 1; id <= 30 && recorder.reason === null; id++) {
        recorder.add(infoOf(id), pixelsOf(infoOf(id)), 0);
        await turn();
      }
      await recorder.finish();
      return { ids: disk.written.map(({ identity }) => identity.id), reason: recorder.reason, dropped: recorder.progress.dropped };
    };
    expect(await ids({ frames: 3 })).toEqual({ ids: [1, 2, 3], reason: '3 frames were asked for', dropped: 0 });
    expect(await ids({ durationUs: 500_000 })).toEqual({ ids: [1, 2, 3, 4, 5], reason: '0.5 s were asked for', dropped: 0 });
    const large = await ids({ bytes: 4000 });
    expect(large.reason).toBe('4.0 kB were asked for');
    expect(large.ids.length).toBeGreaterThan(4);
  });

  it('a picture of another kind ends it, and so does a disk that takes no more', async () => {
    const disk = slowDisk();
    disk.go();
    const recorder = recorderOf(disk);
    recorder.add(infoOf(1), pixelsOf(infoOf(1)), 0);
    recorder.add(infoOf(2, 'gray16le'), pixelsOf(infoOf(2, 'gray16le')), 0);
    await recorder.finish();
    expect(recorder.reason).toBe('the picture changed from 8x4 gray to 8x4 gray16le; a recording holds pictures of one kind');
    expect(disk.written.length).toBe(1);

    const full = slowDisk();
    full.go();
    full.fail(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    const second = recorderOf(full);
    let told = 0;
    second.onEnd = () => told++;
    second.add(infoOf(1), pixelsOf(infoOf(1)), 0);
    await second.finish();
    expect([second.reason, told]).toEqual(['the disk is full', 1]);
  });

  it('pictures that TIFF does not know become RGB', async () => {
    const disk = slowDisk();
    disk.go();
    const recorder = recorderOf(disk, { deflate: true });
    recorder.add(infoOf(1, 'yuv420p'), pixelsOf(infoOf(1, 'yuv420p')), 0);
    recorder.end('it was stopped');
    await recorder.finish();
    expect(disk.written[0]).toMatchObject({
      shape: { format: 'rgb24', significantBits: 8 },
      identity: { format: 'rgb24' },
      deflated: true,
    });
    expect(disk.written[0]!.bytes.length).not.toBe(8 * 4 * 3);
  });
});
