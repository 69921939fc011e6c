// The frame ring: raw pictures in shared memory, written by one source and read by several workers without a copy.
//
// Per slot there is a bitmask of the readers that still need it, so the bits of a reader that died can be cleared by the owner. Per
// reader there is a small FIFO of slot numbers (its depth is the reader's queue limit); a full FIFO loses its oldest entry, which is
// counted. The newest frame is held by a bit of its own, so that a late reader and a snapshot find it. The writer never waits: without
// a free slot the frame is dropped, which is counted too. A ring has a fixed slot size; larger frames need a new ring.
import { FORMAT_NAMES, FORMATS, type FrameInfo, frameBytes } from './frame.ts';
import type { Micros } from './time.ts';

/** Most readers at one time (bits of a mask, less the two of the writer and of the newest frame). */
export const MAX_READERS = 24;
/** Longest FIFO of one reader. */
export const MAX_DEPTH = 32;
/** Most slots of a ring. */
export const MAX_RING_SLOTS = 256;

const NEWEST = 1 << 29;
const WRITER = 1 << 30;

// Words of the control block, in 32-bit units.
const LATEST = 0; // slot of the newest frame, -1 = none
const ACTIVE = 1; // bitmask of attached readers
const CLOSED = 2; // 1: a newer ring has taken over
const NO_SLOT = 3; // frames dropped because no slot was free
const SEQ = 4; // frames published
const READER = 16; // first word of the first reader
const READER_WORDS = 4 + MAX_DEPTH; // wake, written, dropped, depth, then the FIFO
const MASKS = READER + MAX_READERS * READER_WORDS;

const WAKE = 0;
const WRITTEN = 1;
const LOST = 2;
const DEPTH = 3;
const FIFO = 4;

/** An entry of a FIFO: the slot, and the position it was written for, so that a lapped reader can tell a newer entry from its own. */
function entryOf(position: number, slot: number): number {
  return (position & 0x3fffff) * MAX_RING_SLOTS + slot;
}

// Doubles of a slot's description.
const META = 10;

/** The shared memory of a ring; send it to another thread and open it there with `new FrameRing(memory)`. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly meta: SharedArrayBuffer;
  readonly pixels: SharedArrayBuffer;
  readonly slots: number;
  /** Bytes of a slot. */
  readonly slotBytes: number;
}

/** Makes the memory of a ring. Untouched slots cost no physical memory. */
export function allocateRing(slotBytes: number, slots: number): RingMemory {
  if (!(slots >= 1 && slots <= MAX_RING_SLOTS)) throw new RangeError(`a ring has 1 to ${MAX_RING_SLOTS} slots, got ${slots}`);
  const memory: RingMemory = {
    control: new SharedArrayBuffer((MASKS + slots) * 4),
    meta: new SharedArrayBuffer(slots * META * 8),
    pixels: new SharedArrayBuffer(slots * slotBytes),
    slots,
    slotBytes,
  };
  const control = new Int32Array(memory.control);
  control[LATEST] = -1;
  for (let reader = 0; reader < MAX_READERS; reader++)
    control.fill(-1, READER + reader * READER_WORDS + FIFO, READER + (reader + 1) * READER_WORDS);
  return memory;
}

/** One thread's view of a ring. */
export class FrameRing {
  readonly memory: RingMemory;
  readonly #control: Int32Array;
  readonly #meta: Float64Array;
  readonly #slots: Uint8Array[];

  constructor(memory: RingMemory) {
    this.memory = memory;
    this.#control = new Int32Array(memory.control);
    this.#meta = new Float64Array(memory.meta);
    this.#slots = Array.from(
      { length: memory.slots },
      (_, slot) => new Uint8Array(memory.pixels, slot * memory.slotBytes, memory.slotBytes),
    );
  }

  /** Pixels of a slot: always the same object per slot, so that native code may keep pointing at it. */
  pixels(slot: number): Uint8Array {
    return this.#slots[slot]!;
  }

  get published(): number {
    return Atomics.load(this.#control, SEQ);
  }

  /** Frames that found no free slot. */
  get dropped(): number {
    return Atomics.load(this.#control, NO_SLOT);
  }

  get closed(): boolean {
    return Atomics.load(this.#control, CLOSED) === 1;
  }

  // ---- writer

  /** A free slot for the writer alone, or -1 (counted as a drop). End with `publish` or `release`. */
  claim(): number {
    for (let slot = 0; slot < this.memory.slots; slot++) {
      if (Atomics.compareExchange(this.#control, MASKS + slot, 0, WRITER) === 0) return slot;
    }
    Atomics.add(this.#control, NO_SLOT, 1);
    return -1;
  }

  /** Whether a slot is free and no reader would lose a frame for the next one. */
  get hasRoom(): boolean {
    const control = this.#control;
    const readers = Atomics.load(control, ACTIVE);
    for (let reader = 0; reader < MAX_READERS; reader++) {
      if (!(readers & (1 << reader))) continue;
      const base = READER + reader * READER_WORDS;
      const depth = Math.max(1, Atomics.load(control, base + DEPTH));
      if (Atomics.load(control, base + FIFO + (Atomics.load(control, base + WRITTEN) % depth)) >= 0) return false;
    }
    for (let slot = 0; slot < this.memory.slots; slot++) if (Atomics.load(control, MASKS + slot) === 0) return true;
    return false;
  }

  /** Gives a claimed slot back without publishing it. */
  release(slot: number): void {
    Atomics.and(this.#control, MASKS + slot, ~WRITER);
  }

  /** Hands the slot to every attached reader and makes it the newest. */
  publish(slot: number, info: FrameInfo): void {
    const control = this.#control;
    this.#describe(slot, info, Atomics.add(control, SEQ, 1) + 1);
    const readers = Atomics.load(control, ACTIVE);
    Atomics.store(control, MASKS + slot, readers | NEWEST);
    const before = Atomics.exchange(control, LATEST, slot);
    if (before >= 0) Atomics.and(control, MASKS + before, ~NEWEST);
    for (let reader = 0; reader < MAX_READERS; reader++) if (readers & (1 << reader)) this.#deliver(reader, slot);
    // A reader that was detached meanwhile left before our bit was set: nobody else would clear it.
    const gone = readers & ~Atomics.load(control, ACTIVE);
    for (let reader = 0; gone && reader < MAX_READERS; reader++) if (gone & (1 << reader)) this.#clear(reader);
  }

  #deliver(reader: number, slot: number): void {
    const control = this.#control;
    const base = READER + reader * READER_WORDS;
    const depth = Math.max(1, Atomics.load(control, base + DEPTH));
    const position = Atomics.load(control, base + WRITTEN);
    const old = Atomics.exchange(control, base + FIFO + (position % depth), entryOf(position, slot));
    if (old >= 0) {
      Atomics.and(control, MASKS + (old % MAX_RING_SLOTS), ~(1 << reader));
      Atomics.add(control, base + LOST, 1);
    }
    Atomics.add(control, base + WRITTEN, 1);
    Atomics.add(control, base + WAKE, 1);
    Atomics.notify(control, base + WAKE);
  }

  // ---- owner

  /** Lets a reader number take part; `depth` frames wait for it at most. With `replay` the newest frame is delivered at once. */
  attach(reader: number, depth: number, replay: boolean): void {
    const control = this.#control;
    const base = READER + reader * READER_WORDS;
    Atomics.store(control, base + DEPTH, Math.min(MAX_DEPTH, Math.max(1, depth)));
    Atomics.store(control, base + WRITTEN, 0);
    Atomics.store(control, base + LOST, 0);
    for (let i = 0; i < MAX_DEPTH; i++) Atomics.store(control, base + FIFO + i, -1);
    if (replay) {
      const slot = this.#hold(1 << reader);
      if (slot >= 0) this.#deliver(reader, slot);
    }
    Atomics.or(control, ACTIVE, 1 << reader);
  }

  /** Takes a reader out and frees whatever it still held: also for one whose thread has died. */
  detach(reader: number): void {
    const control = this.#control;
    Atomics.and(control, ACTIVE, ~(1 << reader));
    this.#clear(reader);
    this.wake(reader);
  }

  #clear(reader: number): void {
    const control = this.#control;
    for (let i = 0; i < MAX_DEPTH; i++) Atomics.store(control, READER + reader * READER_WORDS + FIFO + i, -1);
    for (let slot = 0; slot < this.memory.slots; slot++) Atomics.and(control, MASKS + slot, ~(1 << reader));
  }

  /** Says that another ring has taken over: readers finish what they hold and then move on. */
  close(): void {
    Atomics.store(this.#control, CLOSED, 1);
    for (let reader = 0; reader < MAX_READERS; reader++) this.wake(reader);
  }

  // ---- reader

  wake(reader: number): void {
    const at = READER + reader * READER_WORDS + WAKE;
    Atomics.add(this.#control, at, 1);
    Atomics.notify(this.#control, at);
  }

  /** Frames lost because the reader's FIFO was full. */
  lost(reader: number): number {
    return Atomics.load(this.#control, READER + reader * READER_WORDS + LOST);
  }

  /** Frames delivered to the reader's FIFO since it was attached. */
  offered(reader: number): number {
    return Atomics.load(this.#control, READER + reader * READER_WORDS + WRITTEN);
  }

  /** Frames waiting for the reader. */
  depth(reader: number): number {
    const base = READER + reader * READER_WORDS;
    let waiting = 0;
    for (let i = 0; i < MAX_DEPTH; i++) if (Atomics.load(this.#control, base + FIFO + i) >= 0) waiting++;
    return waiting;
  }

  /**
   * The reader's next slot in the order of publishing, or -1. `position` is the number of frames that this reader was offered before;
   * the new position comes back with the slot. Give the slot back with `done`.
   */
  next(reader: number, position: number): { slot: number; position: number } {
    const control = this.#control;
    const base = READER + reader * READER_WORDS;
    const depth = Math.max(1, Atomics.load(control, base + DEPTH));
    for (;;) {
      const written = Atomics.load(control, base + WRITTEN);
      if (position >= written) return { slot: -1, position };
      // The writer may have lapped: what lies further back was dropped by it.
      if (written - position > depth) position = written - depth;
      const at = base + FIFO + (position % depth);
      const entry = Atomics.load(control, at);
      const own = entry >= 0 && Math.floor(entry / MAX_RING_SLOTS) === (position & 0x3fffff);
      position++;
      // Lapped since `written` was read: what lies here now is newer than what lies behind it, and its turn comes later.
      if (own && Atomics.compareExchange(control, at, entry, -1) === entry) return { slot: entry % MAX_RING_SLOTS, position };
    }
  }

  /** Waits until something may have changed for the reader since `seen` (from `wakeCount`), or `timeoutMs` have passed. */
  async wait(reader: number, seen: number, timeoutMs: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#control, READER + reader * READER_WORDS + WAKE, seen, timeoutMs);
    if (waiting.async) await waiting.value;
  }

  wakeCount(reader: number): number {
    return Atomics.load(this.#control, READER + reader * READER_WORDS + WAKE);
  }

  /** The reader needs this slot no longer. */
  done(reader: number, slot: number): void {
    Atomics.and(this.#control, MASKS + slot, ~(1 << reader));
  }

  /** Holds the newest frame under a spare bit for the time of `use`; -1 = there is none. */
  withNewest<T>(use: (slot: number) => T): T {
    const bit = 1 << (MAX_READERS + 1);
    const slot = this.#hold(bit);
    try {
      return use(slot);
    } finally {
      if (slot >= 0) Atomics.and(this.#control, MASKS + slot, ~bit);
    }
  }

  #hold(bit: number): number {
    const control = this.#control;
    for (;;) {
      const slot = Atomics.load(control, LATEST);
      if (slot < 0) return -1;
      const before = Atomics.or(control, MASKS + slot, bit);
      // Still the newest after our bit was set: the writer cannot have reused it in between.
      if (before & NEWEST && Atomics.load(control, LATEST) === slot) return slot;
      Atomics.and(control, MASKS + slot, ~bit);
    }
  }

  // ---- description

  /** What lies in a slot. */
  info(slot: number): FrameInfo {
    const at = slot * META;
    const meta = this.#meta;
    return {
      id: meta[at + 1]!,
      timestamp: meta[at + 2]! as Micros,
      format: FORMAT_NAMES[meta[at + 3]!]!,
      width: meta[at + 4]!,
      height: meta[at + 5]!,
      significantBits: meta[at + 6]!,
      received: meta[at + 7]! as Micros,
    };
  }

  /** The bytes of the picture in a slot (a view; valid until `done`). */
  picture(slot: number): Uint8Array {
    const { format, width, height } = this.info(slot);
    return this.pixels(slot).subarray(0, frameBytes(format, width, height));
  }

  #describe(slot: number, info: FrameInfo, seq: number): void {
    this.#meta.set(
      [seq, info.id, info.timestamp, FORMATS[info.format].wire, info.width, info.height, info.significantBits, info.received],
      slot * META,
    );
  }
}
