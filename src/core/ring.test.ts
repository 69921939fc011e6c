import { afterEach, describe, expect, it, vi } from 'vitest';
import type { FrameInfo } from './frame.ts';
import { allocateRing, FrameRing, MAX_READERS } from './ring.ts';
import type { Micros } from './time.ts';

const BYTES = 16;
const info = (id: number): FrameInfo => ({
  id,
  timestamp: (1_763_640_000_000_000 + id) as Micros,
  format: 'gray',
  width: 4,
  height: 4,
  significantBits: 8,
  received: (1_763_640_000_000_500 + id) as Micros,
});

/** Publishes a frame whose every byte is its id; `false` if there was no slot. */
function publish(ring: FrameRing, id: number): boolean {
  const slot = ring.claim();
  if (slot < 0) return false;
  ring.pixels(slot).fill(id);
  ring.publish(slot, info(id));
  return true;
}

/** One reader of one thread. */
class Reader {
  position = 0;
  readonly ring: FrameRing;
  readonly number: number;

  constructor(ring: FrameRing, number: number) {
    this.ring = ring;
    this.number = number;
  }

  take(): number {
    const { slot, position } = this.ring.next(this.number, this.position);
    this.position = position;
    return slot;
  }

  /** Id of the next frame, given back at once; 0 = none. */
  read(): number {
    const slot = this.take();
    if (slot < 0) return 0;
    const { id } = this.ring.info(slot);
    expect(new Set(this.ring.picture(slot))).toEqual(new Set([id]));
    this.ring.done(this.number, slot);
    return id;
  }

  all(): number[] {
    const ids: number[] = [];
    for (let id = this.read(); id; id = this.read()) ids.push(id);
    return ids;
  }
}

/** How many slots a writer could get now. */
function free(ring: FrameRing): number {
  const slots: number[] = [];
  for (let slot = ring.claim(); slot >= 0; slot = ring.claim()) slots.push(slot);
  for (const slot of slots) ring.release(slot);
  return slots.length;
}

const make = (slots: number) => new FrameRing(allocateRing(BYTES, slots));

afterEach(() => void vi.restoreAllMocks());

describe('FrameRing', () => {
  it('hands each frame with its description to every reader, in order', () => {
    const ring = make(6);
    const other = new FrameRing(ring.memory);
    ring.attach(0, 3, false);
    ring.attach(1, 3, false);
    for (let id = 1; id <= 3; id++) publish(ring, id);
    const reader = new Reader(other, 0);
    const slot = reader.take();
    expect(other.info(slot)).toEqual(info(1));
    expect(other.picture(slot).length).toBe(16);
    other.done(0, slot);
    expect(reader.all()).toEqual([2, 3]);
    expect(new Reader(other, 1).all()).toEqual([1, 2, 3]);
    expect(other.published).toBe(3);
    expect(free(ring)).toBe(5); // the newest is held
  });

  it('says whether there is room for the next frame: a free slot, and no reader that would lose one', () => {
    const ring = make(4);
    expect(ring.hasRoom).toBe(true);
    ring.attach(0, 2, false);
    publish(ring, 1);
    expect(ring.hasRoom).toBe(true);
    publish(ring, 2);
    expect(ring.hasRoom).toBe(false); // its FIFO is full
    const reader = new Reader(ring, 0);
    const first = reader.take();
    expect(ring.hasRoom).toBe(true);
    publish(ring, 3);
    const second = reader.take();
    expect([first, second].every((slot) => slot >= 0)).toBe(true);
    publish(ring, 4);
    expect(ring.hasRoom).toBe(false); // no slot is free
    ring.done(0, first);
    reader.take();
    expect(ring.hasRoom).toBe(true);
    expect([ring.lost(0), ring.dropped]).toEqual([0, 0]);
  });

  it('drops a frame when every slot is in use, and counts it; the writer never waits', () => {
    const ring = make(3);
    ring.attach(0, 8, false);
    expect([1, 2, 3, 4, 5].map((id) => publish(ring, id))).toEqual([true, true, true, false, false]);
    expect(ring.dropped).toBe(2);
    const reader = new Reader(ring, 0);
    expect(reader.all()).toEqual([1, 2, 3]);
    expect(publish(ring, 6)).toBe(true);
    expect(reader.all()).toEqual([6]);
  });

  it('a full FIFO loses its oldest entry, counts it and frees its slot: offered = taken + lost + waiting', () => {
    const ring = make(8);
    ring.attach(0, 2, false);
    for (let id = 1; id <= 5; id++) publish(ring, id);
    expect([ring.offered(0), ring.lost(0), ring.depth(0)]).toEqual([5, 3, 2]);
    expect(free(ring)).toBe(6);
    expect(new Reader(ring, 0).all()).toEqual([4, 5]);
    expect(ring.depth(0)).toBe(0);
  });

  it('holds a slot until its reader is done, however many frames follow', () => {
    const ring = make(3);
    ring.attach(0, 1, false);
    publish(ring, 1);
    const reader = new Reader(ring, 0);
    const slot = reader.take();
    for (let id = 2; id <= 9; id++) publish(ring, id);
    expect(ring.info(slot).id).toBe(1);
    expect(new Set(ring.picture(slot))).toEqual(new Set([1]));
    ring.done(0, slot);
    expect(reader.all()).toEqual([9]);
  });

  it('keeps the newest frame for who comes late, if that is wanted', () => {
    const ring = make(4);
    for (let id = 1; id <= 7; id++) expect(publish(ring, id)).toBe(true);
    ring.attach(0, 2, true);
    ring.attach(1, 2, false);
    publish(ring, 8);
    expect(new Reader(ring, 0).all()).toEqual([7, 8]);
    expect(new Reader(ring, 1).all()).toEqual([8]);
    expect(ring.withNewest((slot) => ring.info(slot).id)).toBe(8);
    expect(make(2).withNewest((slot) => slot)).toBe(-1);
  });

  it('replays nothing where nothing has come, and holds the newest while it is looked at', () => {
    const ring = make(3);
    ring.attach(0, 1, true);
    expect(ring.depth(0)).toBe(0);
    publish(ring, 1);
    new Reader(ring, 0).all();
    ring.withNewest((slot) => {
      publish(ring, 2);
      expect(publish(ring, 3)).toBe(true);
      expect(ring.info(slot).id).toBe(1);
    });
    expect(() =>
      ring.withNewest(() => {
        throw new Error('x');
      }),
    ).toThrow('x');
    new Reader(ring, 0).all();
    expect(free(ring)).toBe(2);
  });

  it('frees what a reader that died had waiting and in hand', () => {
    const ring = make(5);
    ring.attach(3, 3, false);
    for (let id = 1; id <= 4; id++) publish(ring, id);
    new Reader(ring, 3).take();
    expect(free(ring)).toBe(2);
    ring.detach(3);
    expect(free(ring)).toBe(4);
    publish(ring, 5);
    expect(ring.depth(3)).toBe(0);
    // The number can be given to somebody else, who begins from nothing.
    ring.attach(3, 2, false);
    publish(ring, 6);
    expect([ring.offered(3), ring.lost(3)]).toEqual([1, 0]);
    expect(new Reader(ring, 3).all()).toEqual([6]);
  });

  it('leaves no slot behind when a reader is detached while a frame is published', () => {
    const ring = make(4);
    const owner = new FrameRing(ring.memory);
    ring.attach(0, 2, false);
    const store = Atomics.store;
    let once = true;
    // The writer has read who is attached and is about to set their bits.
    vi.spyOn(Atomics, 'store').mockImplementation(((array: Int32Array, index: number, value: number) => {
      if (once && value > 1 << 28) {
        once = false;
        owner.detach(0);
      }
      return store(array, index, value);
    }) as typeof Atomics.store);
    publish(ring, 1);
    vi.restoreAllMocks();
    expect(once).toBe(false);
    publish(ring, 2);
    expect(free(ring)).toBe(3);
    expect(ring.depth(0)).toBe(0);
  });

  it('stays in order when the writer laps a reader that is just reading', () => {
    const ring = make(12);
    ring.attach(0, 4, false);
    for (let id = 1; id <= 4; id++) publish(ring, id);
    const reader = new Reader(new FrameRing(ring.memory), 0);
    const load = Atomics.load;
    let loads = 0;
    // The reader has seen four entries; before it takes the first one the writer puts the fifth in its place.
    vi.spyOn(Atomics, 'load').mockImplementation(((array: Int32Array, index: number) => {
      const value = load(array, index);
      if (++loads === 2) publish(ring, 5);
      return value;
    }) as typeof Atomics.load);
    const first = reader.read();
    vi.restoreAllMocks();
    const ids = [first, ...reader.all()];
    expect(ids).toEqual([2, 3, 4, 5]);
    expect(ring.offered(0)).toBe(ids.length + ring.lost(0));
    expect(free(ring)).toBe(11);
  });

  it('a reader that sleeps wakes for a frame, for a call, and for a new ring', async () => {
    const ring = make(4);
    ring.attach(0, 1, false);
    const events: (() => void)[] = [() => publish(ring, 1), () => ring.wake(0), () => ring.close()];
    for (const event of events) {
      const waiting = ring.wait(0, ring.wakeCount(0), 60_000);
      event();
      await waiting;
    }
    expect(ring.closed).toBe(true);
    // What happened before the wait ends it too: nothing is missed between looking and sleeping.
    const seen = ring.wakeCount(0);
    publish(ring, 2);
    await ring.wait(0, seen, 60_000);
  });

  it('a closed ring is read to its end before the next one', () => {
    const old = make(4);
    old.attach(0, 3, false);
    publish(old, 1);
    publish(old, 2);
    const next = make(4);
    next.attach(0, 3, false);
    old.close();
    publish(next, 3);
    expect(new FrameRing(old.memory).closed).toBe(true);
    expect([...new Reader(old, 0).all(), ...new Reader(next, 0).all()]).toEqual([1, 2, 3]);
  });

  it('feeds as many readers as it has bits', () => {
    const ring = make(MAX_READERS + 2);
    for (let reader = 0; reader < MAX_READERS; reader++) ring.attach(reader, 1, false);
    publish(ring, 1);
    publish(ring, 2);
    for (let reader = 0; reader < MAX_READERS; reader++) expect(new Reader(ring, reader).all()).toEqual([2]);
    expect(free(ring)).toBe(MAX_READERS + 1);
  });

  it('refuses a number of slots that its entries cannot name', () => {
    for (const slots of [0, -1, 257, Number.NaN]) expect(() => allocateRing(16, slots)).toThrow(RangeError);
  });
});
