// The samples of one series within one second, sorted by time, each time once; and as bytes.

/** µs that a chunk covers. */
export const CHUNK_US = 1_000_000;

const HEADER = 16;
const NARROW = 1;
const FRAMES_NEAR = 2;
const FRAMES_FAR = 4;
const NO_FRAME = -0x8000_0000;

export class Chunk {
  readonly width: number;
  timestamp: Float64Array;
  frame: Float64Array;
  value: Float64Array;
  length = 0;
  hasFrames = false;

  constructor(width: number, capacity = 16) {
    this.width = width;
    this.timestamp = new Float64Array(capacity);
    this.frame = new Float64Array(capacity);
    this.value = new Float64Array(capacity * width);
  }

  /** Puts a sample in its place; one of the same time is replaced. */
  put(timestamp: number, frame: number, values: Float64Array, at: number): void {
    let i = this.length;
    while (i > 0 && this.timestamp[i - 1]! > timestamp) i--;
    const replaces = i > 0 && this.timestamp[i - 1] === timestamp;
    if (replaces) i--;
    else {
      if (this.length === this.timestamp.length) this.#grow();
      if (i < this.length) {
        this.timestamp.copyWithin(i + 1, i, this.length);
        this.frame.copyWithin(i + 1, i, this.length);
        this.value.copyWithin((i + 1) * this.width, i * this.width, this.length * this.width);
      }
      this.length++;
    }
    this.timestamp[i] = timestamp;
    this.frame[i] = frame;
    if (!Number.isNaN(frame)) this.hasFrames = true;
    for (let k = 0; k < this.width; k++) this.value[i * this.width + k] = values[at + k]!;
  }

  #grow(): void {
    const grown = (old: Float64Array) => {
      const array = new Float64Array(old.length * 2);
      array.set(old);
      return array;
    };
    this.timestamp = grown(this.timestamp);
    this.frame = grown(this.frame);
    this.value = grown(this.value);
  }

  /** @param start time of the chunk's second, µs */
  pack(start: number): Uint8Array {
    const n = this.length;
    const values = this.value.subarray(0, n * this.width);
    const narrow = values.every((value) => Number.isNaN(value) || Math.fround(value) === value);
    const frames = this.frame.subarray(0, n);
    const base = this.hasFrames ? frames.find((frame) => !Number.isNaN(frame))! : 0;
    const near = frames.every((frame) => Number.isNaN(frame) || Math.abs(frame - base) < 0x7fff_ffff);
    const frameBytes = !this.hasFrames ? 0 : near ? 4 : 8;
    const bytes = new ArrayBuffer(
      HEADER + (frameBytes === 8 ? 8 * n : 0) + values.length * (narrow ? 4 : 8) + 4 * n + (frameBytes === 4 ? 4 * n : 0),
    );
    const head = new DataView(bytes);
    head.setUint8(0, 1);
    head.setUint8(1, (narrow ? NARROW : 0) | (frameBytes === 4 ? FRAMES_NEAR : frameBytes === 8 ? FRAMES_FAR : 0));
    head.setUint16(2, this.width, true);
    head.setUint32(4, n, true);
    head.setFloat64(8, base, true);
    let at = HEADER;
    if (frameBytes === 8) {
      new Float64Array(bytes, at, n).set(frames);
      at += 8 * n;
    }
    if (narrow) new Float32Array(bytes, at, values.length).set(values);
    else new Float64Array(bytes, at, values.length).set(values);
    at += values.length * (narrow ? 4 : 8);
    const times = new Uint32Array(bytes, at, n);
    for (let i = 0; i < n; i++) times[i] = this.timestamp[i]! - start;
    at += 4 * n;
    if (frameBytes === 4) {
      const deltas = new Int32Array(bytes, at, n);
      for (let i = 0; i < n; i++) deltas[i] = Number.isNaN(frames[i]) ? NO_FRAME : frames[i]! - base;
    }
    return new Uint8Array(bytes);
  }

  static unpack(packed: Uint8Array, start: number): Chunk {
    const bytes = packed.byteOffset % 8 === 0 ? packed : packed.slice();
    const { buffer, byteOffset } = bytes;
    const head = new DataView(buffer, byteOffset, bytes.byteLength);
    const flags = head.getUint8(1);
    const width = head.getUint16(2, true);
    const n = head.getUint32(4, true);
    const base = head.getFloat64(8, true);
    const chunk = new Chunk(width, Math.max(1, n));
    chunk.length = n;
    chunk.hasFrames = (flags & (FRAMES_NEAR | FRAMES_FAR)) !== 0;
    let at = byteOffset + HEADER;
    if (flags & FRAMES_FAR) {
      chunk.frame.set(new Float64Array(buffer, at, n));
      at += 8 * n;
    }
    const narrow = (flags & NARROW) !== 0;
    chunk.value.set(narrow ? new Float32Array(buffer, at, n * width) : new Float64Array(buffer, at, n * width));
    at += n * width * (narrow ? 4 : 8);
    const times = new Uint32Array(buffer, at, n);
    for (let i = 0; i < n; i++) chunk.timestamp[i] = times[i]! + start;
    at += 4 * n;
    if (flags & FRAMES_NEAR) {
      const deltas = new Int32Array(buffer, at, n);
      for (let i = 0; i < n; i++) chunk.frame[i] = deltas[i] === NO_FRAME ? Number.NaN : deltas[i]! + base;
    } else if (!(flags & FRAMES_FAR)) chunk.frame.fill(Number.NaN);
    return chunk;
  }
}
