// Spans of frames in which something shows: begins and ends exact to the frame, however many frames it takes to be sure.
import type { FrameInfo } from '../core/frame.ts';
import type { FoundMarker, Json } from './processor.ts';

export interface SpanOptions {
  readonly kind: string;
  readonly label: string;
  /** Frames in a row that must show it before it counts; the span then begins with the first of them. */
  readonly confirm: number;
  /** Frames in a row that must not show it before it is over; the span then ends with the last that did. */
  readonly release: number;
  /** Between frames that lie further apart than this (µs) it is taken for two events: nobody saw what was in between. */
  readonly split: number;
}

/** Whether spans are made alike, so that one that lasts may go on. */
export function sameSpans(a: Omit<SpanOptions, 'split'> & { split: unknown }, b: typeof a): boolean {
  return (['kind', 'label', 'confirm', 'release', 'split'] as const).every((key) => a[key] === b[key]);
}

export class SpanFinder {
  readonly #options: SpanOptions;
  /** First frame of the run that shows it. */
  #first: FrameInfo | null = null;
  /** Last frame that showed it. */
  #last: FrameInfo | null = null;
  #data: Json | undefined;
  #shown = 0;
  #hidden = 0;
  #open = false;

  constructor(options: SpanOptions) {
    this.#options = options;
  }

  /** It lasts. */
  get open(): boolean {
    return this.#open;
  }

  /** Takes a frame; gives the markers that it begins or ends. `data` is kept of the frame it begins with. */
  next(info: FrameInfo, shows: boolean, data?: Json): FoundMarker[] {
    const { confirm, release, split } = this.#options;
    const found: FoundMarker[] = [];
    // Either way in time: a clock that was set back is a new beginning too.
    if (this.#last && Math.abs(info.timestamp - this.#last.timestamp) > split) found.push(...this.finish());
    if (shows) {
      if (!this.#first) {
        this.#first = info;
        this.#data = data;
        this.#shown = 0;
      }
      this.#last = info;
      this.#hidden = 0;
      this.#shown++;
      if (!this.#open && this.#shown >= confirm) {
        this.#open = true;
        found.push(this.#marker({ open: true }));
      }
    } else if (this.#first) {
      this.#hidden++;
      // Before it is confirmed, one frame without it starts the count anew.
      if (!this.#open || this.#hidden >= release) found.push(...this.finish());
    }
    return found;
  }

  /** Ends the span with the last frame that showed it. */
  finish(): FoundMarker[] {
    const found = this.#open ? [this.#marker({ open: false, endFrame: this.#last!.id, end: this.#last!.timestamp })] : [];
    this.#first = null;
    this.#last = null;
    this.#open = false;
    this.#hidden = 0;
    return found;
  }

  #marker(last: Pick<FoundMarker, 'open' | 'endFrame' | 'end'>): FoundMarker {
    const { kind, label } = this.#options;
    const { id: frame, timestamp } = this.#first!;
    return { id: `${kind}-${frame}`, label, kind, frame, timestamp, ...last, ...(this.#data === undefined ? {} : { data: this.#data }) };
  }
}
