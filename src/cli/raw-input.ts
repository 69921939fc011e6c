// Raw video on a byte stream (standard input): YUV4MPEG2 or bare frames of a known size.
import { SluiceError } from '../core/errors.ts';
import { frameBytes, MAX_SIDE, type PixelFormat } from '../core/frame.ts';

/** Geometry of every frame of the stream. */
export interface RawShape {
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** How a stream begins: its shape, and the rate that it states. */
export interface RawStream {
  readonly kind: 'y4m' | 'raw';
  readonly shape: RawShape;
  /** Frames per second, `null` = not said. */
  readonly fps: number | null;
}

const Y4M_MAGIC = 'YUV4MPEG2 ';
/** Header lines are short; more is no y4m. */
const MAX_LINE = 1024;

/** Chroma tags of YUV4MPEG2 that are one of our formats. Chroma siting differs by half a pixel and is ignored. */
const Y4M_FORMATS: Readonly<Record<string, PixelFormat>> = {
  '420': 'yuv420p',
  '420jpeg': 'yuv420p',
  '420mpeg2': 'yuv420p',
  '420paldv': 'yuv420p',
  mono: 'gray',
  mono16: 'gray16le',
};

/** First bytes of what people pipe in by mistake. */
const OTHERS: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['JPEG', [0xff, 0xd8, 0xff]],
  ['PNG', [0x89, 0x50, 0x4e, 0x47]],
  ['Matroska', [0x1a, 0x45, 0xdf, 0xa3]],
  ['AVI or WAV', [0x52, 0x49, 0x46, 0x46]],
  ['npy', [0x93, 0x4e, 0x55, 0x4d]],
];

/** Reads the header line of a YUV4MPEG2 stream, without its line end. Throws `bad-frame`. */
export function parseY4mHeader(line: string): RawStream {
  const tags = new Map(
    line
      .split(' ')
      .slice(1)
      .map((tag) => [tag.slice(0, 1), tag.slice(1)] as const),
  );
  const side = (tag: string, name: string) => {
    const text = tags.get(tag) ?? '';
    const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= MAX_SIDE) return value;
    throw new SluiceError('bad-frame', `y4m ${name}: ${JSON.stringify(text)} received; expected 1 to ${MAX_SIDE}`, {
      field: name,
      received: text,
    });
  };
  const chroma = tags.get('C') ?? '420';
  const format = Object.hasOwn(Y4M_FORMATS, chroma) ? Y4M_FORMATS[chroma] : undefined;
  if (!format) {
    const allowed = Object.keys(Y4M_FORMATS).join(', ');
    throw new SluiceError('bad-frame', `y4m chroma: C${chroma} received; expected C with one of ${allowed} (ffmpeg -pix_fmt yuv420p)`, {
      field: 'chroma',
      received: chroma,
    });
  }
  const [, over = 0, under = 0] = /^(\d{1,9}):(\d{1,9})$/.exec(tags.get('F') ?? '')?.map(Number) ?? [];
  return {
    kind: 'y4m',
    shape: { format, width: side('W', 'width'), height: side('H', 'height') },
    fps: over > 0 && under > 0 ? over / under : null,
  };
}

/** Cuts a byte stream into frames. `open` first, then `next` until it gives `null`. */
export class RawReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #stream: RawStream | undefined;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /**
   * Finds out what comes: y4m says so itself, anything else must be described by `raw`. Throws `bad-frame` for a y4m stream that
   * cannot be used and `bad-value` if nothing describes the bytes.
   */
  async open(raw: RawShape | null): Promise<RawStream> {
    const start = await this.#peek(Y4M_MAGIC.length);
    if (start.length === 0) throw new SluiceError('bad-frame', 'standard input: nothing received; expected y4m or raw frames');
    if (new TextDecoder('latin1').decode(start) === Y4M_MAGIC) this.#stream = parseY4mHeader(await this.#line());
    else if (raw) this.#stream = { kind: 'raw', shape: raw, fps: null };
    else {
      const other = OTHERS.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte))?.[0];
      const received = other ? `${other} received` : 'bytes that are no y4m received';
      throw new SluiceError(
        'bad-value',
        `standard input: ${received}; raw frames need --size WxH and --format (a file can be given with -i FILE)`,
        { field: 'size' },
      );
    }
    return this.#stream;
  }

  /**
   * Fills `target` (as long as a frame) with the next frame. Resolves false at the end of the stream; throws `bad-frame` if it ends in
   * the middle of a frame.
   */
  async next(target: Uint8Array): Promise<boolean> {
    if (this.#stream?.kind === 'y4m') {
      const head = await this.#peek(5);
      if (head.length === 0) return false;
      if (new TextDecoder('latin1').decode(head) !== 'FRAME') {
        throw new SluiceError('bad-frame', 'y4m: something else received where the next FRAME should begin');
      }
      await this.#line();
    }
    const filled = await this.#fill(target);
    if (filled === 0 && this.#stream?.kind === 'raw') return false;
    if (filled === target.length) return true;
    throw new SluiceError('bad-frame', `standard input ended inside a frame: ${filled} bytes received; expected ${target.length}`, {
      received: filled,
      allowed: target.length,
    });
  }

  /** Tells the sender that no more is wanted. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    if (this.#chunk.length === 0) this.#chunk = value;
    else {
      const joined = new Uint8Array(this.#chunk.length + value.length);
      joined.set(this.#chunk);
      joined.set(value, this.#chunk.length);
      this.#chunk = joined;
    }
    return true;
  }

  async #peek(count: number): Promise<Uint8Array> {
    while (this.#chunk.length < count && (await this.#more()));
    return this.#chunk.subarray(0, count);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#chunk.subarray(0, MAX_LINE).indexOf(10);
      if (end >= 0) {
        const line = new TextDecoder('latin1').decode(this.#chunk.subarray(0, end));
        this.#chunk = this.#chunk.subarray(end + 1);
        return line;
      }
      if (this.#chunk.length >= MAX_LINE || !(await this.#more())) {
        throw new SluiceError('bad-frame', `y4m: a header line without an end; expected at most ${MAX_LINE} characters`);
      }
    }
  }

  async #fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#chunk.length === 0 && !(await this.#more())) break;
      const part = this.#chunk.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return filled;
  }
}

/** Bytes of a frame of this shape. */
export function shapeBytes(shape: RawShape): number {
  return frameBytes(shape.format, shape.width, shape.height);
}
