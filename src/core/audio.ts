// What a block of sound is: its samples, its layout, its identity and its times.
import type { Micros } from './time.ts';

/** Sample formats, named as in FFmpeg. `s16` is interleaved, -32768 to 32767; `fltp` is planar, -1 to 1. */
export type SampleFormat = 's16' | 'fltp';

/** Most channels of a block. */
export const MAX_CHANNELS = 8;
/** Sample rates that are accepted, Hz. */
export const MIN_RATE = 8000;
export const MAX_RATE = 192_000;

/** A block of sound. Its first sample was captured at `timestamp`; the n-th lies `n / rate` seconds later. */
export interface AudioFrame {
  /** Id of the block in its stream, from 1; counted apart from those of pictures. */
  readonly id: number;
  /** Capture time of the first sample, µs UTC. */
  readonly timestamp: Micros;
  /** Server UTC of its arrival, µs. */
  readonly received: Micros;
  /** Hz */
  readonly rate: number;
  /** Name as in FFmpeg: `mono`, `stereo`, `5.1`, otherwise `N channels`. */
  readonly layout: string;
  readonly channels: number;
  /** Samples of each channel. */
  readonly samples: number;
  readonly format: SampleFormat;
  /** `s16`: one array of samples * channels, interleaved. `fltp`: one array for each channel. */
  readonly data: readonly (Int16Array | Float32Array)[];
}

/** Name of the layout of a number of channels. */
export function layoutOf(channels: number): string {
  return { 1: 'mono', 2: 'stereo', 6: '5.1', 8: '7.1' }[channels] ?? `${channels} channels`;
}

/** How long a block lasts, µs. */
export function audioDuration({ samples, rate }: Pick<AudioFrame, 'samples' | 'rate'>): number {
  return (samples * 1_000_000) / rate;
}
