// A writer or a reader of the frame ring in a thread of its own, for the stress test of core/ring.
import { parentPort, workerData } from 'node:worker_threads';
import { FrameRing, type RingMemory } from '../../src/core/ring.ts';
import type { Micros } from '../../src/core/time.ts';

/** Words shared by all threads: 0 = go, 1 = the writer has ended. */
export interface RingThreadData {
  readonly memory: RingMemory;
  readonly flags: Int32Array;
  readonly role: 'writer' | 'reader';
  /** Reader number. */
  readonly number: number;
  /** Frames that the writer publishes. */
  readonly frames: number;
  /** The reader's work per frame, ms. */
  readonly workMs: number;
  /** The reader dies with this many frames taken, holding one. */
  readonly dieAfter: number;
}

export interface RingReaderReport {
  readonly taken: number;
  readonly torn: number;
  readonly backwards: number;
}

const data = workerData as RingThreadData;
const ring = new FrameRing(data.memory);
const words = Array.from({ length: data.memory.slots }, (_, slot) => {
  const pixels = ring.pixels(slot);
  return new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.byteLength / 4);
});
const nap = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

function write(): void {
  const side = Math.sqrt(data.memory.slotBytes);
  for (let id = 1; id <= data.frames; ) {
    const slot = ring.claim();
    if (slot < 0) {
      nap(0.05);
      continue;
    }
    words[slot]!.fill(id);
    ring.publish(slot, {
      id,
      timestamp: (1e15 + id) as Micros,
      format: 'gray',
      width: side,
      height: side,
      significantBits: 8,
      received: (1e15 + id) as Micros,
    });
    // Now slower, now faster than the readers, so that FIFOs run empty and over.
    if (id % 16 === 0) nap(id % 512 === 0 ? 4 : 0.2);
    id++;
  }
  Atomics.store(data.flags, 1, 1);
}

function whole(slot: number, id: number): boolean {
  return ring.info(slot).id === id && words[slot]!.every((word) => word === id);
}

async function read(): Promise<RingReaderReport> {
  const report = { taken: 0, torn: 0, backwards: 0 };
  let position = 0;
  let last = 0;
  for (;;) {
    const ended = Atomics.load(data.flags, 1) === 1;
    const seen = ring.wakeCount(data.number);
    const next = ring.next(data.number, position);
    position = next.position;
    if (next.slot < 0) {
      if (ended) return report;
      await ring.wait(data.number, seen, 20);
      continue;
    }
    const { id } = ring.info(next.slot);
    report.taken++;
    if (!whole(next.slot, id)) report.torn++;
    if (data.workMs) nap(data.workMs);
    if (!whole(next.slot, id)) report.torn++;
    if (id <= last) report.backwards++;
    last = id;
    // Ends the thread in the middle of its work: the slot stays marked.
    if (report.taken === data.dieAfter) process.exit(7);
    ring.done(data.number, next.slot);
  }
}

parentPort!.postMessage('ready');
Atomics.wait(data.flags, 0, 0);
if (data.role === 'writer') {
  write();
  parentPort!.postMessage({ taken: 0, torn: 0, backwards: 0 });
} else {
  // An asynchronous wait alone does not keep a thread alive.
  const alive = setInterval(() => {}, 1000);
  parentPort!.postMessage(await read());
  clearInterval(alive);
}
