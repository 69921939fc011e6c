// What both sides of the encode bench encode.

/** Size and bit rate of a case. */
export interface EncodeCase {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
}

/** Frames per second of the media time. */
export const FPS = 30;
/** Frames before anything is measured: encoders open, code warms up. */
export const WARM_UP = 30;

/** CPU time of one run. */
export interface EncodeRun {
  readonly cpuMs: number;
  readonly frames: number;
  /** Bytes of H.264. */
  readonly bytes: number;
}
