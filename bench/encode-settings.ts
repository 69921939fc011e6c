// What both sides of the encode bench encode.

import type { RenditionSettings } from '../src/encoders/encoder.ts';

/** What is encoded, and how. */
export interface EncodeCase {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** `camera`: RGB24 of a scene; `microscope`: 16-bit gray with the shot noise of a 12-bit sensor. */
  readonly frames: 'camera' | 'microscope';
  readonly settings: RenditionSettings;
}

/** Video for comparison with others. */
export interface VideoCase {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
}

/** It as our encoder gets it: H.264 as streams make it. */
export function h264Case({ name, width, height, bitrate }: VideoCase): EncodeCase {
  const settings = { codec: 'h264', bitrate, preset: null, encoder: null, width: null, height: null, gop: null, options: {} } as const;
  return { name, width, height, frames: 'camera', settings };
}

/** Frames per second of the media time. */
export const FPS = 30;
/** Frames before anything is measured: encoders open, code warms up. */
export const WARM_UP = 30;

/** CPU time of one run. */
export interface EncodeRun {
  readonly cpuMs: number;
  readonly frames: number;
  /** Bytes of the packets. */
  readonly bytes: number;
}
