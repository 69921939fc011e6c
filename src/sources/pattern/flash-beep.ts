// Sound and sight of whole seconds: a beep whose first sample lies exactly on the second, and a square that is white while it lasts.
import type { PixelFormat } from '../../core/frame.ts';
import { FORMATS } from '../../core/frame.ts';
import type { Micros } from '../../core/time.ts';
import type { SoundBlock } from '../source.ts';

/** Hz; samples of a beep are the same in every second. */
export const BEEP_RATE = 48_000;
/** Length of beep and flash, µs. */
export const BEEP_US = 100_000;
/** Length of a block, µs. */
export const BLOCK_US = 20_000;
const BEEP_HZ = 1000;
const BEEP_LEVEL = 0.5;
const TONE_LEVEL = 0.01;
/** The beep begins at once and fades at its end: what is measured is its beginning, samples. */
const FADE = 240;
const SECOND_US = 1_000_000;

/** Whether the square is white in a picture of this time. */
export function flashes(timestamp: Micros): boolean {
  return timestamp % SECOND_US < BEEP_US;
}

/** The square in the lower right corner, pixels. */
export function flashSquare(width: number, height: number): { x: number; y: number; side: number } {
  const side = Math.max(4, Math.floor(Math.min(width, height) / 6));
  return { x: width - side, y: height - side, side };
}

/** Draws the square: white or black. */
export function drawFlash(
  samples: Uint8Array | Uint16Array,
  format: PixelFormat,
  width: number,
  height: number,
  on: boolean,
  levels: { readonly black: number; readonly white: number },
): void {
  const { x, y, side } = flashSquare(width, height);
  const { channels } = FORMATS[format];
  for (let row = y; row < y + side; row++) {
    const from = (row * width + x) * channels;
    samples.fill(on ? levels.white : levels.black, from, from + side * channels);
  }
}

/** The block that begins at `timestamp`, which is a multiple of its length. `tone`: Hz, 0 = none. */
export function beepBlock(timestamp: Micros, tone: number): SoundBlock {
  const count = (BLOCK_US * BEEP_RATE) / SECOND_US;
  const plane = new Float32Array(count);
  const inSecond = (timestamp % SECOND_US) * (BEEP_RATE / SECOND_US);
  const beep = (BEEP_US * BEEP_RATE) / SECOND_US;
  // Whole periods of any whole number of Hz fit into a second.
  const second = Math.floor(timestamp / SECOND_US) % 3600;
  for (let i = 0; i < count; i++) {
    const at = inSecond + i;
    let value = 0;
    if (at < beep) {
      // A cosine: the first sample is already loud.
      const fade = Math.min(1, (beep - at) / FADE);
      value += BEEP_LEVEL * fade * Math.cos((2 * Math.PI * BEEP_HZ * at) / BEEP_RATE);
    }
    if (tone) value += TONE_LEVEL * Math.sin((2 * Math.PI * tone * (second * BEEP_RATE + at)) / BEEP_RATE);
    plane[i] = value;
  }
  return { timestamp, rate: BEEP_RATE, channels: 2, samples: count, format: 'fltp', data: [plane, plane.slice()] };
}
