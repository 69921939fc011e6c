// The contract of processors: what looks at the raw frames of a stream and finds numbers, events and records in them. A processor runs in
// a worker, beside the encoders and never in their way: a slow one loses frames (counted), the picture loses none.
import type { FrameInfo } from '../core/frame.ts';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An event in the pictures. The same id again changes it: a span is sent `open` when it begins and once more with its last frame. */
export interface FoundMarker {
  /** Unique in the processor and the same whenever the same frames are looked at, such as `patch-1234` (the frame it begins at). */
  readonly id: string;
  readonly label: string;
  readonly kind: string;
  /** Id of the first frame that shows it. */
  readonly frame: number;
  /** Its capture time, µs. */
  readonly timestamp: number;
  /** Id and capture time of the last frame that shows it. */
  readonly endFrame?: number;
  readonly end?: number;
  /** It still lasts. */
  readonly open?: boolean;
  readonly data?: Json;
}

/** What one frame gave. */
export interface Findings {
  /** By name: a number, a vector of up to 1,024, or `null` for a gap. Bound to the frame. */
  readonly metrics?: Readonly<Record<string, number | null | readonly (number | null)[]>>;
  readonly markers?: readonly FoundMarker[];
  /** JSON records, bound to the frame; `{ boxes: [{ x, y, w, h, label? }] }` in source pixels is drawn over the picture. */
  readonly data?: readonly { readonly [key: string]: Json }[];
}

/** A raw picture on loan: the pixels are those of the ring and change after `process` has settled. */
export interface ProcessorFrame {
  readonly info: FrameInfo;
  /** Exactly the tightly packed picture (`planesOf`). Only to be read. */
  readonly pixels: Uint8Array;
}

/** One processor at work on one stream. Frames come in the order of their ids; some may be missing. */
export interface ProcessorSession {
  /** Looks at a frame. A throw counts the frame as failed; several in a row end the session, which is then opened anew. */
  process(frame: ProcessorFrame): Findings | null | Promise<Findings | null>;
  /** Takes other params between two frames and keeps what it remembers of the pictures. `false` or none: it is opened anew in its place. */
  update?(params: never): boolean;
  /** No more frames will come: says what is left to say. `last` = the last frame that it was given. Open spans are ended for it anyway. */
  finish?(last: FrameInfo | null): Findings | null | Promise<Findings | null>;
}

/** Opens a processor with parsed params. */
export type OpenProcessor<Params> = (params: Params) => ProcessorSession | Promise<ProcessorSession>;
