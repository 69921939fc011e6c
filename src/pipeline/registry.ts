// All streams of this server by name, and the events that all of them send.
import type { StreamConfig } from '../api/schema.ts';
import { Emitter } from '../core/emitter.ts';
import { SluiceError } from '../core/errors.ts';
import { parseStreamName } from '../core/stream-name.ts';
import { Stream, type StreamDeps } from './stream.ts';

export interface RegistryEvents {
  added: { stream: Stream };
  removed: { stream: Stream };
}

export interface RegistryOptions {
  readonly deps: (name: string) => Promise<StreamDeps>;
  readonly onError: (error: unknown) => void;
}

export class Registry {
  readonly events: Emitter<RegistryEvents>;
  readonly #options: RegistryOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #opening = new Map<string, Promise<Stream>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.events = new Emitter(options.onError);
  }

  all(): Stream[] {
    return [...this.#streams.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Those that people have made: without the companions that the server adds. */
  listed(): Stream[] {
    return this.all().filter(({ companionOf }) => companionOf === null);
  }

  find(name: string): Stream | undefined {
    return this.#streams.get(name);
  }

  /** The stream, or `unknown-stream` with the names that there are. */
  get(name: string): Stream {
    const stream = this.#streams.get(parseStreamName(name));
    if (stream) return stream;
    const names = [...this.#streams.keys()].sort().slice(0, 20);
    throw new SluiceError(
      'unknown-stream',
      `there is no stream ${JSON.stringify(name)}; ${names.length ? `there are: ${names.join(', ')}` : 'there are none yet'}`,
      {
        received: name,
      },
    );
  }

  /** Opens a stream, or hands back the one that is open (or just being opened) under this name. */
  async open(name: string, config: StreamConfig, companionOf: string | null = null): Promise<Stream> {
    parseStreamName(name);
    const known = this.#streams.get(name) ?? this.#opening.get(name);
    if (known) return await known;
    const opening = this.#options.deps(name).then((deps) => Stream.open(name, config, deps, companionOf));
    this.#opening.set(name, opening);
    try {
      const stream = await opening;
      this.#streams.set(name, stream);
      this.events.emit('added', { stream });
      return stream;
    } finally {
      this.#opening.delete(name);
    }
  }

  /** Closes a stream and takes it out. */
  async remove(name: string): Promise<void> {
    const stream = this.get(name);
    this.#streams.delete(name);
    await stream.close();
    this.events.emit('removed', { stream });
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((stream) => stream.close()));
  }
}
