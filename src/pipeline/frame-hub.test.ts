import { describe, expect, it } from 'vitest';
import type { FrameInfo, PixelFormat } from '../core/frame.ts';
import { FrameRing, MAX_READERS, type RingMemory } from '../core/ring.ts';
import type { Micros } from '../core/time.ts';
import { FrameHub } from './frame-hub.ts';

function publish(hub: FrameHub, id: number, width = 8, height = 8, format: PixelFormat = 'gray'): void {
  const ring = hub.ringFor(format, width, height);
  const slot = ring.claim();
  expect(slot).toBeGreaterThanOrEqual(0);
  ring.pixels(slot).fill(id);
  const info: FrameInfo = { id, timestamp: id as Micros, format, width, height, significantBits: 8, received: id as Micros };
  ring.publish(slot, info);
  hub.count();
}

/** A reader that takes everything there is, ring after ring, as an encode job does. */
class Taker {
  readonly rings: FrameRing[] = [];
  #position = 0;
  readonly ids: number[] = [];

  readonly onRing = (ring: RingMemory) => void this.rings.push(new FrameRing(ring));

  take(reader: number): void {
    for (;;) {
      const ring = this.rings[0];
      if (!ring) return;
      const { slot, position } = ring.next(reader, this.#position);
      this.#position = position;
      if (slot >= 0) {
        this.ids.push(ring.info(slot).id);
        ring.done(reader, slot);
      } else if (ring.closed && this.rings.length > 1) {
        this.rings.shift();
        this.#position = 0;
      } else return;
    }
  }
}

describe('FrameHub', () => {
  it('makes a ring with the first picture and a larger one when pictures grow; smaller ones fit', () => {
    const hub = new FrameHub(1_000_000);
    expect(hub.stats).toBe(null);
    const first = hub.ringFor('gray', 8, 8);
    expect(hub.ringFor('gray', 4, 4)).toBe(first);
    const second = hub.ringFor('rgb24', 8, 8);
    expect(second).not.toBe(first);
    expect(first.closed).toBe(true);
    expect(hub.stats).toEqual({ slots: 82, slotBytes: 192, bytes: 82 * 192 });
  });

  it('readers see every frame through a change of the ring, in order', () => {
    const hub = new FrameHub(1_000_000);
    const taker = new Taker();
    const seat = hub.seat(6, false, taker.onRing);
    for (let id = 1; id <= 3; id++) publish(hub, id);
    for (let id = 4; id <= 6; id++) publish(hub, id, 16, 16);
    expect(seat.counts()).toMatchObject({ offered: 6, lost: 0 });
    taker.take(seat.number);
    expect(taker.ids).toEqual([1, 2, 3, 4, 5, 6]);
    expect(seat.counts()).toEqual({ offered: 6, lost: 0, waiting: 0 });
  });

  it('counts for each reader: offered = taken + lost + waiting, and settles when it leaves', () => {
    const hub = new FrameHub(1_000_000);
    const taker = new Taker();
    const seat = hub.seat(2, false, taker.onRing);
    for (let id = 1; id <= 5; id++) publish(hub, id);
    expect(seat.counts()).toEqual({ offered: 5, lost: 3, waiting: 2 });
    taker.take(seat.number);
    publish(hub, 6);
    seat[Symbol.dispose]();
    seat[Symbol.dispose]();
    expect(taker.ids).toEqual([4, 5]);
    expect(seat.counts()).toEqual({ offered: 6, lost: 4, waiting: 0 });
    publish(hub, 7);
    expect(seat.counts().offered).toBe(6);
  });

  it('gives a late reader the newest frame if it wants it', () => {
    const hub = new FrameHub(1_000_000);
    publish(hub, 1);
    publish(hub, 2);
    for (const [replay, ids] of [
      [true, [2]],
      [false, []],
    ] as const) {
      const taker = new Taker();
      const seat = hub.seat(2, replay, taker.onRing);
      taker.onRing(seat.ring!);
      taker.take(seat.number);
      expect(taker.ids).toEqual(ids);
      seat[Symbol.dispose]();
    }
  });

  it('copies the newest picture out', () => {
    const hub = new FrameHub(1_000_000);
    expect(hub.newest()).toBe(null);
    publish(hub, 7);
    const taken = hub.newest()!;
    publish(hub, 8);
    expect(taken.info.id).toBe(7);
    expect([...taken.data]).toEqual(Array.from({ length: 64 }, () => 7));
    expect(hub.published).toBe(2);
  });

  it('refuses a picture that needs more memory than a stream may use, and names both', () => {
    const hub = new FrameHub(1_000_000);
    expect(() => hub.ringFor('rgb24', 1000, 1000)).toThrow(
      'a 1000x1000 rgb24 frame has 3000000 bytes and needs 12000000 bytes of ring; ringBytes allows 1000000',
    );
    publish(hub, 1, 500, 500);
    expect(hub.stats!.slots).toBe(4);
  });

  it('seats as many readers as the ring has bits and refuses the next one', () => {
    const hub = new FrameHub(1_000_000);
    const seats = Array.from({ length: MAX_READERS }, () => hub.seat(1, false, () => {}));
    expect(new Set(seats.map((seat) => seat.number)).size).toBe(MAX_READERS);
    expect(() => hub.seat(1, false, () => {})).toThrow(/at most 24 encoders and processors/);
    seats[5]![Symbol.dispose]();
    expect(hub.seat(1, false, () => {}).number).toBe(5);
  });
});
