import type { ArchivedSegment } from './archive.ts';
import type { PartData } from './segmenter.ts';

/** A segment in the window: closed ones with their frames, the open one with its parts. */
export interface WindowSegment extends ArchivedSegment {
  readonly open: boolean;
  /** Present while the segment is hot. */
  readonly parts: readonly PartData[];
}
