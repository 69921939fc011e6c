// Lays blocks of sound onto one unbroken line of samples, by their capture times: gaps are filled with silence, what overlaps is cut, and a
// clock of samples that runs too fast or too slow is followed by stretching, so that sound and pictures stay together for days. Pure.

/** A block that lies this far from its place is a gap or an overlap, µs; below, the two clocks have drifted apart, or times jitter. */
const GAP_US = 40_000;
/** A mean distance below this is left alone: samples stay exactly those of the source, µs. */
const DEAD_ZONE_US = 1000;
/** Blocks over which the distance is averaged. */
const SMOOTHING = 16;
/** Most that a block is stretched by: 0.5 %, which nobody hears. */
const MOST_STRETCH = 0.005;

/** What had to be done to the sound, in samples. */
export interface LineCounts {
  /** Silence put in. */
  readonly filled: number;
  /** Cut off, because there was sound at that time already. */
  readonly cut: number;
  /** Added or taken by stretching. */
  readonly stretched: number;
}

export class SampleLine {
  readonly #rate: number;
  readonly #channels: number;
  /** Time of the line's first sample, µs. */
  #anchor: number | null = null;
  /** Samples laid so far. */
  #laid = 0;
  #distance = 0;
  #filled = 0;
  #cut = 0;
  #stretched = 0;

  constructor(rate: number, channels: number) {
    this.#rate = rate;
    this.#channels = channels;
  }

  get counts(): LineCounts {
    return { filled: this.#filled, cut: this.#cut, stretched: this.#stretched };
  }

  /** Time of the next sample, µs; `null` before the first block. */
  get end(): number | null {
    return this.#anchor === null ? null : this.#anchor + (this.#laid * 1e6) / this.#rate;
  }

  /** Planes that follow on the line; may be empty. `time`: of the first sample, µs. */
  add(time: number, planes: readonly Float32Array[]): Float32Array[] {
    this.#anchor ??= time;
    const us = time - this.end!;
    if (Math.abs(us) > GAP_US) {
      this.#distance = 0;
      const samples = Math.round((us * this.#rate) / 1e6);
      if (samples > 0) {
        this.#filled += samples;
        return this.#lay(planes.map((plane) => joined(new Float32Array(samples), plane)));
      }
      const cut = Math.min(-samples, planes[0]!.length);
      this.#cut += cut;
      return this.#lay(planes.map((plane) => plane.subarray(cut)));
    }
    this.#distance += (us - this.#distance) / SMOOTHING;
    if (Math.abs(this.#distance) <= DEAD_ZONE_US) return this.#lay([...planes]);
    const length = planes[0]!.length;
    const most = Math.ceil(length * MOST_STRETCH);
    const by = Math.max(-most, Math.min(most, Math.round((this.#distance * this.#rate) / 1e6)));
    // What is corrected is off the mean at once.
    this.#distance -= (by * 1e6) / this.#rate;
    this.#stretched += Math.abs(by);
    return this.#lay(planes.map((plane) => stretched(plane, length + by)));
  }

  /** Silence up to a time, µs. */
  fill(until: number): Float32Array[] {
    const samples = this.end === null ? 0 : Math.floor(((until - this.end) * this.#rate) / 1e6);
    if (samples <= 0) return Array.from({ length: this.#channels }, () => new Float32Array(0));
    this.#filled += samples;
    this.#distance = 0;
    return this.#lay(Array.from({ length: this.#channels }, () => new Float32Array(samples)));
  }

  #lay(planes: Float32Array[]): Float32Array[] {
    this.#laid += planes[0]!.length;
    return planes;
  }
}

/** Two runs of samples as one. */
export function joined(first: Float32Array, second: Float32Array): Float32Array {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function stretched(plane: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  const step = length > 1 ? (plane.length - 1) / (length - 1) : 0;
  for (let i = 0; i < length; i++) {
    const at = i * step;
    const before = Math.floor(at);
    const share = at - before;
    out[i] = plane[before]! * (1 - share) + (plane[Math.min(before + 1, plane.length - 1)] ?? 0) * share;
  }
  return out;
}
