// The contract of transports: each is one way from the server to a picture on the screen. A new one is one file and one row in
// transports.ts; player, controls and statistics know only what stands here.
import type { StreamAddress } from './address.ts';
import type { DeepCanvas } from './deep-canvas.ts';
import type { FrameTable } from './frame-table.ts';
import type { ServerClock } from './server-clock.ts';

export type TransportName = 'webrtc' | 'h264' | 'hls' | 'jpeg' | 'mjpeg' | 'lossless';

/** A frame of the stream: `timestamp` is its capture time in µs UTC. */
export interface ShownFrame {
  readonly id: number;
  readonly timestamp: number;
}

/** What is on the screen now. */
export interface ShownPicture {
  /** `null` while the picture's identity is not known yet. */
  readonly frame: ShownFrame | null;
  /** The same frame as before, shown once more because no newer one came. */
  readonly repeat: boolean;
  /** Page time (`performance.now()`) at which it is shown. */
  readonly atMs: number;
}

/** The element that shows the pictures. */
export type PictureElement = HTMLVideoElement | HTMLCanvasElement | HTMLImageElement;

/** Why a transport ended. `unusable`: it will not work in this browser; `lost`: trying again may help. */
export interface TransportFailure {
  readonly kind: 'unusable' | 'lost';
  /** A clause in plain words, such as "the playlist could not be loaded". */
  readonly reason: string;
}

/** What a transport tells the player. */
export interface TransportEvents {
  shown(picture: ShownPicture): void;
  /** Once; then nothing more comes. */
  failed(failure: TransportFailure): void;
  /** The stream has ended for good; the last picture stays. */
  ended(): void;
  /** The browser wants a click before it plays. */
  blocked(): void;
  /** The browser wants a click before it plays sound: it goes on without. */
  silenced(): void;
}

/** What a transport is given. */
export interface TransportContext {
  readonly address: StreamAddress;
  readonly clock: ServerClock;
  readonly events: TransportEvents;
  /** Of the `decoder` attribute; empty: the transport's own choice. */
  readonly decoder: string;
  /** Of the `quality` attribute; empty: automatic. */
  readonly quality: string;
  /** It is opened to seek: nothing plays until then. Only for transports with a way back in time. */
  readonly startPaused: boolean;
  readonly muted: boolean;
  readonly volume: number;
  /** Whether the stream has sound, and whether it has nothing else, as far as is known now. */
  readonly hasSound: () => boolean;
  readonly soundOnly: () => boolean;
}

/** What the server sends, where there is something to choose. */
export interface PictureQuality {
  /** Quality of JPEG, 1 to 100. */
  readonly jpeg: number | null;
  /** Which of several bit rates it is: 1 is the best. */
  readonly rung: { readonly number: number; readonly of: number } | null;
  /** What the encoder aims at, bit/s. */
  readonly bitrate: number | null;
}

/** The way through the network, where the browser tells about it. Counters since the transport was opened. */
export interface NetworkStats {
  readonly packets: number;
  readonly lost: number;
  /** Packets that came again. */
  readonly resends: number;
  /** Questions for packets that were missing. */
  readonly nacks: number;
  readonly jitterMs: number | null;
  /** How long pictures were held back lately. */
  readonly bufferMs: number | null;
  readonly roundTripMs: number | null;
  /** For people, such as `UDP` or `TCP through a relay`. */
  readonly path: string;
}

/** Counters since the transport was opened, and the state of the moment. */
export interface TransportStats {
  /** Page time to which the counters belong. */
  readonly atMs: number;
  readonly bytes: number;
  /** Pictures that came but were not shown, here or at the server. */
  readonly dropped: number;
  /** How the picture is made, such as "Media Source". */
  readonly decoder: string;
  /** Media in front of the picture in s, where there is a buffer. */
  readonly bufferedSeconds: number | null;
  readonly playbackRate: number;
  readonly quality: PictureQuality | null;
  readonly network: NetworkStats | null;
}

/** A moment in the kept media: 90 kHz ticks since the Unix epoch. */
export interface SeekTarget {
  readonly pts: number;
}

/** The way back in time, of transports that have one. */
export interface Dvr {
  readonly table: FrameTable;
  /** First and last capture time that can be reached, µs UTC; `null` before it is known. */
  range(): { start: number; end: number } | null;
  /** Whether it plays at the live edge. */
  readonly live: boolean;
  readonly paused: boolean;
  pause(): void;
  play(): void;
  /** Pauses and shows exactly that picture; resolves when it is on the screen. Rejects with `gone` if it is no longer kept. */
  seek(target: SeekTarget, signal: AbortSignal): Promise<void>;
  /** Plays from the live edge on. */
  goLive(): void;
}

export interface Transport {
  /** Exists from the start; the player puts it into the document. */
  readonly picture: PictureElement;
  readonly dvr: Dvr | null;
  /** The picture with all its values, of transports that bring them. */
  readonly deep?: DeepCanvas;
  /** Stops asking the server for anything; the last picture stays, and is still named if its name was on the way. There is no way back: a new transport is opened instead. */
  halt(): void;
  /** Frees everything, the picture too. */
  close(): void;
  /** The frame that a reader of the picture's pixels gets at this very moment, told or not; `null`: it has no name yet; `undefined`: that
   *  cannot be said, so it is the one told last. Only of transports whose pictures change before it is told. */
  frameNow?(): ShownFrame | null | undefined;
  stats(): TransportStats;
  /** Also when something is known anew of what the stream has. */
  setAudio(muted: boolean, volume: number): void;
  /** How loud it is now, 0 to 1 for full scale; absent, or `null`: not known. */
  level?(): number | null;
}

/** Row of the table of transports. */
export interface TransportRow {
  readonly name: TransportName;
  /** For people. */
  readonly label: string;
  /** Why it cannot be used in this browser, as a clause; `null` if it can. */
  unusable(): string | null;
  readonly hasDvr: boolean;
  readonly hasSound: boolean;
  /** `transport=auto` leaves it out. */
  readonly onlyAsked?: boolean;
  /** `auto` brings up the next one beside it when no picture came within this time, and gives it up after that one, ms. */
  readonly headStartMs: number;
  readonly limitMs: number;
  open(context: TransportContext): Promise<Transport>;
}
