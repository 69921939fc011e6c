// Bytes of a connection, asked for one piece after the other. Holds little: the connection rests while nobody asks.

/** So many unread bytes are held, at most with one chunk more. */
const HELD_BYTES = 256 * 1024;

export class ByteReader {
  readonly #chunks: Uint8Array[] = [];
  #held = 0;
  #ended: Error | null = null;
  #want: { target: Uint8Array; filled: number; resolve: () => void; reject: (error: Error) => void } | null = null;
  readonly #rest: (rest: boolean) => void;

  /** @param rest called with true when the connection may rest, with false when more is needed */
  constructor(rest: (rest: boolean) => void = () => {}) {
    this.#rest = rest;
  }

  /** Takes over the memory of the chunk. */
  push(chunk: Uint8Array): void {
    const want = this.#want;
    let at = 0;
    if (want) {
      at = Math.min(chunk.length, want.target.length - want.filled);
      want.target.set(chunk.subarray(0, at), want.filled);
      want.filled += at;
      if (want.filled === want.target.length) {
        this.#want = null;
        want.resolve();
      }
    }
    if (at === chunk.length) return;
    this.#chunks.push(chunk.subarray(at));
    this.#held += chunk.length - at;
    if (this.#held > HELD_BYTES) this.#rest(true);
  }

  /** No more will come: what is asked for and not there is refused with this error. */
  end(error: Error): void {
    this.#ended ??= error;
    this.#want?.reject(this.#ended);
    this.#want = null;
  }

  /** The next bytes, in memory of their own. One question at a time. */
  async take(bytes: number): Promise<Uint8Array> {
    const target = new Uint8Array(bytes);
    await this.into(target);
    return target;
  }

  /** Fills `target` with the next bytes. */
  async into(target: Uint8Array): Promise<void> {
    let filled = 0;
    while (filled < target.length && this.#chunks.length) {
      const chunk = this.#chunks[0]!;
      const piece = chunk.subarray(0, target.length - filled);
      target.set(piece, filled);
      filled += piece.length;
      this.#held -= piece.length;
      if (piece.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(piece.length);
    }
    if (filled === target.length) return;
    if (this.#ended) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#want = { target, filled, resolve, reject };
    this.#rest(false);
    await promise;
  }

  /** Throws the next bytes away. */
  async skip(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; left -= HELD_BYTES) await this.take(Math.min(left, HELD_BYTES));
  }
}
