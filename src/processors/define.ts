// The contract of processors that stand in the way of pictures and sound: users' own and built-ins alike. They run in a thread of the
// stream's chain, in a process of any language, or (handed in through the library) on the main thread.
import type { z } from 'zod';
import type { AudioFrame } from '../core/audio.ts';
import type { FrameInfo, PixelFormat } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import type { FoundMarker, Json } from './processor.ts';

/** The result of a processor that gives nothing for this frame: it is not shown. */
export const WITHHOLD: unique symbol = Symbol.for('sluice.withhold');

/** Pixels as numbers: bytes, 16-bit or float samples by format. */
export type Pixels = Uint8Array | Uint16Array | Float32Array;

/** A picture that a processor has made. */
export interface Picture {
  /** Tightly packed (`planesOf`). */
  readonly pixels: Pixels;
  /** Default: those of the frame that it was made from. */
  readonly width?: number;
  readonly height?: number;
  readonly format?: PixelFormat;
  readonly significantBits?: number;
  /** µs UTC; default: that of the frame it was made from. Only with `ids: 'own'`. */
  readonly timestamp?: Micros;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A raw picture, lent until the handler has settled. */
export interface VideoFrame {
  readonly info: FrameInfo;
  readonly id: number;
  /** Capture time, µs UTC. */
  readonly timestamp: Micros;
  /** Server UTC of its arrival, µs. */
  readonly received: Micros;
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Rows, columns, samples per pixel: (H, W) or (H, W, C); planar 4:2:0 is (H * 3 / 2, W), of odd sizes (samples). */
  readonly shape: readonly number[];
  /** The samples in the frame's own memory, without a copy. Only to be read: others see the same memory. */
  readonly pixels: Pixels;
  /** The samples in memory that will be shown: fill or change it in place and return the frame itself. Copied on the first call only, and not even then where nobody else sees `pixels`, which is then the same memory. */
  edit(): Pixels;
  /** 8-bit RGB, packed, (H, W, 3): the frame's own memory if it is rgb24, else converted, once: before `edit`. */
  rgb(): Uint8Array;
  /**
   * Floats 0 to 1, planar (C, H, W), with C = 3 (`rgb`, default) or 1 (`gray`: light as in ITU-R BT.709), optionally resized (as Pillow's
   * BILINEAR), then `(value - mean) / std` for each channel; as models want them. Full depth; floats keep their range.
   */
  tensor(options?: { channels?: 'rgb' | 'gray'; width?: number; height?: number; mean?: number[]; std?: number[] }): Float32Array;
}

export type VideoAnswer = VideoFrame | Picture | Pixels | typeof WITHHOLD | null | undefined;
/** null or nothing: the original passes. Several pictures need `ids: 'own'`. */
export type VideoResult = VideoAnswer | readonly (VideoFrame | Picture | Pixels)[];

/** Sound that a processor has made: arrays as in `AudioFrame.data`; what is left out is as in the original. */
export type AudioAnswer = AudioFrame | (Pick<AudioFrame, 'data'> & Partial<AudioFrame>) | typeof WITHHOLD | null | undefined;
export type AudioResult = AudioAnswer | readonly (AudioFrame | (Pick<AudioFrame, 'data'> & Partial<AudioFrame>))[];

/** What handlers get beside the frame. */
export interface ProcessorContext<Params, State> {
  /** Id of the processor in its stream. */
  readonly id: string;
  readonly stream: string;
  readonly params: Params;
  /** What `load` has returned. */
  readonly state: State;
  /** Aborted when the frame is given up (deadline) or the processor ends. */
  readonly signal: AbortSignal;
  /** Numbers of the frame at hand. */
  metric(values: Readonly<Record<string, number | null | readonly (number | null)[]>>): void;
  /** An event; without `frame` it belongs to the frame at hand, without `id` to that frame and its label. */
  marker(marker: Pick<FoundMarker, 'label'> & Partial<FoundMarker>): void;
  /** A JSON record of the frame at hand; `{ boxes: [{ x, y, w, h, label?, score?, track? }] }` in source pixels is drawn over the picture. */
  data(record: Readonly<Record<string, Json>>): void;
  /** How long parts of the work on the frame at hand took, ms: `{ pre: 1.2, run: 8 }` is told with histograms in the statistics. */
  timing(parts: Readonly<Record<string, number>>): void;
  log(message: string, values?: Readonly<Record<string, unknown>>): void;
}

export interface LoadContext<Params> {
  readonly id: string;
  readonly stream: string;
  readonly params: Params;
  readonly signal: AbortSignal;
  /** What is being done, and how much of it: 0 to 1, null = not known. Drawn over the picture and shown in the page. */
  progress(message: string, share?: number | null): void;
}

export interface ProcessorDefinition<Schema extends z.ZodType = z.ZodType, State = unknown> {
  /** For people; default: the file's name. */
  readonly name?: string;
  /**
   * Settings that may change while it runs: an object schema. `.meta({ title, unit, group, step, control })` shapes the form; controls are
   * `range`, `number`, `switch`, `select`, `text`, `color`, `trigger`.
   */
  readonly params?: Schema;
  /** `frame` (default): each picture keeps the id of the frame it was made from. `own`: for several pictures per frame, or without input. */
  readonly ids?: 'frame' | 'own';
  /** It runs native code (a model, a codec): its thread is then never ended from outside, which could take the whole server along. */
  readonly native?: boolean;
  /** It waits more than it computes (a network): `parallel` then calls one processor several times at once instead of opening several. */
  readonly concurrent?: boolean;
  /** Runs once before the first frame, and again after a fault: opens models and files. */
  load?(context: LoadContext<z.output<Schema>>): State | Promise<State>;
  /** Frees what `load` has opened. Not called where its thread is ended because it hangs. */
  unload?(state: State): void | Promise<void>;
  /** Frames begin to come. */
  onStart?(context: ProcessorContext<z.output<Schema>, State>): void | Promise<void>;
  /** No more frames will come for now. */
  onStop?(context: ProcessorContext<z.output<Schema>, State>): void | Promise<void>;
  /** New params hold from the next frame on. A throw is reported; they hold all the same. */
  onParams?(params: z.output<Schema>, context: ProcessorContext<z.output<Schema>, State>): void | Promise<void>;
  video?(frame: VideoFrame, context: ProcessorContext<z.output<Schema>, State>): VideoResult | Promise<VideoResult>;
  audio?(frame: AudioFrame, context: ProcessorContext<z.output<Schema>, State>): AudioResult | Promise<AudioResult>;
  /** Makes pictures without input: called again and again (`fps` of the flow paces it). `ids` is `own`. null = none this time. */
  generate?(
    context: ProcessorContext<z.output<Schema>, State>,
  ): Picture | null | typeof WITHHOLD | Promise<Picture | null | typeof WITHHOLD>;
}

/** Any processor, whatever its params. */
// biome-ignore lint/suspicious/noExplicitAny: handlers take their own params, which nobody else knows
export type AnyProcessor = ProcessorDefinition<any, any>;

/** Types a processor; gives it back as it is. */
export function defineProcessor<Schema extends z.ZodType, State = undefined>(
  definition: ProcessorDefinition<Schema, State>,
): ProcessorDefinition<Schema, State> {
  return definition;
}
