// Writes a channel inside one program, by the rules of publishers over HTTP: the next segment is open while one is written.
import { SluiceError } from '../core/errors.ts';
import { type Channel, NEXT } from './channel.ts';
import type { TrickleChannels } from './channels.ts';
import { newFigures } from './figures.ts';
import type { SegmentEnd, SegmentInput } from './segment.ts';
import type { ChannelEnd, ChannelFigures, ChannelPublisher, SegmentWriter } from './segments.ts';

/** How a channel of this program is written. */
export interface LocalPublisherOptions {
  /** MIME type of the channel if this makes it. Default `video/mp2t`. */
  readonly contentType?: string | undefined;
  /** Number of the first segment; default: the one that comes next. */
  readonly start?: number | undefined;
  /** All lower segments come to their end: this publisher begins anew. */
  readonly reset?: boolean | undefined;
  /** Who writes it, in words. Others can only read the channel then, and it is never swept. */
  readonly owner?: string | undefined;
  /** Leaves the channel there at the end. */
  readonly keep?: boolean | undefined;
}

export class LocalPublisher implements ChannelPublisher {
  readonly figures: ChannelFigures;
  readonly ended: Promise<ChannelEnd>;
  readonly #figures = newFigures();
  readonly #channels: TrickleChannels;
  readonly #channel: Channel;
  readonly #keep: boolean;
  readonly #resolveEnded: (reason: ChannelEnd) => void;
  readonly #open = new Set<LocalSegmentWriter>();
  #ahead: SegmentInput | null = null;
  #seq: number;
  #reason: ChannelEnd | null = null;

  /**
   * Makes the channel if there is none. Throws what `TrickleChannels.open` and `Channel.write` throw: a name that cannot be, a channel of
   * another owner, too many channels, a number that is closed.
   */
  constructor(channels: TrickleChannels, name: string, options: LocalPublisherOptions = {}) {
    this.#channels = channels;
    this.#channel = channels.open(name, {
      contentType: options.contentType ?? 'video/mp2t',
      ...(options.owner === undefined ? {} : { owner: options.owner }),
    });
    this.#keep = options.keep ?? false;
    this.figures = this.#figures;
    const { promise, resolve } = Promise.withResolvers<ChannelEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    const first = this.#channel.write(options.start ?? NEXT, { reset: options.reset ?? false });
    this.#seq = first.seq;
    this.#hold(first);
  }

  next(): SegmentWriter {
    if (this.#reason !== null) throw new SluiceError('gone', `the channel ${this.#channel.name} takes no more segments (${this.#reason})`);
    const input = this.#ahead ?? this.#channel.write(NEXT);
    this.#ahead = null;
    this.#seq = input.seq;
    this.#figures.seq = input.seq;
    this.#figures.since = performance.now();
    const segment = new LocalSegmentWriter(input, {
      bytes: (count) => {
        this.#figures.bytes += count;
      },
      drop: (reason) => {
        this.#figures.error = `segment ${input.seq} was given up: ${reason}`;
        this.#channel.drop(input.seq);
      },
      settled: (result) => {
        this.#open.delete(segment);
        if (result === 'done') this.#figures.segments++;
        else this.#figures.dropped++;
      },
      closed: (end) => {
        if (end === 'channel-closed') this.#end('ended');
        else this.#figures.error = `segment ${input.seq} was closed (${end})`;
      },
    });
    this.#open.add(segment);
    this.#openAhead();
    return segment;
  }

  async close(): Promise<void> {
    if (this.#reason !== null) return;
    const all = [...this.#open].map((segment) => segment.end());
    this.#ahead?.abort();
    this.#ahead = null;
    this.#end('closed');
    // Another one of the same name may be there by now.
    if (!this.#keep && this.#channels.get(this.#channel.name) === this.#channel) this.#channels.delete(this.#channel.name);
    await Promise.all(all);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Readers may ask for the next number before its first byte, and its closing tells the end of the channel. */
  #openAhead(): void {
    let seq = this.#seq + 1;
    try {
      for (;;) {
        try {
          return this.#hold(this.#channel.write(seq));
        } catch (error) {
          if (!(error instanceof SluiceError) || error.code !== 'conflict') throw error;
          seq++;
        }
      }
    } catch (error) {
      this.#figures.error = (error as Error).message;
      this.#end(this.#channel.closed ? 'ended' : 'failed');
    }
  }

  #hold(input: SegmentInput): void {
    this.#ahead = input;
    input.onClosed = (end) => {
      if (this.#ahead !== input) return;
      this.#ahead = null;
      if (end === 'channel-closed') return this.#end('ended');
      this.#seq = input.seq;
      this.#openAhead();
    };
  }

  #end(reason: ChannelEnd): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#resolveEnded(reason);
  }
}

interface WriterHost {
  bytes(count: number): void;
  drop(reason: string): void;
  settled(result: 'done' | 'dropped'): void;
  closed(end: SegmentEnd): void;
}

class LocalSegmentWriter implements SegmentWriter {
  readonly #input: SegmentInput;
  readonly #host: WriterHost;
  readonly #result = Promise.withResolvers<'done' | 'dropped'>();
  #settled = false;

  constructor(input: SegmentInput, host: WriterHost) {
    this.#input = input;
    this.#host = host;
    input.onClosed = (end) => {
      this.#settle('dropped');
      host.closed(end);
    };
  }

  get seq(): number {
    return this.#input.seq;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#settled) return false;
    const answer = this.#input.write(chunk);
    if (answer === 'taken') {
      this.#host.bytes(chunk.length);
      return true;
    }
    // `busy`: somebody else writes the same number, and was first.
    if (answer === 'busy') this.#input.abort();
    this.#settle('dropped');
    return false;
  }

  end(): Promise<'done' | 'dropped'> {
    if (!this.#settled) {
      this.#input.end();
      this.#settle('done');
    }
    return this.#result.promise;
  }

  drop(reason: string): void {
    if (this.#settled) return;
    this.#input.onClosed = null;
    this.#host.drop(reason);
    this.#settle('dropped');
  }

  #settle(result: 'done' | 'dropped'): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#host.settled(result);
    this.#result.resolve(result);
  }
}
