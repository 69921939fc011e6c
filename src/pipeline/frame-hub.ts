// The main thread's side of a stream's frames: owns the ring and its readers, makes a larger ring when pictures grow, and keeps the
// ledger of what became of each frame before any encoder.
import { SluiceError } from '../core/errors.ts';
import { type FrameInfo, frameBytes, type PixelFormat } from '../core/frame.ts';
import { allocateRing, FrameRing, MAX_READERS, type RingMemory } from '../core/ring.ts';
import type { JobCommand } from './messages.ts';
import { Tally } from './meters.ts';

/** Most slots that are worth having: the longest FIFO, four for each of a dozen further readers, and two for the writer and the newest
 *  frame. The writer takes the first free one, so slots that are never needed cost no memory. */
const MAX_SLOTS = 82;
/** Fewer would drop frames as soon as one reader is at work. */
const MIN_SLOTS = 4;

const SLOT_ALIGN = 8;

/** A reader that hears of new rings. */
interface Reader {
  readonly number: number;
  readonly depth: (slots: number) => number;
  readonly onRing: (ring: RingMemory) => void;
  offered: number;
  lost: number;
}

/** A place in the ring. */
export interface ReaderSeat extends Disposable {
  readonly number: number;
  readonly ring: RingMemory | null;
  /** offered = taken + lost + waiting. */
  counts(): { offered: number; lost: number; waiting: number };
}

export class FrameHub {
  readonly #maxBytes: number;
  readonly #readers = new Map<number, Reader>();
  refused = new Tally();
  dropped = new Tally();
  #ring: FrameRing | null = null;
  #published = 0;

  /** @param maxBytes most memory that the ring may take */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get ring(): FrameRing | null {
    return this.#ring;
  }

  get published(): number {
    return this.#published;
  }

  /** Goes on with the counts of another hub, whose frames come here from now on. */
  adopt(other: FrameHub): void {
    this.#published = other.published;
    this.refused = other.refused.copy();
    this.dropped = other.dropped.copy();
  }

  /** A frame has reached the ring. */
  count(): void {
    this.#published++;
  }

  /** The ring, large enough for a picture; refuses one that would need more memory than a stream may use. */
  ringFor(format: PixelFormat, width: number, height: number): FrameRing {
    // Slots begin where samples of any depth may begin.
    const bytes = Math.ceil(frameBytes(format, width, height) / SLOT_ALIGN) * SLOT_ALIGN;
    if (this.#ring && this.#ring.memory.slotBytes >= bytes) return this.#ring;
    const slots = Math.min(MAX_SLOTS, Math.floor(this.#maxBytes / bytes));
    if (slots < MIN_SLOTS) {
      throw new SluiceError(
        'frame-too-large',
        `a ${width}x${height} ${format} frame has ${bytes} bytes and needs ${MIN_SLOTS * bytes} bytes of ring; ringBytes allows ${this.#maxBytes}`,
        { received: { width, height, format, bytes }, allowed: { ringBytes: this.#maxBytes } },
      );
    }
    const ring = new FrameRing(allocateRing(bytes, slots));
    const old = this.#ring;
    this.#ring = ring;
    for (const reader of this.#readers.values()) {
      if (old) {
        reader.offered += old.offered(reader.number);
        reader.lost += old.lost(reader.number);
      }
      ring.attach(reader.number, reader.depth(ring.memory.slots), false);
      reader.onRing(ring.memory);
    }
    old?.close();
    return ring;
  }

  /** The answer to a source that needs a ring for a picture. */
  ringAnswer(format: PixelFormat, width: number, height: number): Extract<JobCommand, { type: 'ring' | 'no-ring' }> {
    try {
      return { type: 'ring', ring: this.ringFor(format, width, height).memory };
    } catch (error) {
      return { type: 'no-ring', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Seats a reader; `depth` frames may wait for it, which may depend on the slots there are. With `replay` it gets the newest at once. */
  seat(depth: number | ((slots: number) => number), replay: boolean, onRing: (ring: RingMemory) => void): ReaderSeat {
    let number = 0;
    while (this.#readers.has(number)) number++;
    if (number >= MAX_READERS) {
      throw new SluiceError('unavailable', `a stream can feed at most ${MAX_READERS} encoders and processors at a time`);
    }
    const depthOf = typeof depth === 'number' ? () => depth : depth;
    const reader: Reader = { number, depth: depthOf, onRing, offered: 0, lost: 0 };
    this.#readers.set(number, reader);
    this.#ring?.attach(number, depthOf(this.#ring.memory.slots), replay);
    let seated = true;
    const counts = () => ({
      offered: reader.offered + (seated ? (this.#ring?.offered(number) ?? 0) : 0),
      lost: reader.lost + (seated ? (this.#ring?.lost(number) ?? 0) : 0),
      waiting: seated ? (this.#ring?.depth(number) ?? 0) : 0,
    });
    return {
      number,
      ring: this.#ring?.memory ?? null,
      counts,
      [Symbol.dispose]: () => {
        if (!seated) return;
        const last = counts();
        seated = false;
        // What still waited in the FIFO will never be taken.
        reader.offered = last.offered;
        reader.lost = last.lost + last.waiting;
        this.#readers.delete(number);
        this.#ring?.detach(number);
      },
    };
  }

  /** Copies the newest picture out of the ring; `null` before the first frame. */
  newest(): { info: FrameInfo; data: Uint8Array } | null {
    const ring = this.#ring;
    if (!ring) return null;
    return ring.withNewest((slot) => (slot < 0 ? null : { info: ring.info(slot), data: ring.picture(slot).slice() }));
  }

  get stats(): { slots: number; slotBytes: number; bytes: number } | null {
    if (!this.#ring) return null;
    const { slots, slotBytes } = this.#ring.memory;
    return { slots, slotBytes, bytes: slots * slotBytes };
  }
}
