// What passes between the main thread and the thread of a processor. One port per processor; pictures stay in the rings.
import type { AudioFrame } from '../../core/audio.ts';
import type { FrameInfo, PixelFormat } from '../../core/frame.ts';
import type { RingMemory } from '../../core/ring.ts';
import type { Findings } from '../../processors/processor.ts';
import type { FoundAt, MadePicture, SessionInfo, SessionSpec } from '../../processors/session.ts';
import type { PlainError } from '../messages.ts';

/** What a processor thread is started with. */
export interface ThreadData {
  readonly spec: SessionSpec;
  readonly clock: BigInt64Array<SharedArrayBuffer>;
}

/** A place in a ring; rings have numbers, and their memory comes with the first use. */
export interface SlotPlace {
  readonly ring: number;
  readonly slot: number;
}

export type ThreadCommand =
  | { readonly type: 'load' }
  | { readonly type: 'rings'; readonly add: readonly (readonly [number, RingMemory])[]; readonly drop: readonly number[] }
  | {
      readonly type: 'video';
      readonly job: number;
      readonly info: FrameInfo;
      readonly metadata: Readonly<Record<string, unknown>>;
      readonly input: SlotPlace;
      /** null = it only looks, and what it makes is not shown. */
      readonly output: SlotPlace | null;
      /** One that passes has to be copied into the output: viewers see it from here. */
      readonly finish: boolean;
    }
  | { readonly type: 'generate'; readonly job: number }
  | { readonly type: 'audio'; readonly job: number; readonly block: AudioFrame }
  /** Answer to `room`. */
  | { readonly type: 'room'; readonly job: number; readonly place: SlotPlace | null; readonly error: PlainError | null }
  | { readonly type: 'abort'; readonly job: number }
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'validate'; readonly job: number; readonly values: Readonly<Record<string, unknown>> }
  | { readonly type: 'apply'; readonly params: Readonly<Record<string, unknown>> }
  | { readonly type: 'close' };

/** A picture that was written, and where. */
export interface PlacedPicture extends MadePicture {
  readonly place: SlotPlace;
}

export type ThreadEvent =
  | { readonly type: 'progress'; readonly message: string; readonly share: number | null }
  | { readonly type: 'loaded'; readonly info: SessionInfo }
  | { readonly type: 'load-failed'; readonly error: PlainError }
  | {
      readonly type: 'video-done';
      readonly job: number;
      readonly outcome: 'pass' | 'withhold' | 'pictures';
      readonly pictures: readonly PlacedPicture[];
      /** A picture that passed lies in the output. */
      readonly copied: boolean;
      /** Time inside the processor, ms. */
      readonly ms: number;
    }
  | { readonly type: 'generated'; readonly job: number; readonly pictures: readonly PlacedPicture[]; readonly ms: number }
  | {
      readonly type: 'audio-done';
      readonly job: number;
      readonly outcome: 'pass' | 'withhold' | 'blocks';
      readonly blocks: readonly AudioFrame[];
      readonly ms: number;
    }
  | { readonly type: 'failed'; readonly job: number; readonly error: PlainError; readonly ms: number }
  | { readonly type: 'room'; readonly job: number; readonly format: PixelFormat; readonly width: number; readonly height: number }
  | { readonly type: 'timing'; readonly parts: Readonly<Record<string, number>> }
  | { readonly type: 'found'; readonly findings: Findings; readonly at: FoundAt }
  | { readonly type: 'validated'; readonly job: number; readonly params: Readonly<Record<string, unknown>> }
  | { readonly type: 'log'; readonly message: string; readonly values: Readonly<Record<string, unknown>> }
  | { readonly type: 'broken'; readonly error: PlainError }
  | { readonly type: 'away'; readonly error: PlainError; readonly how: 'crash' | 'timeout' }
  | { readonly type: 'closed' };
