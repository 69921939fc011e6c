// Reads a channel inside one program, by the rules of subscribers over HTTP: a segment is given once its first byte is there, the next one is
// held while one is read, and who falls out of the ring goes on with the newest.
import { type Channel, checkRead, NEXT, type ReadAnswer } from './channel.ts';
import type { TrickleChannels } from './channels.ts';
import { newFigures } from './figures.ts';
import type { ChannelEnd, ChannelFigures, ChannelSubscriber, SegmentReader } from './segments.ts';
import { pause, systemTimers, type Timers } from './timers.ts';

type SegmentView = Extract<ReadAnswer, { readonly found: true }>['view'];

/** How a channel of this program is read. All times in ms. */
export interface LocalSubscriberOptions {
  /** First segment: -1 the next to begin (default), -2 the one being written, from its first byte, or a number. */
  readonly start?: number | undefined;
  /** So long a missing channel is waited for; default 0: it is the end. */
  readonly waitMissing?: number | undefined;
  /** So many refusals in a row (too many readers) end it; default 5. */
  readonly retries?: number | undefined;
  /** Pause after a refusal, default 300. */
  readonly pause?: number | undefined;
  /** Closes it. */
  readonly signal?: AbortSignal | undefined;
  readonly timers?: Timers | undefined;
}

export class LocalSubscriber implements ChannelSubscriber {
  readonly figures: ChannelFigures;
  readonly #figures = newFigures();
  readonly #channels: TrickleChannels;
  readonly #name: string;
  readonly #options: LocalSubscriberOptions;
  readonly #timers: Timers;
  readonly #abort = new AbortController();
  readonly #forget: () => void;
  readonly #open = new Set<SegmentView>();
  #channel: Channel | null = null;
  #ahead: { readonly view: SegmentView; readonly latest: number } | null = null;
  #at: number;
  #turn: Promise<unknown> = Promise.resolve();
  #reason: ChannelEnd | null = null;

  /** Throws `bad-value` for a number that no segment can have. */
  constructor(channels: TrickleChannels, name: string, options: LocalSubscriberOptions = {}) {
    this.#at = options.start ?? NEXT;
    checkRead(this.#at, 'start');
    this.#channels = channels;
    this.#name = name;
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.figures = this.#figures;
    const { signal } = options;
    const onAbort = () => void this.#end('closed');
    this.#forget = () => signal?.removeEventListener('abort', onAbort);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  }

  get reason(): ChannelEnd | null {
    return this.#reason;
  }

  next(): Promise<SegmentReader | null> {
    const turn = this.#turn.then(() => this.#next());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    this.#end('closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #next(): Promise<SegmentReader | null> {
    const { signal } = this.#abort;
    while (this.#reason === null) {
      this.#channel ??= await this.#find();
      const channel = this.#channel;
      if (!channel) return this.#end('not-found');
      const found = this.#ahead ?? (await this.#read(channel));
      this.#ahead = null;
      if (!found) continue;
      const { view, latest } = found;
      await begun(view, signal);
      if (signal.aborted) break;
      if (view.segment.bytes === 0 && channel.closed) {
        this.#release(view);
        return this.#end('ended');
      }
      this.#at = view.seq + 1;
      this.#figures.seq = view.seq;
      this.#figures.since = this.#timers.now();
      this.#figures.segments++;
      this.#holdNext(channel);
      return new LocalSegment(view, latest, channel.contentType, {
        bytes: (count) => {
          this.#figures.bytes += count;
        },
        done: () => {
          if (this.#release(view) && view.cut) this.#figures.dropped++;
        },
      });
    }
    return null;
  }

  /** The view of the segment at hand; `null`: look again, it is another one now, or it has ended. */
  async #read(channel: Channel): Promise<{ view: SegmentView; latest: number } | null> {
    for (let failures = 0; ; ) {
      try {
        const answer = channel.read(this.#at);
        if (answer.found) {
          this.#open.add(answer.view);
          return answer;
        }
        if (channel.closed) return this.#end('ended');
        if (this.#at >= 0) this.#figures.dropped += Math.max(0, answer.latest - this.#at);
        this.#at = answer.latest;
        return null;
      } catch (error) {
        // Too many readers.
        this.#figures.error = (error as Error).message;
        const { retries = 5, pause: ms = 300 } = this.#options;
        if (++failures > retries) return this.#end('failed');
        await pause(this.#timers, ms, this.#abort.signal);
        if (this.#reason !== null) return null;
      }
    }
  }

  /** What is held stays readable when it leaves the ring. */
  #holdNext(channel: Channel): void {
    try {
      const answer = channel.read(this.#at);
      if (!answer.found) return;
      this.#open.add(answer.view);
      this.#ahead = answer;
    } catch {
      // Too many readers: it is asked for again when it is wanted.
    }
  }

  /** The channel, waited for if need be. */
  async #find(): Promise<Channel | null> {
    const known = this.#channels.get(this.#name);
    const wait = this.#options.waitMissing ?? 0;
    if (known || wait <= 0) return known ?? null;
    const { signal } = this.#abort;
    return await new Promise((resolve) => {
      const done = () => {
        stop();
        off();
        signal.removeEventListener('abort', done);
        resolve(this.#channels.get(this.#name) ?? null);
      };
      const stop = this.#timers.after(wait, done);
      const off = this.#channels.events.on('added', ({ name }) => name === this.#name && done());
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #release(view: SegmentView): boolean {
    view.close();
    return this.#open.delete(view);
  }

  #end(reason: ChannelEnd): null {
    if (this.#reason === null) {
      this.#reason = reason;
      this.#forget();
      this.#abort.abort();
    }
    if (reason === 'closed') {
      for (const view of [...this.#open]) {
        this.#release(view);
        view.onReady?.();
      }
    }
    return null;
  }
}

/** Resolves once the segment has a byte or its end, or it is no longer wanted. */
async function begun(view: SegmentView, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && view.segment.bytes === 0 && !view.done) await view.ready();
}

class LocalSegment implements SegmentReader {
  readonly latest: number;
  readonly contentType: string;
  readonly #view: SegmentView;
  readonly #host: { bytes(count: number): void; done(): void };
  #read = false;

  constructor(view: SegmentView, latest: number, contentType: string, host: { bytes(count: number): void; done(): void }) {
    this.#view = view;
    this.latest = latest;
    this.contentType = contentType;
    this.#host = host;
  }

  get seq(): number {
    return this.#view.seq;
  }

  get truncated(): boolean {
    return this.#view.cut;
  }

  cancel(): void {
    this.#host.done();
    // Whoever waits for bytes is told.
    this.#view.onReady?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    if (this.#read) return;
    this.#read = true;
    try {
      for await (const chunk of this.#view) {
        this.#host.bytes(chunk.length);
        yield chunk;
      }
    } finally {
      this.#host.done();
    }
  }
}
