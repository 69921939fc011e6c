// The library's face: a server inside the user's own program, and streams that it pushes frames into.
import type { StreamConfigInput } from '../api/schema.ts';
import { parseDeviceTimestamp } from '../core/device-clock.ts';
import { FORMATS, frameBytes, type PixelFormat, parseFormat, parseSide } from '../core/frame.ts';
import { type Logger, silentLogger } from '../core/log.ts';
import { parseTimestamp } from '../core/time.ts';
import type { Publisher, PushReceipt } from '../pipeline/publisher.ts';
import type { Stream } from '../pipeline/stream.ts';
import { resolveConfig, type ServerConfigInput } from './config.ts';
import { type SluiceServer, startServer } from './server.ts';

/** Pixels of a frame: rows without padding unless `stride` says otherwise. */
export type FrameInput = Uint8Array | Uint16Array | Float32Array | Uint8ClampedArray;

export interface PushFrameOptions {
  /** Capture time: integer µs since the Unix epoch, or RFC 3339. Default: now. */
  readonly timestamp?: number | string;
  /** Time of the camera's own clock: integer µs, any zero. Mapped to UTC. */
  readonly deviceTimestamp?: number;
  /** JSON that goes with the frame. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Bytes of a row of the first plane. */
  readonly stride?: number;
}

/** Format and size of pushed frames; they may change from frame to frame. */
export interface LibraryStreamOptions extends Omit<StreamConfigInput, 'source'> {
  readonly format?: PixelFormat | 'gray8';
  /** Pixels. */
  readonly width?: number;
  /** Pixels. */
  readonly height?: number;
  /** Bits of a sample that carry signal. */
  readonly significantBits?: number;
  /** A source of its own instead of pushed frames. */
  readonly source?: StreamConfigInput['source'];
}

export interface LibraryStream {
  readonly name: string;
  /** Copies the pixels and resolves when the frame was accepted or dropped (with the reason). Never waits for viewers. */
  push(pixels: FrameInput, options?: PushFrameOptions): Promise<PushReceipt>;
}

export interface LibraryServer extends AsyncDisposable {
  /** Address of the dashboard. */
  readonly url: string;
  stream(name: string, options?: LibraryStreamOptions): LibraryStream;
  close(): Promise<void>;
}

/** Starts a server. Options are those of the configuration file. Throws `bad-config`, `port-taken`. */
export async function createServer(options: ServerConfigInput & { readonly log?: Logger } = {}): Promise<LibraryServer> {
  const { log = silentLogger, ...input } = options;
  const server = await startServer(await resolveConfig(input), { log });
  return {
    url: server.url,
    stream: (name, streamOptions = {}) => new PushStream(server, name, streamOptions),
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

class PushStream implements LibraryStream {
  readonly name: string;
  readonly #options: LibraryStreamOptions;
  readonly #opened: Promise<Stream>;
  #publisher: Publisher | null = null;

  constructor(server: SluiceServer, name: string, options: LibraryStreamOptions) {
    this.name = name;
    this.#options = options;
    const { format: _f, width: _w, height: _h, significantBits: _s, source, ...config } = options;
    this.#opened = server.openStream(name, { ...config, source: source ?? { type: 'push' } });
    // Reported by the first push; without one it must not end the process.
    this.#opened.catch(() => {});
  }

  async push(pixels: FrameInput, options: PushFrameOptions = {}): Promise<PushReceipt> {
    const stream = await this.#opened;
    stream.assertPush();
    const { format: name, significantBits } = this.#options;
    const format = parseFormat(name ?? guessFormat(pixels));
    const width = parseSide(this.#options.width, 'width');
    const height = parseSide(this.#options.height, 'height');
    if (!this.#publisher) {
      const publisher = stream.input.open('this program');
      publisher.onReplaced = () => {
        if (this.#publisher === publisher) this.#publisher = null;
      };
      this.#publisher = publisher;
    }
    const data = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    const bits = significantBits ?? FORMATS[format].depth;
    const timestamp = options.timestamp === undefined ? undefined : parseTimestamp(options.timestamp, 'timestamp');
    return stream.input.push(
      { format, width, height, data, significantBits: bits },
      {
        timestamp,
        deviceTimestamp: options.deviceTimestamp === undefined ? undefined : parseDeviceTimestamp(options.deviceTimestamp),
        metadata: options.metadata,
        stride: options.stride,
      },
    );
  }
}

function guessFormat(pixels: FrameInput): PixelFormat {
  if (pixels instanceof Uint16Array) return 'gray16le';
  return pixels instanceof Float32Array ? 'grayf32le' : 'gray';
}

/** Bytes of one frame of a format and size. */
export { frameBytes };
