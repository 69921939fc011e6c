// One running stream of a processor server, as its REST routes see it. `openStreamSession(request, deps)` of `stream-session.ts` starts one.

import type { InlineConfig } from '../api/schema.ts';
import type { PixelFormat } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import type { PcmSound } from '../formats/wav.ts';
import type { ResolvedProcessor } from '../pipeline/chain/chain.ts';
import type { SluiceServer } from '../server/server.ts';

/** Body of `POST /stream/start`, checked. */
export interface StartRequest {
  readonly subscribe_url: string | null;
  readonly publish_url: string | null;
  readonly control_url: string | null;
  readonly events_url: string | null;
  readonly data_url: string | null;
  /** Id of the stream: several run side by side under different ones. */
  readonly gateway_request_id: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Figures of `GET /stream/status`, 1/s. */
export interface SessionFps {
  readonly ingress_video_fps: number;
  readonly ingress_audio_fps: number;
  readonly egress_video_fps: number;
  readonly egress_audio_fps: number;
}

/** How a session ended. `error`: the reason in a sentence unless it ended as it should. */
export interface SessionEnd {
  readonly reason: 'stopped' | 'input-ended' | 'input-not-found' | 'output-ended' | 'failed';
  readonly error: string | null;
}

export interface StreamSession {
  readonly request: StartRequest;
  /** Name of its stream in the server: what the page shows. */
  readonly stream: string;
  readonly ended: Promise<SessionEnd>;
  fps(): SessionFps;
  /** Params from REST or the control channel, all checked first: those of the input act on it, all go to the user's function. Throws `bad-value`, `processor-failed`. */
  updateParams(params: Readonly<Record<string, unknown>>): Promise<void>;
  setLoading(active: boolean): void;
  /** Frames per second that the processor is given; `null` = as they come. */
  setTargetFps(fps: number | null): void;
  /** A picture for a stream without input (no `subscribe_url`), made elsewhere: it goes through the processor as any other. Throws `conflict` where there is an input. */
  sendInputFrame(frame: InputFrame): void;
  /** Sound for a stream without input. */
  sendInputSound(sound: PcmSound, timestamp?: Micros): void;
  /** Queued for the data channel. False if there is none or the stream is ending. */
  sendData(text: string): boolean;
  sendEvent(event: Readonly<Record<string, unknown>>, type: string): boolean;
  /** Ends it: output, events and data channels are closed (deleted). Idempotent. */
  stop(reason?: string): Promise<void>;
}

/** A picture that somebody hands in. */
export interface InputFrame {
  /** Tightly packed. */
  readonly pixels: Uint8Array | Uint16Array | Float32Array;
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  /** µs UTC; default: now. */
  readonly timestamp?: Micros;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What viewers see while the processor gives nothing. */
export interface OverlaySettings {
  /** `progressbar` (default): a bar over the picture. `passthrough`: never drawn, and what is withheld is not shown. */
  readonly mode?: 'progressbar' | 'passthrough';
  /** Default `Loading...`. */
  readonly message?: string;
  /** 0 to 1; `null` (default) = not known, the bar runs to and fro. */
  readonly progress?: number | null;
  /** Default true. */
  readonly enabled?: boolean;
  /** Drawn by itself after so many seconds without a processed picture; `null` = never. Default 1.5. */
  readonly autoTimeout?: number | null;
  /** So many processed pictures in a row end it. Default 1. */
  readonly framesToDisable?: number;
}

export interface SessionSettings {
  /** Between two segments of the data channel, s. Default 0.333. */
  readonly dataInterval?: number;
  /** Data records of the processor (`context.data`) go to the data channel too, as JSON. Default false. */
  readonly dataRecords?: boolean;
  readonly overlay?: OverlaySettings;
  /** Frames per second that the processor is given; `null` (default) = as they come. */
  readonly targetFps?: number | null;
  /** How often it is thought over which frames are left out for `targetFps`, s. Default 0.5. */
  readonly adaptationCooldown?: number;
  /** Frames that may wait for the processor. Default 15; the oldest goes. */
  readonly queue?: number;
  /** Longest time for one frame, s: then the processor is given up and started again. Default 30. */
  readonly deadline?: number;
}

/** Calls of a stream's life that go elsewhere than to a processor in this program: a program of another language gets them by lines. */
export interface SessionHooks {
  /** The stream is there; no frame has come. What it throws ends the start. */
  started?(session: StreamSession): Promise<void>;
  /** New params, checked; the processor itself is then told nothing. What it throws is the answer, and those before hold. */
  params?(session: StreamSession, params: Readonly<Record<string, unknown>>): Promise<void>;
  /** The stream has ended, its processor too. */
  stopped?(session: StreamSession, end: SessionEnd): Promise<void>;
}

/** The processor that all streams of the server have in common. */
export interface ServedProcessor {
  /** Makes pictures without input. */
  readonly generates: boolean;
  /** How it is run for a stream. */
  resolve(stream: string, config: InlineConfig): ResolvedProcessor;
}

export interface SessionDeps {
  readonly server: SluiceServer;
  readonly log: Logger;
  /** `SharedProcessor` (loaded once for all streams), or what runs in another program. */
  readonly processor: ServedProcessor;
  readonly settings?: SessionSettings;
  readonly hooks?: SessionHooks;
}
