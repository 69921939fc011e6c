// Random colours in every pixel: the hardest picture for every encoder.
import type { MakePattern } from './kind.ts';
import { random } from './random.ts';

/** Bytes of random numbers; each row is a part of them at a random place. */
const POOL = 1 << 20;

export const noise: MakePattern = (width, height, _top, seed) => {
  const stride = width * 3;
  const next = random(seed, 2);
  const pool = new Uint8Array(POOL + stride);
  for (let i = 0; i < pool.length; i++) pool[i] = next() * 256;
  return {
    format: 'rgb24',
    significantBits: 8,
    black: 0,
    white: 255,
    draw(pixels) {
      for (let y = 0; y < height; y++) {
        const at = Math.floor(next() * POOL);
        pixels.set(pool.subarray(at, at + stride), y * stride);
      }
    },
  };
};
