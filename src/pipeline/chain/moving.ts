// A frame on its way through the chain, and the slot that its picture lies in.
import type { FrameInfo } from '../../core/frame.ts';
import type { FrameRing } from '../../core/ring.ts';
import type { Json } from '../../processors/processor.ts';
import type { SlotPlace } from './messages.ts';

/** A slot that is held until it is released, or published by its ring. */
export interface HeldSlot {
  readonly ring: FrameRing;
  readonly place: SlotPlace;
  /** It lies in the ring that viewers see, and can be published there. */
  readonly shown: boolean;
  release(): void;
}

export interface Moving {
  readonly info: FrameInfo;
  /** Its capture time lies far behind the one before. */
  readonly stepped: boolean;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** Where its picture lies. */
  readonly at: HeldSlot;
  /** Boxes that processors have found in it so far: those after them find them in the metadata. */
  readonly boxes: Json[];
}

export function release(slots: readonly HeldSlot[]): void {
  for (const slot of slots) slot.release();
}

/** Takes the slot at a place out of those that a processor was given; `null`: it is none of them. */
export function takeSlot(slots: HeldSlot[], { ring, slot }: SlotPlace): HeldSlot | null {
  const at = slots.findIndex(({ place }) => place.ring === ring && place.slot === slot);
  return at < 0 ? null : slots.splice(at, 1)[0]!;
}

/** The metadata of a frame, and in `boxes` what processors before have found in it. */
export function withBoxes({ metadata, boxes }: Moving): Readonly<Record<string, unknown>> {
  if (boxes.length === 0) return metadata ?? {};
  const own = metadata?.boxes;
  return { ...metadata, boxes: [...(Array.isArray(own) ? own : []), ...boxes] };
}
