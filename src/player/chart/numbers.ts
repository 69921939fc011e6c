// Numbers and axes of charts. Pure.

/** A value in five digits: `0.01235`, `812.4`, `1.2346e7`. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const plain = Number.isInteger(value) ? String(value) : value.toFixed(Math.max(0, Math.min(8, 4 - Math.floor(Math.log10(size)))));
  return (size !== 0 && (size >= 1e7 || size < 1e-4) ? shortPower(value) : plain).replace(/-/g, '−');
}

/** Text at the ticks of an axis, which are `step` apart. */
export function tickText(value: number, step: number): string {
  if (value === 0) return '0';
  const size = Math.max(Math.abs(value), step);
  const text = size >= 1e6 || size < 1e-4 ? shortPower(value) : value.toFixed(decimals(step));
  return text.replace(/-/g, '−');
}

/** Digits behind the point that a step has. */
function decimals(step: number): number {
  for (let digits = 0; digits < 9; digits++) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 9;
}

/** `2e6`, `1.25e7`. */
function shortPower(value: number): string {
  return value.toExponential(4).replace(/\.?0*e\+?/, 'e');
}

/** What an axis covers. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Ends that are set, however large the values are. */
export interface FixedEnds {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** Values nearer to zero than this have no powers of ten to step by: they are drawn as zero. */
const SMALLEST = 1e-300;

/**
 * Range of an axis for finite values from `low` to `high` (Infinity, -Infinity: there are none). It stays as it was while the values fit
 * and fill enough of it: an axis that moves with every value cannot be read. It is finite and has a height, whatever the values are.
 */
export function axisRange(before: Range | null, low: number, high: number, fixed: FixedEnds): Range {
  if (low > high) {
    if (fixed.min === undefined && fixed.max === undefined) return before ?? { min: 0, max: 1 };
    low = high = fixed.min ?? fixed.max ?? 0;
  }
  if (before && low >= before.min && high <= before.max && high - low >= (before.max - before.min) * 0.4) {
    return ends(before.min, before.max, fixed);
  }
  const height = heightOf(low, high);
  const step = roundStep((height / 8) * 1.1);
  const centre = low / 2 + high / 2;
  const bottom = Math.min(low, finite(Math.floor((centre - height * 0.55) / step) * step));
  const top = Math.max(high, finite(Math.ceil((centre + height * 0.55) / step) * step));
  // Values that are never negative have no room below zero.
  return ends(low >= 0 && bottom < 0 ? 0 : bottom, high <= 0 && low < 0 && top > 0 ? 0 : top, fixed);
}

/** What the values span; where that is nothing, or too little for numbers of their size, enough to see a line in. */
function heightOf(low: number, high: number): number {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(size * 1e-9, SMALLEST)) return finite(high - low);
  return size > SMALLEST ? size * 0.2 : 2;
}

function ends(min: number, max: number, fixed: FixedEnds): Range {
  const bottom = fixed.min ?? min;
  const top = fixed.max ?? max;
  if (top > bottom) return { min: bottom, max: top };
  // One set end lies beyond all values.
  const size = Math.max(Math.abs(bottom), Math.abs(top));
  const room = size > SMALLEST ? size * 0.1 : 1;
  return fixed.min === undefined ? { min: finite(top - room), max: top } : { min: bottom, max: finite(bottom + room) };
}

/** The largest numbers have nothing behind them. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = value / power;
  return (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10) * power;
}
