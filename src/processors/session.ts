// What the chain asks of a processor at work, whatever it is: a user's file or a built-in in a worker thread, an object on the main thread,
// a process of another language, a model. A kind of processor is one file with `openSession(spec, host)` and one row in `sessions.ts`.
import type { z } from 'zod';
import type { AudioFrame } from '../core/audio.ts';
import type { FrameInfo, PixelFormat } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import type { Findings } from './processor.ts';

/** What a session is opened with; it crosses threads, so it is plain data. */
export interface SessionSpec {
  /** Id of the processor in its stream. */
  readonly id: string;
  readonly stream: string;
  /** Row of `SESSIONS`. */
  readonly kind: string;
  /** What it uses, as the configuration says it: a name, or the absolute path of a file. */
  readonly use: string;
  /** As the configuration says them: the session checks them. */
  readonly params: unknown;
  /** What this kind needs beside that, plain data. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What findings belong to: a frame, or (id 0) a time. */
export interface FoundAt {
  readonly id: number;
  /** Capture time, µs UTC. */
  readonly timestamp: number;
}

/** Where a session says what it has to say, at any time. */
export interface SessionHost {
  /** Server UTC, µs. */
  now(): Micros;
  /** Loading goes on: what is being done, and how much of it is done, 0 to 1; null = not known. */
  progress(message: string, share: number | null): void;
  /** Metrics, markers, data of a frame or block of sound. */
  found(findings: Findings, at: FoundAt): void;
  /** Parts of the time for the frame at hand, ms. */
  timing(parts: Readonly<Record<string, number>>): void;
  log(message: string, values?: Readonly<Record<string, unknown>>): void;
  /** Parses with a zod schema of the processor. Throws `bad-value`, `unknown-key` with a sentence per problem. */
  parse(schema: z.ZodType, input: unknown): Record<string, unknown>;
  /** It cannot go on (a process has gone): the chain closes it and opens another one. */
  broken(error: unknown): void;
  /**
   * What it runs elsewhere has gone (a program has ended): no frames come until `back`. Frames that are with it are to be refused with the same
   * error. `how` says what it was.
   */
  away(error: unknown, how: 'crash' | 'timeout'): void;
  /** It is there again. */
  back(info: SessionInfo): void;
}

/** What is known of a processor once it is loaded; plain data. */
export interface SessionInfo {
  readonly name: string;
  readonly video: boolean;
  readonly audio: boolean;
  readonly generates: boolean;
  readonly ids: 'frame' | 'own';
  /** It runs native code (a model, a codec): its thread is never ended from outside, but left to end by itself and replaced. */
  readonly native: boolean;
  /** Whether it takes several frames at a time by itself (waits for a network or a process); otherwise `parallel` opens several sessions. */
  readonly concurrent: boolean;
  /** JSON Schema (draft 2020-12) of its params; null = it has none. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  /** The params that hold, complete with defaults. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** Geometry, and what else is to be known, of a picture that a session has written. */
export interface MadePicture {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  /** Default: that of the format, or of the input where that has the same format. */
  readonly significantBits?: number;
  /** Only with `ids: 'own'`; must rise. */
  readonly timestamp?: Micros;
  /** Laid over the metadata of the input. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Memory for pictures that will be shown. */
export interface PictureRoom {
  /**
   * Room for the next picture, tightly packed; at once where the slot at hand is large enough, which is so for the first picture if it is not
   * larger than the input. Fill all of it: other pictures lay there before. Throws `frame-too-large`.
   */
  room(format: PixelFormat, width: number, height: number): Uint8Array | Promise<Uint8Array>;
}

/** A picture in the chain, lent until `video` has settled. */
export interface ChainFrame extends PictureRoom {
  readonly info: FrameInfo;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Exactly the tightly packed picture (`planesOf`), in shared memory. Only to be read. */
  readonly input: Uint8Array;
  /** Room with a copy of the input, to be changed in place. At most once. */
  edit(): Uint8Array;
  /** Aborted when the frame is given up: at the deadline, or when the processor ends. */
  readonly signal: AbortSignal;
}

/**
 * What became of a frame. `pictures` in the order in which their room was asked for; `edit` counts as room. Several pictures, or one with a
 * time of its own, only with `ids: 'own'`.
 */
export type VideoOutcome = 'pass' | 'withhold' | { readonly pictures: readonly MadePicture[] };
export type AudioOutcome = 'pass' | 'withhold' | { readonly blocks: readonly AudioFrame[] };

/**
 * A processor at work. Calls come one at a time and in the order of the frames, unless it is `concurrent`. A throw counts the frame as
 * failed and changes nothing else.
 */
export interface Session {
  /** Checks the params, opens models and files. Throws `bad-value`, `processor-failed`: it is then tried again with back-off. */
  load(signal: AbortSignal): SessionInfo | Promise<SessionInfo>;
  /** Frames begin to come, or have ended for now. */
  start?(): void | Promise<void>;
  stop?(): void | Promise<void>;
  video?(frame: ChainFrame): VideoOutcome | Promise<VideoOutcome>;
  audio?(block: AudioFrame, signal: AbortSignal): AudioOutcome | Promise<AudioOutcome>;
  /** Makes pictures without input; null = none this time. */
  generate?(room: PictureRoom, signal: AbortSignal): readonly MadePicture[] | null | Promise<readonly MadePicture[] | null>;
  /** Lays `values` over the params that hold and checks the whole; nothing changes. Gives the complete params. Throws `bad-value`, `unknown-key`. */
  validate(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  /** Takes params that `validate` has given. The chain calls it between two frames: the next one is the first that sees them. */
  apply(params: Readonly<Record<string, unknown>>): void | Promise<void>;
  /** Frees everything, and ends what is still at work (its signal is aborted). */
  close(): void | Promise<void>;
}

/** Opens a processor; nothing is loaded yet. */
export type OpenSession = (spec: SessionSpec, host: SessionHost) => Session | Promise<Session>;
