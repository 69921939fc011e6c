// A rolling checkerboard. At random moments (waits of 20 s on average) a mint square shows for 2 s: an event to be found again.
import type { MakePattern } from './kind.ts';
import { exponential, random } from './random.ts';

const DARK = 56;
const LIGHT = 200;
/** Red, green, blue of the event. */
const MINT = [62, 222, 160] as const;
const MEAN_WAIT_S = 20;
const EVENT_S = 2;
/** Squares that pass in a second. */
const SPEED = 1;

export const checkerboard: MakePattern = (width, height, top, seed) => {
  const cell = Math.max(4, Math.round(Math.min(width, height) / 9));
  const stride = width * 3;
  // One row of each parity, longer by one period: any phase of the roll is a part of it.
  const rows = [0, 1].map((parity) => {
    const row = new Uint8Array((width + 2 * cell) * 3);
    for (let x = 0; x < width + 2 * cell; x++) row.fill((Math.floor(x / cell) + parity) % 2 ? LIGHT : DARK, x * 3, x * 3 + 3);
    return row;
  });
  const side = Math.min(2 * cell, width - Math.min(cell, width >> 2), height - top);
  const left = Math.min(cell, width >> 2);
  const upper = Math.min(top + (cell >> 1), height - side);
  const mint = new Uint8Array(Math.max(0, side) * 3);
  for (let i = 0; i < mint.length; i++) mint[i] = MINT[i % 3]!;
  const next = random(seed, 1);
  let event = exponential(next, MEAN_WAIT_S);
  return {
    format: 'rgb24',
    significantBits: 8,
    black: 0,
    white: 255,
    draw(pixels, { elapsed }) {
      const phase = Math.floor(elapsed * SPEED * cell) % (2 * cell);
      for (let band = 0; band * cell < height; band++) {
        const row = rows[band % 2]!.subarray(phase * 3, phase * 3 + stride);
        const end = Math.min(height, (band + 1) * cell);
        for (let y = band * cell; y < end; y++) pixels.set(row, y * stride);
      }
      while (elapsed >= event + EVENT_S) event += EVENT_S + exponential(next, MEAN_WAIT_S);
      if (elapsed < event) return;
      for (let y = 0; y < side; y++) pixels.set(mint, (upper + y) * stride + left * 3);
    },
  };
};
