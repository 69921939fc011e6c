// What a player is given, what it tells, and its figures.
import type { StreamInfo } from '../api/schema.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { StreamAddress } from './address.ts';
import type { FigureValues } from './figures.ts';
import type { Stage } from './stage.ts';
import type { PlayerState, Status } from './status.ts';
import type { ShownFrame, TransportName, TransportStats } from './transport.ts';

export interface PlayerOptions {
  readonly address: StreamAddress;
  readonly stage: Stage;
  /** `auto` or the name of a transport. */
  readonly transport: string;
  readonly decoder: string;
  /** Of JPEG: 5 to 100; empty: what the connection carries. */
  readonly quality: string;
  readonly autoplay: boolean;
  readonly muted: boolean;
  readonly volume: number;
}

/** A picture that was put on the screen. */
export interface FrameEvent extends ShownFrame {
  /** Capture to screen in ms by the server's clock; `null` before that is known, and when not live. */
  readonly latencyMs: number | null;
  /** The same frame as before, once more. */
  readonly repeat: boolean;
}

export interface PlayerEvents {
  frame: FrameEvent;
  statechange: Status & { readonly previous: PlayerState };
  transportchange: { readonly transport: TransportName; readonly previous: TransportName | null; readonly reason: string };
  error: { readonly code: ErrorCode; readonly message: string };
  /** Sound was switched on or off, or its volume changed, by whomever. */
  volumechange: { readonly muted: boolean; readonly volume: number };
  /** A short word for the viewer, such as "This is the newest frame." */
  notice: string;
  /** Size, state or anything else that the server says about the stream. */
  info: StreamInfo | null;
}

/** Figures of the moment, for the statistics. */
export interface PlayerStats extends TransportStats, FigureValues {
  readonly transport: string;
  /** Why this one: a clause or a sentence in plain words. */
  readonly reason: string;
  /** When it was opened, page time in ms. */
  readonly openedMs: number;
  /** Viewers of the stream now, on all ways; `null` while the server has not told. */
  readonly viewers: number | null;
  /** New frames shown since the transport was opened. */
  readonly shown: number;
  readonly latencyMs: number | null;
  readonly behindMs: number | null;
  readonly roundTripMs: number | null;
  /** The server's clock minus the system clock of this computer, and how far that may be off. */
  readonly clockOffsetMs: number | null;
  readonly clockDoubtMs: number | null;
}
