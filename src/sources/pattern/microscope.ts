// Calcium imaging as a camera of 12 bits sees it: a dim uneven background, cells that flash and fade, and shot noise whose variance
// follows the brightness.
import type { MakePattern } from './kind.ts';
import { exponential, gaussian, random } from './random.ts';

const BITS = 12;
const MAX = 2 ** BITS - 1;
/** Camera offset, and levels above it. */
const OFFSET = 100;
const BACKGROUND = 260;
const PEAK = 2400;
/** Levels of one photo-electron: variance = GAIN * level. */
const GAIN = 2;
const READ_NOISE = 3;
const MEAN_WAIT_S = 4;
/** A flash falls to 1/e in this time. */
const DECAY_S = 0.8;
/** Random numbers of the noise; each row is a part of them at a random place. */
const POOL = 1 << 16;
/** Brightness below which a cell is not drawn. */
const FAINT = 4;

interface Cell {
  /** Left upper corner and side of the square that holds the cell, and its brightness profile (0 to 1). */
  readonly left: number;
  readonly top: number;
  readonly side: number;
  readonly shape: Float32Array;
  /** Square root of the profile: the shot noise follows it. */
  readonly rootShape: Float32Array;
  readonly gain: number;
  flash: number;
  nextFlash: number;
}

export const microscope: MakePattern = (width, height, top, seed) => {
  const next = random(seed, 3);
  const still = new Uint16Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x / width - 0.5;
      const dy = y / height - 0.5;
      still[y * width + x] = OFFSET + BACKGROUND * (1 - 1.2 * (dx * dx + dy * dy));
    }
  }
  const sigma = Math.sqrt(GAIN * BACKGROUND + READ_NOISE * READ_NOISE);
  // At least one period more than the longest row, so that a row is one run of the pool.
  const unit = new Float32Array(POOL + width);
  for (let i = 0; i < unit.length; i++) unit[i] = gaussian(next);
  // Cut below so that a sample cannot become negative: the sums need no test then.
  const grain = Int16Array.from(unit, (value) => Math.max(-OFFSET, Math.round(value * sigma)));

  const cells = placeCells(width, height, top, next);
  return {
    format: 'gray16le',
    significantBits: BITS,
    // Of the picture's own scale: a display that fits its window to the brightness keeps the strip readable.
    black: OFFSET,
    white: OFFSET + PEAK,
    draw(samples, { elapsed }) {
      for (let y = 0; y < height; y++) {
        const at = y * width;
        const from = Math.floor(next() * POOL);
        for (let x = 0; x < width; x++) samples[at + x] = still[at + x]! + grain[from + x]!;
      }
      for (const cell of cells) {
        while (elapsed >= cell.nextFlash) {
          cell.flash = cell.nextFlash;
          cell.nextFlash += exponential(next, MEAN_WAIT_S);
        }
        const level = PEAK * cell.gain * (0.12 + 0.88 * Math.exp((cell.flash - elapsed) / DECAY_S));
        if (level < FAINT) continue;
        const root = Math.sqrt(GAIN * level);
        for (let y = 0; y < cell.side; y++) {
          const at = (cell.top + y) * width + cell.left;
          const shape = y * cell.side;
          const from = Math.floor(next() * POOL);
          for (let x = 0; x < cell.side; x++) {
            const share = cell.shape[shape + x]!;
            if (share === 0) continue;
            const value = samples[at + x]! + share * level + cell.rootShape[shape + x]! * root * unit[from + x]!;
            samples[at + x] = Math.min(MAX, Math.max(0, value));
          }
        }
      }
    },
  };
};

function placeCells(width: number, height: number, top: number, next: () => number): Cell[] {
  const small = Math.min(width, height - top);
  const cells: Cell[] = [];
  if (small < 16) return cells;
  for (let i = 0; i < 36; i++) {
    const side = Math.min(small, Math.max(6, Math.round(small * (0.025 + 0.035 * next()))));
    const shape = new Float32Array(side * side);
    const stretch = 0.7 + 0.6 * next();
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const dx = ((x + 0.5) / side - 0.5) * 2 * stretch;
        const dy = (((y + 0.5) / side - 0.5) * 2) / stretch;
        const radius = dx * dx + dy * dy;
        shape[y * side + x] = radius < 1 ? (1 - radius) ** 0.6 : 0;
      }
    }
    cells.push({
      left: Math.floor(next() * (width - side)),
      top: top + Math.floor(next() * (height - top - side)),
      side,
      shape,
      rootShape: shape.map(Math.sqrt),
      gain: 0.25 + 0.7 * next(),
      flash: -exponential(next, MEAN_WAIT_S),
      nextFlash: exponential(next, MEAN_WAIT_S),
    });
  }
  return cells;
}
