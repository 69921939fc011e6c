// A red and a blue square on moving gray: what a detector is tried on. Where they are follows from the capture time alone, so whoever
// knows the time of a picture knows the truth.
import type { Micros } from '../../core/time.ts';
import type { MakePattern } from './kind.ts';

/** A square in pixels, 0-based from the top left. */
export interface Square {
  readonly label: 'red' | 'blue';
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

const COLOURS = { red: [230, 60, 60], blue: [60, 90, 230] } as const;
/** Seconds of a whole way to and fro, horizontally and vertically. */
const PERIODS = { red: [7, 4.3], blue: [5.2, 6.1] } as const;
/** Gray waves that pass in a second, and their levels. */
const WAVES = 0.4;
const [LEAST, MOST] = [40, 190];

/** Where the squares are at a time (µs): the red one in the upper half, the blue one in the lower. `top`: rows that the barcode covers. */
export function squaresAt(timestamp: Micros, width: number, height: number, top: number): Square[] {
  const room = height - top;
  const half = room / 2;
  return (['red', 'blue'] as const).map((label, lane) => {
    const side = Math.max(1, Math.min(width, Math.floor(half), Math.round(Math.min(width, height) / (lane ? 8 : 6))));
    const [across, down] = PERIODS[label];
    // Whole periods are taken off first: microseconds since 1970 leave no digits for a sine.
    const swing = (seconds: number) => 0.5 - 0.5 * Math.cos(((timestamp % (seconds * 1e6)) / (seconds * 1e6)) * 2 * Math.PI);
    const x = Math.round(swing(across) * (width - side));
    const y = Math.floor(top + lane * half + swing(down) * Math.max(0, Math.floor(half) - side));
    return { label, x, y, side };
  });
}

export const squares: MakePattern = (width, height, top) => {
  const stride = width * 3;
  const wave = Math.max(8, width >> 2);
  const row = new Uint8Array((width + wave) * 3);
  for (let x = 0; x < width + wave; x++) {
    const level = Math.round(LEAST + (MOST - LEAST) * (0.5 - 0.5 * Math.cos((x / wave) * 2 * Math.PI)));
    row.fill(level, x * 3, x * 3 + 3);
  }
  const lines = { red: line('red', width), blue: line('blue', width) };
  return {
    format: 'rgb24',
    significantBits: 8,
    black: 0,
    white: 255,
    draw(pixels, { timestamp, elapsed }) {
      const phase = Math.floor(elapsed * WAVES * wave);
      // Each row lies a little further on: the waves are aslant.
      for (let y = 0; y < height; y++) {
        const from = ((phase + (y >> 1)) % wave) * 3;
        pixels.set(row.subarray(from, from + stride), y * stride);
      }
      for (const { label, x, y, side } of squaresAt(timestamp, width, height, top)) {
        const part = lines[label].subarray(0, side * 3);
        for (let line = y; line < Math.min(height, y + side); line++) pixels.set(part, line * stride + x * 3);
      }
    },
  };
};

function line(label: Square['label'], width: number): Uint8Array {
  const pixels = new Uint8Array(width * 3);
  for (let x = 0; x < width; x++) pixels.set(COLOURS[label], x * 3);
  return pixels;
}
