// Numbers of rings, so that orders to processors name a slot without sending its memory along.
import type { FrameRing, RingMemory } from '../../core/ring.ts';

/** Rings of a stream that frames may still lie in: two hubs, each with its present ring and the one before. */
const KEPT = 8;

export class RingBook {
  readonly #rings = new Map<number, FrameRing>();
  readonly #numbers = new WeakMap<RingMemory, number>();
  #next = 1;

  /** Number of a ring; the same memory has the same number. */
  numberOf(ring: FrameRing): number {
    const known = this.#numbers.get(ring.memory);
    if (known !== undefined && this.#rings.has(known)) return known;
    const number = this.#next++;
    this.#numbers.set(ring.memory, number);
    this.#rings.set(number, ring);
    for (const old of this.#rings.keys()) if (this.#rings.size > KEPT) this.#rings.delete(old);
    return number;
  }

  alive(number: number): boolean {
    return this.#rings.has(number);
  }

  memory(number: number): RingMemory {
    return this.#rings.get(number)!.memory;
  }

  ring(number: number): FrameRing {
    return this.#rings.get(number)!;
  }
}
