// A reader's side of a stream's frames inside a worker: one frame after the other, from ring to ring as pictures grow.
import type { FrameInfo } from '../core/frame.ts';
import { FrameRing, type RingMemory } from '../core/ring.ts';

/** A frame on loan from the ring: give it back with `done`. */
export interface LentFrame {
  readonly info: FrameInfo;
  /** The whole slot: always the same object per slot, so that native code may keep pointing at it. */
  readonly slot: Uint8Array;
  readonly ring: FrameRing;
  /** Number of the slot in the ring. */
  readonly index: number;
  /** Frames that were offered to this reader before it, and that it was too slow to take. */
  readonly lost: number;
  done(): void;
}

export class RingFeed {
  readonly #reader: number;
  #ring: FrameRing | null;
  readonly #next: FrameRing[] = [];
  #position = 0;
  #lost = 0;
  #seen = 0;
  #wakeUp: (() => void) | null = null;

  /** @param reader its number in the ring */
  constructor(reader: number, ring: RingMemory | null) {
    this.#reader = reader;
    this.#ring = ring && new FrameRing(ring);
  }

  /** A newer ring: its turn comes when the one before is empty. */
  add(memory: RingMemory): void {
    const ring = new FrameRing(memory);
    if (this.#ring) this.#next.push(ring);
    else this.#ring = ring;
    this.wake();
  }

  /** Ends `wait`. */
  wake(): void {
    this.#ring?.wake(this.#reader);
    this.#wakeUp?.();
  }

  /** The next frame, or `null` if none waits. */
  take(): LentFrame | null {
    for (;;) {
      const ring = this.#ring;
      if (!ring) return null;
      const reader = this.#reader;
      this.#seen = ring.wakeCount(reader);
      const { slot, position } = ring.next(reader, this.#position);
      this.#lost += position - this.#position - (slot >= 0 ? 1 : 0);
      this.#position = position;
      if (slot >= 0) {
        const lost = this.#lost;
        this.#lost = 0;
        return { info: ring.info(slot), slot: ring.pixels(slot), ring, index: slot, lost, done: () => ring.done(reader, slot) };
      }
      if (!ring.closed || !this.#next.length) return null;
      this.#ring = this.#next.shift()!;
      this.#position = 0;
    }
  }

  /** Waits until there may be something new since the last `take`, or `ms` have passed. */
  async wait(ms: number): Promise<void> {
    if (this.#ring) return this.#ring.wait(this.#reader, this.#seen, ms);
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakeUp = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wakeUp = done;
    });
  }
}
