// The contract of outputs. An output registers its routes and reads packets from renditions; it never sees a source.
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { Picture } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { Store } from '../timeline/store.ts';
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
      readonly before?: (
        request: IncomingMessage,
        params: Readonly<Record<string, string>>,
        query: URLSearchParams,
      ) => void | Promise<void>;
    },
  ): void;
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

/** What an output is given. */
export interface OutputContext {
  readonly app: FastifyInstance;
  readonly upgrades: UpgradeRoutes;
  readonly registry: Registry;
  readonly store: Store;
  /** Folder for media. */
  readonly mediaDir: string;
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
