// The library's face: a server inside the user's own program, and streams that it pushes frames into.
import type { StreamConfigInput } from '../api/schema.ts';
import { AcquisitionInput, DataInput, type DataItem, type Marker, MarkerInput, MetricInput } from '../api/timeline.ts';
import { parseInput } from '../api/zod-problem.ts';
import { parseDeviceTimestamp } from '../core/device-clock.ts';
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, type PixelFormat, parseFormat, parseSide } from '../core/frame.ts';
import { type Logger, silentLogger } from '../core/log.ts';
import { parseStreamName } from '../core/stream-name.ts';
import { parseTimestamp } from '../core/time.ts';
import { isWav, type PcmSound, readPcm, readWav } from '../formats/wav.ts';
import { formatOf } from '../nodes/items.ts';
import { type FrameShape, isNodeSource, type NodeSource } from '../nodes/node.ts';
import type { NodeRunner } from '../nodes/runner.ts';
import { pushSound } from '../pipeline/audio/push-sound.ts';
import type { SoundReceipt } from '../pipeline/audio/sound.ts';
import type { Publisher, PushReceipt } from '../pipeline/publisher.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { AnyProcessor } from '../processors/define.ts';
import { asProcessor } from '../processors/handlers.ts';
import type { StreamTimeline } from '../timeline/timeline.ts';
import { resolveConfig, type ServerConfigInput } from './config.ts';
import { checkNodes, type NodeOptions, type NodeServer, type RunNodesOptions, startNodes } from './nodes.ts';
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
export interface LibraryStreamOptions extends Omit<StreamConfigInput, 'source' | 'processors'> {
  /**
   * Processors of the stream, in their order: as in the configuration file, what `defineProcessor` gives (run in this program's main thread),
   * or such an object with the settings of the configuration.
   */
  readonly processors?: readonly LibraryProcessor[];
  readonly format?: PixelFormat | 'gray8';
  /** Pixels. */
  readonly width?: number;
  /** Pixels. */
  readonly height?: number;
  /** Bits of a sample that carry signal. */
  readonly significantBits?: number;
  /** A source of its own instead of pushed frames: one of the server's, or what `defineSource` gives, run in this program. */
  readonly source?: StreamConfigInput['source'] | NodeSource;
  /** How a source of your own is run. */
  readonly node?: Omit<NodeOptions, 'stream' | 'source' | 'config' | keyof FrameShape>;
}

type ConfiguredProcessor = NonNullable<StreamConfigInput['processors']>[number];

/** An object in the place of `use` runs in this program. */
export type LibraryProcessor =
  | ConfiguredProcessor
  | AnyProcessor
  | (Omit<Extract<ConfiguredProcessor, { flow?: unknown }>, 'use'> & { readonly use: AnyProcessor });

export type SoundInput = Int16Array | Float32Array | readonly Float32Array[] | Uint8Array;

export interface PushSoundOptions {
  /** Hz; default 48,000. Of a WAV file its own holds. */
  readonly rate?: number;
  /** Of interleaved samples; default 1. */
  readonly channels?: number;
  /** Capture time of the first sample, µs or RFC 3339. */
  readonly timestamp?: number | string;
}

export interface LibraryStream {
  readonly name: string;
  /** Copies the pixels and resolves when the frame was accepted or dropped (with the reason). Never waits for viewers. */
  push(pixels: FrameInput, options?: PushFrameOptions): Promise<PushReceipt>;
  /**
   * Sends sound: interleaved samples (`Int16Array`, or floats from -1 to 1), floats of each channel, or a WAV file. Without `timestamp` it ends
   * now. Resolves with the id of its first block.
   */
  pushAudio(samples: SoundInput, options?: PushSoundOptions): Promise<SoundReceipt>;
  /** Sends values of metrics; `null` and NaN are gaps. Need not be awaited. */
  metric(values: MetricInput['values'], at?: Instant): Promise<{ accepted: number; dropped: number }>;
  /** Sets a marker, or changes the one of the same id. Settles when it is on disk. */
  marker(marker: MarkerInput): Promise<Marker>;
  /** Sends a JSON record; `boxes` in it are drawn over the picture. Settles when it is on disk. */
  data(record: Readonly<Record<string, unknown>>, at?: Instant): Promise<DataItem>;
  /** Says whether this program acquires pictures now: starts and stops the live view of the stream. `exposure` in ms. */
  acquisition(on: boolean, options?: { readonly exposure?: number }): Promise<void>;
}

/** What a value belongs to. Default: the last frame that this program pushed. */
export interface Instant {
  /** Integer µs since the Unix epoch, or RFC 3339. */
  readonly timestamp?: number | string;
  /** Frame id. */
  readonly frame?: number;
}

export interface LibraryServer extends AsyncDisposable {
  /** Address of the dashboard. */
  readonly url: string;
  stream(name: string, options?: LibraryStreamOptions): LibraryStream;
  /**
   * Shows a page of your own at `pages/{name}`, from the same server: no `origins` needed, tokens hold as on the dashboard. `../player.js` and
   * `../live/{stream}` lead to the player and the streams. Called again it changes the page. Returns the address. Throws `bad-name`.
   */
  page(name: string, html: string): string;
  close(): Promise<void>;
}

/** Starts a server. Options are those of the configuration file. Throws `bad-config`, `port-taken`. */
export async function createServer(options: ServerConfigInput & { readonly log?: Logger } = {}): Promise<LibraryServer> {
  const { log = silentLogger, ...input } = options;
  const server = await startServer(await resolveConfig(input), { log });
  const host = new NodeKeeper(server, log);
  const close = async () => {
    await host.close();
    await server.close();
  };
  const library: LibraryServer = {
    url: server.url,
    stream: (name, streamOptions = {}) => new PushStream(server, host, name, streamOptions),
    page: (name, html) => {
      server.pages.set(parseStreamName(name), html);
      return new URL(`pages/${name}`, server.url).href;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  keepers.set(library, host);
  return library;
}

/**
 * Starts nodes together on a server of this program; what happens to one does not touch the others. They end with the server. Throws
 * `bad-value`, `unknown-key`, `bad-name` before anything is started.
 */
export async function runNodes(server: LibraryServer, options: RunNodesOptions): Promise<NodeRunner> {
  const keeper = keepers.get(server);
  if (!keeper) throw new SluiceError('bad-value', 'runNodes: expected a server made by createServer');
  return await keeper.run(checkNodes(options));
}

/** The nodes of a server. They live outside its object, which is for users. */
const keepers = new WeakMap<LibraryServer, NodeKeeper>();

class NodeKeeper {
  readonly #nodes: NodeServer;
  readonly #running = new Set<Promise<NodeRunner>>();

  constructor(server: SluiceServer, log: Logger) {
    this.#nodes = {
      clock: server.clock,
      log,
      // A stream that exists keeps its configuration.
      stream: async (name, config) =>
        server.streams.registry.find(name) ?? (await server.openStream(name, { ...config, source: { type: 'push' } })),
      timeline: (stream) => server.timelines.of(stream),
    };
  }

  run(nodes: Parameters<typeof startNodes>[0]): Promise<NodeRunner> {
    const running = startNodes(nodes, this.#nodes);
    this.#running.add(running);
    return running;
  }

  /** Stops all nodes; what goes wrong with one has been told. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.then((runner) => runner.close()).catch(() => {})));
  }
}

class PushStream implements LibraryStream {
  readonly name: string;
  readonly #options: LibraryStreamOptions;
  readonly #opened: Promise<Stream>;
  readonly #server: SluiceServer;
  #publisher: Publisher | null = null;
  #lastFrame = 0;

  constructor(server: SluiceServer, keeper: NodeKeeper, name: string, options: LibraryStreamOptions) {
    this.name = name;
    this.#server = server;
    this.#options = options;
    const { format, width, height, significantBits, source, node, processors, ...others } = options;
    const config = { ...others, ...(processors && { processors: registered(server, name, processors) }) };
    if (isNodeSource(source)) {
      const shape = {
        ...(format && { format }),
        ...(width && { width }),
        ...(height && { height }),
        ...(significantBits && { significantBits }),
      };
      const nodes = checkNodes({ nodes: [{ ...node, ...shape, stream: name, source }] });
      this.#opened = server.openStream(name, { ...config, source: { type: 'push' } });
      this.#opened.then(() => keeper.run(nodes)).catch(() => {});
    } else this.#opened = server.openStream(name, { ...config, source: source ?? { type: 'push' } });
    // Reported by the first push; without one it must not end the process.
    this.#opened.catch(() => {});
  }

  async push(pixels: FrameInput, options: PushFrameOptions = {}): Promise<PushReceipt> {
    const stream = await this.#opened;
    stream.assertPush();
    const { format: name, significantBits } = this.#options;
    const format = parseFormat(name ?? formatOf(pixels));
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
    const receipt = stream.input.push(
      { format, width, height, data, significantBits: bits },
      {
        timestamp,
        deviceTimestamp: options.deviceTimestamp === undefined ? undefined : parseDeviceTimestamp(options.deviceTimestamp),
        metadata: options.metadata,
        stride: options.stride,
      },
    );
    if (receipt.dropped === undefined) this.#lastFrame = receipt.id;
    return receipt;
  }

  async pushAudio(samples: SoundInput, { rate = 48_000, channels = 1, timestamp }: PushSoundOptions = {}): Promise<SoundReceipt> {
    const stream = await this.#opened;
    stream.assertPush();
    const time = timestamp === undefined ? undefined : parseTimestamp(timestamp, 'timestamp');
    return pushSound(stream, soundOf(samples, rate, channels), time, stream.clock.now());
  }

  /** Where a program says nothing, what it says belongs to the frame that it pushed last. */
  #at(at: Instant): Instant {
    return at.timestamp === undefined && at.frame === undefined && this.#lastFrame ? { frame: this.#lastFrame } : at;
  }

  metric(values: MetricInput['values'], at: Instant = {}): Promise<{ accepted: number; dropped: number }> {
    const sent = this.#timeline().then((timeline) => timeline.addMetrics([parseInput(MetricInput, { ...this.#at(at), values })]));
    // A program that does not look at the answer must not end because of it.
    sent.catch(() => {});
    return sent;
  }

  async marker(marker: MarkerInput): Promise<Marker> {
    const timeline = await this.#timeline();
    const { timestamp, frame, ...rest } = parseInput(MarkerInput, marker);
    const at = this.#at({ ...(timestamp === undefined ? {} : { timestamp }), ...(frame === undefined ? {} : { frame }) });
    return (await timeline.mark([{ ...rest, ...at }]))[0]!;
  }

  async data(record: Readonly<Record<string, unknown>>, at: Instant = {}): Promise<DataItem> {
    const timeline = await this.#timeline();
    return (await timeline.addData([parseInput(DataInput, { ...record, ...this.#at(at) })]))[0]!;
  }

  async acquisition(on: boolean, options: { readonly exposure?: number } = {}): Promise<void> {
    (await this.#opened).announce(parseInput(AcquisitionInput, { on, ...options }));
  }

  async #timeline(): Promise<StreamTimeline> {
    await this.#opened;
    return this.#server.timelines.of(this.name);
  }
}

/** The pictures of another stream of the server as a source; `unprocessed`: as they were captured, before its processors. */
export function fromStream(
  stream: string,
  options: { readonly unprocessed?: boolean } = {},
): { type: 'stream'; stream: string; unprocessed: boolean } {
  return { type: 'stream', stream: parseStreamName(stream), unprocessed: options.unprocessed ?? false };
}

/** Hands objects over to the server, under names that the configuration then uses. */
function registered(server: SluiceServer, stream: string, processors: readonly LibraryProcessor[]): ConfiguredProcessor[] {
  return processors.map((entry, index) => {
    if ('use' in entry && typeof entry.use === 'string') return entry as ConfiguredProcessor;
    const { use, ...settings } = 'use' in entry ? entry : { use: entry };
    const processor = asProcessor(use, `processor-${index + 1}`);
    if (!processor) {
      throw new SluiceError('bad-value', `processors[${index}] of ${stream}: expected what defineProcessor gives, or { use: NAME }`, {
        field: `processors[${index}]`,
      });
    }
    const own = (processor.name ?? `processor-${index + 1}`).replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 32);
    const name = `${stream}.${own}`.slice(0, 64);
    server.processors.register(name, processor);
    return { id: own, ...settings, use: name } as ConfiguredProcessor;
  });
}

/** Bytes of one frame of a format and size. */
export { frameBytes };

function soundOf(samples: SoundInput, rate: number, channels: number): PcmSound {
  if (!ArrayBuffer.isView(samples)) {
    const data = samples.map((plane) => plane.slice());
    return { rate, channels: data.length, format: 'fltp', data, samples: data[0]?.length ?? 0 };
  }
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  if (samples instanceof Uint8Array) {
    if (isWav(bytes)) return readWav(bytes);
    throw new SluiceError('bad-frame', 'bytes that are no WAV file were received; expected Int16Array, Float32Array, or a WAV file');
  }
  return readPcm(bytes, samples instanceof Int16Array ? 's16' : 'f32', rate, channels);
}
