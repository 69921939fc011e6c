// Reproducible random numbers: the same seed gives the same sequence on every machine.

/** A sequence of numbers from 0 to below 1. */
export type Random = () => number;

/** 32-bit generator by an additive counter and two multiplicative mixing steps ("mulberry32"); `stream` tells sequences of one seed apart. */
export function random(seed: number, stream = 0): Random {
  let state = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Exponentially distributed with this mean: waits of events that happen at random. */
export function exponential(next: Random, mean: number): number {
  return -Math.log(1 - next()) * mean;
}

/** Normally distributed, mean 0 and deviation 1 (Box-Muller). */
export function gaussian(next: Random): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
