// Figures of one end of a channel while it runs.
import type { ChannelFigures } from './segments.ts';

export interface MutableFigures {
  seq: number;
  since: number | null;
  segments: number;
  bytes: number;
  dropped: number;
  reconnects: number;
  error: string | null;
}

export function newFigures(): MutableFigures & ChannelFigures {
  return { seq: -1, since: null, segments: 0, bytes: 0, dropped: 0, reconnects: 0, error: null };
}
