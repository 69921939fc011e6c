// Resizing of rows of numbers: a triangle as wide as one pixel of the coarser grid, so bilinear when a picture grows, and each sample counts
// when it shrinks (what Pillow calls BILINEAR). Pixel centres lie at n + 0.5; the edge is not extended.

/** Which samples of the input make each sample of the output. */
interface Taps {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  /** `most` for each output sample, the unused ones 0. */
  readonly weights: Float32Array;
  readonly most: number;
}

function tapsFor(input: number, output: number): Taps {
  const scale = input / output;
  const reach = Math.max(1, scale);
  const most = Math.ceil(reach * 2) + 1;
  const first = new Int32Array(output);
  const counts = new Int32Array(output);
  const weights = new Float32Array(output * most);
  for (let i = 0; i < output; i++) {
    const centre = (i + 0.5) * scale;
    const from = Math.max(0, Math.floor(centre - reach + 0.5));
    const to = Math.min(input, Math.floor(centre + reach + 0.5));
    let sum = 0;
    for (let k = from; k < to; k++) sum += Math.max(0, 1 - Math.abs((k + 0.5 - centre) / reach));
    for (let k = from; k < to; k++) weights[i * most + k - from] = Math.max(0, 1 - Math.abs((k + 0.5 - centre) / reach)) / sum;
    first[i] = from;
    counts[i] = to - from;
  }
  return { first, counts, weights, most };
}

/** Resizes planes of one geometry; the tables are kept from picture to picture. */
export class Resampler {
  readonly width: number;
  readonly height: number;
  readonly outWidth: number;
  readonly outHeight: number;
  readonly channels: number;
  readonly #across: Taps;
  readonly #down: Taps;
  /** The last rows, resized across. */
  readonly #rows: Float32Array;
  readonly #row: Float32Array;
  readonly #sum: Float32Array;

  /** Pixels; `channels` numbers of each pixel stand together. */
  constructor(width: number, height: number, outWidth: number, outHeight: number, channels: number) {
    this.width = width;
    this.height = height;
    this.outWidth = outWidth;
    this.outHeight = outHeight;
    this.channels = channels;
    this.#across = tapsFor(width, outWidth);
    this.#down = tapsFor(height, outHeight);
    this.#rows = new Float32Array(this.#down.most * outWidth * channels);
    this.#row = new Float32Array(width * channels);
    this.#sum = new Float32Array(outWidth * channels);
  }

  /** `read` fills a row of the input, in rising order and each one once; `write` gets each row of the output, lent until it returns. */
  run(read: (row: Float32Array, y: number) => void, write: (row: Float32Array, y: number) => void): void {
    const { first, counts, weights, most } = this.#down;
    const length = this.outWidth * this.channels;
    let next = 0;
    for (let y = 0; y < this.outHeight; y++) {
      const from = first[y]!;
      const to = from + counts[y]!;
      for (; next < to; next++) {
        read(this.#row, next);
        this.#shrinkRow((next % most) * length);
      }
      this.#sum.fill(0);
      for (let k = from; k < to; k++) {
        const weight = weights[y * most + k - from]!;
        const at = (k % most) * length;
        for (let i = 0; i < length; i++) this.#sum[i]! += this.#rows[at + i]! * weight;
      }
      write(this.#sum, y);
    }
  }

  #shrinkRow(at: number): void {
    const { first, counts, weights, most } = this.#across;
    const { channels, outWidth } = this;
    const row = this.#row;
    const out = this.#rows;
    for (let x = 0; x < outWidth; x++) {
      const from = first[x]! * channels;
      const count = counts[x]!;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0, p = from + c; k < count; k++, p += channels) sum += row[p]! * weights[x * most + k]!;
        out[at + x * channels + c] = sum;
      }
    }
  }
}
