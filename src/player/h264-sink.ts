// What the ways from H.264 fragments to pixels have in common.
import type { ShownFrame } from './transport.ts';

/** A picture of the stream on its way to the screen. */
export interface H264Frame {
  /** `moof` + `mdat` of one frame. */
  readonly fragment: Uint8Array<ArrayBuffer>;
  /** Length-prefixed NAL units: what lies in `mdat`. */
  readonly sample: Uint8Array<ArrayBuffer>;
  readonly id: number;
  /** Capture time, µs UTC. */
  readonly timestamp: number;
  /** Media time, 90 kHz ticks since the Unix epoch. */
  readonly pts: number;
  readonly key: boolean;
  readonly repeat: boolean;
}

/** What every decoder must know first; comes again when the track changes. */
export interface H264Init {
  /** `avc1.42c01f` */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Init segment (`ftyp` + `moov`). */
  readonly segment: Uint8Array<ArrayBuffer>;
}

/** A way from fragments to pixels. It tells `shown` and `failed` of the context by itself. */
export interface H264Sink {
  readonly picture: HTMLVideoElement | HTMLCanvasElement;
  /** For people. */
  readonly name: string;
  readonly dropped: number;
  readonly bufferedSeconds: number | null;
  readonly playbackRate: number;
  /** See `Transport`. */
  frameNow?(): ShownFrame | null | undefined;
  init(init: H264Init): void;
  push(frame: H264Frame): void;
  halt(): void;
  close(): void;
  setAudio(muted: boolean, volume: number): void;
}

/** The Media Source of this browser; the managed one is that of iPhones. */
export function mediaSource(): typeof MediaSource | null {
  const { MediaSource: plain, ManagedMediaSource: managed } = globalThis as typeof globalThis & { ManagedMediaSource?: typeof MediaSource };
  return plain ?? managed ?? null;
}
