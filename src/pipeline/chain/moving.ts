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
