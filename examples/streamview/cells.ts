// A made-up calcium imaging field: cells that flash and fade on a grainy background. Nothing here knows of streams.

export interface Cells {
  /** Pixels of the newest step, 8-bit gray; the same memory each time. */
  readonly pixels: Uint8Array;
  /** Brightness of each cell, 0 to 1. */
  readonly activity: Float32Array;
  /** Cells that have just begun to flash. */
  readonly flashed: readonly number[];
  /** Moves time on. */
  step(seconds: number): void;
  /** Middle of a cell, pixels. */
  at(cell: number): { x: number; y: number };
}

const RADIUS = 18;
const BACKGROUND = 40;
const PEAK = 190;
const MEAN_WAIT_S = 6;
const FADE_S = 0.7;

export function makeCells(width: number, height: number, count: number): Cells {
  const places = Array.from({ length: count }, () => ({
    x: Math.round(RADIUS + Math.random() * (width - 2 * RADIUS)),
    y: Math.round(RADIUS + Math.random() * (height - 2 * RADIUS)),
  }));
  // A few grainy backgrounds in turn are much cheaper than fresh noise.
  const grains = Array.from({ length: 8 }, () => Uint8Array.from({ length: width * height }, () => BACKGROUND + Math.random() * 14));
  const side = 2 * RADIUS + 1;
  const shape = Float32Array.from({ length: side * side }, (_, i) => {
    const distance = Math.hypot((i % side) - RADIUS, Math.floor(i / side) - RADIUS);
    return Math.max(0, 1 - (distance / RADIUS) ** 4);
  });
  const pixels = new Uint8Array(width * height);
  const activity = new Float32Array(count);
  let flashed: number[] = [];
  return {
    pixels,
    activity,
    get flashed() {
      return flashed;
    },
    step(seconds) {
      pixels.set(grains[Math.floor(Math.random() * grains.length)]!);
      flashed = [];
      for (const [cell, { x, y }] of places.entries()) {
        if (Math.random() < seconds / MEAN_WAIT_S) {
          activity[cell] = 1;
          flashed.push(cell);
        } else activity[cell]! *= Math.exp(-seconds / FADE_S);
        const light = 12 + PEAK * activity[cell]!;
        for (let row = 0, i = 0; row < side; row++) {
          let at = (y - RADIUS + row) * width + x - RADIUS;
          for (const end = at + side; at < end; at++, i++) pixels[at] = Math.min(255, pixels[at]! + light * shape[i]!);
        }
      }
    },
    at: (cell) => places[cell]!,
  };
}
