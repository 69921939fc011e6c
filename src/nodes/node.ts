// The contract of nodes: user code that only yields arrays, numbers and events. A node runs once, in the program of the server, however
// many pages are open; it never waits for viewers.
import type { z } from 'zod';
import type { DataInput, MarkerInput } from '../api/timeline.ts';
import type { Clock } from '../core/clock.ts';
import type { PixelFormat } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';

/** Pixels of a frame: rows without padding unless `stride` says otherwise. */
export type Pixels = Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array;

/** A number, a vector of up to 1,024, or a gap. */
export type NodeValue = number | null | ArrayLike<number>;

/** How a frame is laid out. What a node declares for all its frames need not be said with each of them. */
export interface FrameShape {
  /** Pixels. */
  readonly width?: number;
  /** Pixels. */
  readonly height?: number;
  /** Default by the kind of array: gray, gray16le, grayf32le. */
  readonly format?: PixelFormat | 'gray8';
  /** Bits of a sample that carry signal. */
  readonly significantBits?: number;
}

/** What is said of one frame. */
export interface FrameOptions extends FrameShape {
  /** Capture time: integer µs since the Unix epoch, or RFC 3339. Default: when the node began to make it. */
  readonly timestamp?: number | string;
  /** Time of the camera's own clock: integer µs, any zero. Mapped to UTC. */
  readonly deviceTimestamp?: number;
  /** JSON that goes with the frame. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Bytes of a row of the first plane. */
  readonly stride?: number;
}

/**
 * A part of what a node yields; any of the keys. Metrics, markers and data are bound to the frame that they are yielded with, else to the
 * frame before, unless `timestamp` says otherwise (in markers and data: their own `frame` and `timestamp`).
 */
export interface NodePart extends FrameOptions {
  readonly pixels?: Pixels;
  readonly metrics?: Readonly<Record<string, NodeValue>>;
  readonly marker?: MarkerInput | readonly MarkerInput[];
  readonly data?: DataInput | readonly DataInput[];
  /** Whether it acquires pictures from now on: starts and stops the live view of its stream. */
  readonly acquisition?: boolean;
}

/** What a node may yield: pixels, a part, or several of them (at most one frame) that belong to the same instant. */
export type NodeItem = Pixels | NodePart | readonly (Pixels | NodePart)[];

/** A frame, to be yielded. */
export function frame(pixels: Pixels, options: FrameOptions = {}): NodePart {
  return { ...options, pixels };
}

/** What a node is given each time that it starts. */
export interface NodeContext<Params = unknown> {
  readonly name: string;
  readonly stream: string;
  readonly params: Params;
  /** The server's clock, µs UTC: for capture times of your own. */
  readonly clock: Clock;
  /** Aborted when the node must stop: at once, and within two seconds when the server closes. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** 1 at the first start, then one more each time. */
  readonly run: number;
}

/** What a node of callbacks is given. Nothing here throws or waits. */
export interface CallbackContext<Params = unknown> extends NodeContext<Params> {
  /** Sends what a generator would yield. */
  emit(item: NodeItem): void;
  /** Ends this run as failed. */
  fail(error: unknown): void;
  /** Ends this run. */
  end(): void;
}

type Cleanup = () => unknown;

interface SourceBase extends FrameShape {
  /** Ticks per second on a grid of due times: the generator goes on at its next one. Absent: at once. */
  readonly fps?: number;
}

/** Either a generator, or callbacks that are opened and closed. */
type Making<Params> =
  | { readonly run: (context: NodeContext<Params>) => AsyncIterable<NodeItem> | Iterable<NodeItem>; readonly open?: never }
  | { readonly open: (context: CallbackContext<Params>) => Cleanup | undefined | Promise<Cleanup | undefined>; readonly run?: never };

/** A source of your own, made by `defineSource`. */
export interface NodeSource extends SourceBase {
  readonly kind: 'node';
  readonly params: z.ZodType | null;
  readonly run: ((context: NodeContext<never>) => AsyncIterable<NodeItem> | Iterable<NodeItem>) | null;
  readonly open: ((context: CallbackContext<never>) => Cleanup | undefined | Promise<Cleanup | undefined>) | null;
}

/**
 * Defines a source: `run`, a generator that yields, or `open`, callbacks that emit and a function that closes them. `params` is a zod schema
 * of what it can be given.
 */
export function defineSource<Schema extends z.ZodType>(
  definition: SourceBase & { readonly params: Schema } & Making<z.output<Schema>>,
): NodeSource;
export function defineSource(definition: SourceBase & { readonly params?: never } & Making<undefined>): NodeSource;
export function defineSource(definition: SourceBase & { readonly params?: z.ZodType } & Making<never>): NodeSource {
  return { ...definition, kind: 'node', params: definition.params ?? null, run: definition.run ?? null, open: definition.open ?? null };
}

/** Whether a value was made by `defineSource`. */
export function isNodeSource(value: unknown): value is NodeSource {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'node';
}
