// Who decides for one processor of a stream, beside its configuration, which frames it is given and what is shown of what it gives.
import type { FrameInfo } from '../../core/frame.ts';

/** What is drawn over a picture. */
export interface GuideWords {
  readonly message: string;
  /** 0 to 1; `null` = not known. */
  readonly share: number | null;
}

export interface StageGuide {
  /** Frames that may wait now. */
  readonly limit: number;
  /** What comes behind can take a picture now; otherwise frames wait. */
  readonly room: boolean;
  /** The processor is left alone now: frames get the words of loading. */
  readonly holds: boolean;
  readonly words: GuideWords;
  /** Whether a frame that has come is one for the processor; the others are left out. */
  takes(info: FrameInfo): boolean;
  /** What is shown of a frame. `made`: the processor has given a picture, let the original pass, or failed on it; else it withholds it. */
  shown(made: boolean): 'answer' | 'original' | 'loading' | 'nothing';
}
