// Streams that the server makes by itself: of each stream with processors in the way of its picture one that shows it unprocessed. They cost
// nothing while nobody watches, keep no recordings, and go with the stream or its processors.
import { isFinder, StreamConfig } from '../api/schema.ts';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { STREAM_NAME } from '../core/stream-name.ts';
import type { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';

/** Name of the stream that shows the unprocessed pictures of another one. */
export function companionName(name: string): string {
  return `${name}.unprocessed`;
}

export class Companions {
  readonly #registry: Registry;
  readonly #log: Logger;
  /** One change after the other, by stream. */
  readonly #work = new Map<string, Promise<void>>();

  constructor(registry: Registry, log: Logger) {
    this.#registry = registry;
    this.#log = log;
    registry.events.on('added', ({ stream }) => {
      if (stream.companionOf !== null) return;
      stream.events.on('config', () => this.#follow(stream));
      this.#follow(stream);
    });
    registry.events.on('removed', ({ stream }) => {
      if (stream.companionOf === null) this.#follow(stream);
    });
  }

  /** The companion of a stream, if there is one. */
  of(stream: Stream): Stream | null {
    const companion = this.#registry.find(companionName(stream.name));
    return companion?.companionOf === stream.name ? companion : null;
  }

  /** Throws `conflict` for a stream that is not people's own. */
  assertOwn(name: string): void {
    const owner = this.#registry.find(name)?.companionOf;
    if (owner)
      throw new SluiceError('conflict', `${name} shows the unprocessed pictures of ${owner}; it comes and goes with its processors`);
  }

  #follow(stream: Stream): void {
    const { name } = stream;
    const work = (this.#work.get(name) ?? Promise.resolve())
      .then(() => this.#settle(stream))
      .catch((error) => this.#log.error({ stream: name, error: String(error) }, 'the stream of its unprocessed pictures could not be made'))
      .finally(() => {
        if (this.#work.get(name) === work) this.#work.delete(name);
      });
    this.#work.set(name, work);
  }

  async #settle(stream: Stream): Promise<void> {
    const registry = this.#registry;
    const name = companionName(stream.name);
    const wanted = registry.find(stream.name) === stream && stream.config.processors.some((one) => !isFinder(one) && !one.beside);
    const known = registry.find(name);
    if (!wanted) {
      if (known?.companionOf === stream.name) await registry.remove(name);
      return;
    }
    // A stream of that name may be people's own; a name may be too long to get longer.
    if (!STREAM_NAME.test(name) || (known && known.companionOf !== stream.name)) return;
    const { title, pixelSize, view, encode, linger } = stream.config;
    const config = StreamConfig.parse({
      title: `${title ?? stream.name} (unprocessed)`,
      ...(pixelSize === undefined ? {} : { pixelSize }),
      source: { type: 'stream', stream: stream.name, unprocessed: true },
      view,
      encode,
      linger,
      dvr: { mode: 'off' },
      detector: false,
    });
    if (known) await known.configure(config);
    else await registry.open(name, config, stream.name);
  }
}
