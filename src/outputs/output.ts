// The contract of outputs. An output registers its routes and reads packets from renditions; it never sees a source.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { Picture } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { Store } from '../timeline/store.ts';
import type { StreamTimeline } from '../timeline/timeline.ts';
import type { TrickleChannels } from '../trickle/channels.ts';
import type { LifeSigns } from './life-signs.ts';
import type { LiveViews } from './live-views/live-views.ts';
import type { OutputMeter } from './meter.ts';

/** Routes of WebSocket upgrades, as the server's dispatcher offers them. */
export interface UpgradeRoutes {
  route(
    pattern: string,
    handler: (
      ws: WebSocket,
      request: IncomingMessage,
      params: Readonly<Record<string, string>>,
      query: URLSearchParams,
    ) => void | Promise<void>,
    options?: {
      readonly maxPayload?: number;
      /** Silence, ms, after which a client that sends messages counts as dead although it was asked. */
      readonly silenceMs?: (query: URLSearchParams) => number | undefined;
      readonly before?: (
        request: IncomingMessage,
        params: Readonly<Record<string, string>>,
        query: URLSearchParams,
      ) => void | Promise<void>;
    },
  ): void;
  /** Leaves admitted upgrades of a path to a library that speaks WebSocket itself. `url` of the request is without the base path. */
  passOn(path: string, handler: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
}

/** A picture with its identity. */
export interface TakenFrame {
  readonly info: { readonly id: number; readonly timestamp: Micros };
  readonly picture: Picture;
  /** Decoded from a recording: not the captured values any more. */
  readonly lossy: boolean;
}

/** Which older picture is asked for: one of both. */
export interface WantedFrame {
  readonly frame?: number | undefined;
  readonly timestamp?: Micros | undefined;
}

/** An answer of status 200. */
export interface DirectAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Looks at a plain GET before the framework does: `null` = not mine. Else a function that makes the answer once the client is admitted;
 *  its `null` hands the request on, so that errors are told in one place. */
export type DirectHandler = (
  url: string,
  request: IncomingMessage,
) => ((response: ServerResponse) => Promise<DirectAnswer | null> | DirectAnswer | null) | null;

/** Settings of WebRTC (`webrtc` of the configuration). */
export interface WebRtcConfig {
  /** UDP port to begin the search for a free one at; 0 = any. */
  readonly port: number;
  /** `stun:host:port`, `turn:user:password@host:port`. */
  readonly iceServers: readonly string[];
  /** How long receivers hold pictures back, ms; `null` leaves it to them. */
  readonly playoutDelay: { readonly min: number; readonly max: number } | null;
}

/** Trickle channels under `/trickle/` of this server. */
export interface TrickleChannelsOfServer {
  readonly channels: TrickleChannels;
  /** Asked when somebody reads a channel that is not there: may make it. Returns a function that asks no more. */
  onMissing(handler: (name: string, request: IncomingMessage) => void | Promise<void>): () => void;
}

/** What an output is given. */
export interface OutputContext {
  readonly app: FastifyInstance;
  readonly upgrades: UpgradeRoutes;
  /** Requests that come so often that the framework would cost more than the answer. */
  readonly direct: (handler: DirectHandler) => void;
  readonly registry: Registry;
  readonly store: Store;
  /** Markers, metrics and data of a stream. Throws `unknown-stream`. */
  readonly timeline: (stream: string) => StreamTimeline;
  /** Folder for media. */
  readonly mediaDir: string;
  /** Where recordings are made, and the bytes of its disk that they leave free. */
  readonly recordings: { readonly dir: string; readonly minFree: number };
  /** Bytes that all media together may take. */
  readonly maxBytes: number;
  readonly log: Logger;
  /** Aborted when the server closes. */
  readonly signal: AbortSignal;
  /** `token=…` or empty: what addresses inside playlists must carry on. */
  readonly tokenQuery: (request: FastifyRequest) => string;
  /** An older picture, from whichever output keeps it. */
  readonly findFrame: (stream: Stream, want: WantedFrame) => Promise<TakenFrame | null>;
  /** Work that must be done before the server has closed. */
  readonly removing: (work: Promise<void>) => void;
  /** Address on which the server listens; `null` = all. */
  readonly host: string | null;
  readonly webrtc: WebRtcConfig;
  readonly trickle: TrickleChannelsOfServer;
  /** The stream that a program publishes into; made on the way unless that is switched off. */
  readonly forPush: (stream: string) => Promise<Stream>;
  /** Which detectors are viewed, and the params of viewers who say nothing themselves. */
  readonly liveViews: LiveViews;
  /** Of viewers whose own connection carries no signs of life. */
  readonly lifeSigns: LifeSigns;
  /** Counters of one output of one stream. */
  readonly meter: (output: string, stream: string) => OutputMeter;
}

/** A running output. */
export interface Output {
  /** Finds an older picture in what this output keeps; `null` = not kept. */
  findFrame?(stream: Stream, want: WantedFrame): Promise<TakenFrame | null>;
  /** What it keeps on disk or ends by itself. */
  close?(): Promise<void>;
}

/** A row of the table of outputs. */
export interface OutputRow {
  readonly name: string;
  readonly open: (context: OutputContext) => Output | Promise<Output>;
}
