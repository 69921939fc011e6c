// The ring between real threads: one writer, readers of every temper, one of which dies with a slot in its hand.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { RingReaderReport, RingThreadData } from '../../test/workers/ring-thread.ts';
import { allocateRing, FrameRing } from './ring.ts';

const FRAMES = 20_000;
const SLOTS = 24;

it('20,000 frames, three readers: none torn, none backwards, every one accounted for, a dead reader holds nothing', async () => {
  const memory = allocateRing(64 * 64, SLOTS);
  const ring = new FrameRing(memory);
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const shared = { memory, flags, frames: FRAMES, workMs: 0, dieAfter: -1, number: -1 };
  const threads: RingThreadData[] = [
    { ...shared, role: 'writer' },
    { ...shared, role: 'reader', number: 0 },
    { ...shared, role: 'reader', number: 1, workMs: 0.5 },
    { ...shared, role: 'reader', number: 2, dieAfter: 50 },
  ];
  const depths = [6, 6, 4];
  for (const [reader, depth] of depths.entries()) ring.attach(reader, depth, false);

  const reports = new Map<number, RingReaderReport>();
  const workers = threads.map((workerData) => {
    const worker = new Worker(new URL('../../test/workers/ring-thread.ts', import.meta.url), { workerData });
    const ready = once(worker, 'message');
    const ended = ready.then(async () => {
      worker.on('message', (report: RingReaderReport) => reports.set(workerData.number, report));
      const [code] = (await once(worker, 'exit')) as [number];
      // As the pool's owner does: the bits of a thread that is gone are cleared.
      if (code !== 0) ring.detach(workerData.number);
      return code;
    });
    return { ready, ended };
  });
  await Promise.all(workers.map((worker) => worker.ready));
  Atomics.store(flags, 0, 1);
  Atomics.notify(flags, 0);
  expect(await Promise.all(workers.map((worker) => worker.ended))).toEqual([0, 0, 0, 7]);

  expect(ring.published).toBe(FRAMES);
  for (const reader of [0, 1]) {
    const report = reports.get(reader)!;
    expect({ reader, torn: report.torn, backwards: report.backwards }).toEqual({ reader, torn: 0, backwards: 0 });
    expect(report.taken + ring.lost(reader)).toBe(FRAMES);
    expect(ring.offered(reader)).toBe(FRAMES);
    expect(report.taken).toBeGreaterThan(100);
  }
  expect(ring.lost(1)).toBeGreaterThan(0);
  let free = 0;
  while (ring.claim() >= 0) free++;
  expect(free).toBe(SLOTS - 1); // all but the newest
}, 15_000);
