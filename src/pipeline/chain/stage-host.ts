// What a processor in the way of the picture needs of the chain that it stands in.
import type { InlineConfig } from '../../api/schema.ts';
import type { AudioFrame } from '../../core/audio.ts';
import type { SharedClock } from '../../core/clock.ts';
import type { PixelFormat } from '../../core/frame.ts';
import type { Logger } from '../../core/log.ts';
import type { Findings } from '../../processors/processor.ts';
import type { FoundAt, OpenSession, SessionSpec } from '../../processors/session.ts';
import type { StageGuide } from './guide.ts';
import type { HeldSlot, Moving } from './moving.ts';
import type { RingBook } from './ring-book.ts';

/** Frames wait so long for a processor that is being loaded; then the policy holds, ms. */
export const LOADING_PATIENCE_MS = 1000;

export type StageState = 'off' | 'loading' | 'running' | 'failed';

export interface StageHost {
  readonly stream: string;
  readonly clock: SharedClock;
  readonly log: Logger;
  readonly rings: RingBook;
  /** A slot for what is made: `null` = no free one, or nothing is shown. Throws `frame-too-large`. */
  claim(format: PixelFormat, width: number, height: number): HeldSlot | null;
  /** Processors that only look need no slot. */
  readonly shows: boolean;
  /** How a processor is run: what its session is opened with, and by whom if it is an object of this program. */
  resolve(config: InlineConfig): {
    readonly spec: Pick<SessionSpec, 'kind' | 'use' | 'options'>;
    readonly open: OpenSession | null;
    readonly guide?: StageGuide;
  };
  /** Usually `LOADING_PATIENCE_MS`. */
  readonly patienceMs: number;
  /** Viewers see what leaves this one. */
  isLast(): boolean;
  /** An id for a picture that was made without input; 0 = none is left. */
  takeId(): number;
  /** A picture that was made without input leaves it; `null` = it is free for the next one. */
  generated(frame: Moving | null): void;
  /** A frame leaves it for the next one. */
  next(frame: Moving): void;
  /** So does a block of sound. */
  nextSound(block: AudioFrame): void;
  found(findings: Findings, at: FoundAt): void;
  /** For the timeline, in plain words. */
  note(sort: string, label: string): void;
}
