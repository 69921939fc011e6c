// How loud the sound is: peak and mean (root of the mean square) of each channel over a tenth of a second, in dB of full scale.
import type { AudioFrame } from '../../core/audio.ts';
import { toPlanes } from '../../formats/sound.ts';

/** Length of a reading, µs. */
const WINDOW_US = 100_000;
/** Silence has no level; what is lower than 20 bits is told as this. */
export const LEAST_DB = -120;

export interface Level {
  /** Capture time of its first sample, µs. */
  readonly timestamp: number;
  /** dBFS of each channel. */
  readonly peak: readonly number[];
  readonly rms: readonly number[];
}

export class LevelMeter {
  #start = 0;
  #count = 0;
  #peaks: number[] = [];
  #squares: number[] = [];

  /** Takes a block in; the reading that ends with it, `null` while one is under way. */
  add(block: AudioFrame): Level | null {
    if (this.#peaks.length !== block.channels) this.#begin(block);
    for (const [channel, plane] of toPlanes(block).entries()) {
      let peak = this.#peaks[channel]!;
      let squares = this.#squares[channel]!;
      for (const value of plane) {
        const size = Math.abs(value);
        if (size > peak) peak = size;
        squares += value * value;
      }
      this.#peaks[channel] = peak;
      this.#squares[channel] = squares;
    }
    this.#count += block.samples;
    if (this.#count < (WINDOW_US * block.rate) / 1e6) return null;
    const level = {
      timestamp: this.#start,
      peak: this.#peaks.map(decibels),
      rms: this.#squares.map((sum) => decibels(Math.sqrt(sum / this.#count))),
    };
    this.#peaks = [];
    return level;
  }

  #begin({ timestamp, channels }: AudioFrame): void {
    this.#start = timestamp;
    this.#count = 0;
    this.#peaks = Array.from({ length: channels }, () => 0);
    this.#squares = Array.from({ length: channels }, () => 0);
  }
}

/** Rounded to a tenth. */
function decibels(size: number): number {
  return Math.max(LEAST_DB, Math.round(200 * Math.log10(size)) / 10);
}

const CHANNELS: Readonly<Record<number, readonly string[]>> = { 1: [''], 2: ['.left', '.right'] };

/** Metrics of a reading, a number for each channel: `audio.peak` of mono, `audio.peak.left` and `.right` of stereo, `.1`, `.2` and so on beyond. */
export function levelMetrics({ peak, rms }: Level): Record<string, number> {
  const names = CHANNELS[peak.length] ?? peak.map((_, channel) => `.${channel + 1}`);
  const values: Record<string, number> = {};
  for (const [channel, name] of names.entries()) {
    values[`audio.peak${name}`] = peak[channel]!;
    values[`audio.rms${name}`] = rms[channel]!;
  }
  return values;
}
