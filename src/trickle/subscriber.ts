// Reads a channel of a trickle server over HTTP. While segment n is read, n + 1 is asked for already, so that its first byte comes without a
// round trip.
import type { IncomingMessage } from 'node:http';
import { checkRead, NEXT, RING } from './channel.ts';
import { answerInWords, Endpoint, type EndpointOptions, readShort } from './endpoint.ts';
import { newFigures } from './figures.ts';
import { channelHeaders } from './headers.ts';
import { ReceivedSegment, type ReceiverHost } from './received-segment.ts';
import { getSegment } from './segment-get.ts';
import type { ChannelEnd, ChannelFigures, ChannelSubscriber, SegmentReader } from './segments.ts';
import { pause, systemTimers, type Timers } from './timers.ts';

/** How a channel is read. All times in ms. */
export interface TrickleSubscriberOptions extends EndpointOptions {
  /** First segment: -1 the next to begin (default), -2 the one being written, from its first byte, or a number. */
  readonly start?: number | undefined;
  /** So long a missing channel is waited for; default 0: it is the end. */
  readonly waitMissing?: number | undefined;
  /** So many failures in a row end it; default 5, `Infinity` never. */
  readonly retries?: number | undefined;
  /** Pause after a failure and between looks for a missing channel, default 300. */
  readonly pause?: number | undefined;
  /** A request without an answer is made anew after so long, default 20,000. */
  readonly refresh?: number | undefined;
  /** So long a segment that has begun may be silent; what is missing of it is given up then. Default 30,000. */
  readonly segmentIdle?: number | undefined;
  /** The same once the next segment has begun, default 5000. */
  readonly overtaken?: number | undefined;
  /** When nothing came for so long, it ends as `failed`. Default `Infinity`. */
  readonly idle?: number | undefined;
  /** Closes it. */
  readonly signal?: AbortSignal | undefined;
  readonly timers?: Timers | undefined;
}

/** Answers that no repetition changes. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 403, 405, 451, 501]);
/** “The channel is there, this segment is not.” */
const NO_SEGMENT = 470;
/** So many jumps in a row without a segment are a failure. */
const MAX_JUMPS = 3;

export class TrickleSubscriber implements ChannelSubscriber {
  readonly figures: ChannelFigures;
  readonly #figures = newFigures();
  readonly #endpoint: Endpoint;
  readonly #options: TrickleSubscriberOptions;
  readonly #timers: Timers;
  readonly #host: ReceiverHost;
  readonly #abort = new AbortController();
  readonly #open = new Set<ReceivedSegment>();
  readonly #forget: () => void;
  /** The next segment, asked for ahead. */
  #ahead: Promise<ReceivedSegment | null> | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #reason: ChannelEnd | null = null;
  /** The channel has been seen. */
  #found = false;
  /** When something came last. */
  #signAt: number;

  /** Connects with the first `next`. Throws `bad-value` for an address or number that cannot be. */
  constructor(url: string | URL, options: TrickleSubscriberOptions = {}) {
    checkRead(options.start ?? NEXT, 'start');
    this.#endpoint = new Endpoint(url, options);
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#signAt = this.#timers.now();
    this.figures = this.#figures;
    this.#host = {
      timers: this.#timers,
      idle: options.segmentIdle ?? 30_000,
      bytes: (count) => {
        this.#figures.bytes += count;
        this.#signAt = this.#timers.now();
      },
      done: (segment, error) => {
        this.#open.delete(segment);
        if (this.#reason !== null && this.#open.size === 0) this.#endpoint.close();
        if (error === null) return;
        this.#note(error);
        this.#figures.dropped++;
        this.#figures.reconnects++;
      },
    };
    const { signal } = options;
    const onAbort = () => this.#end('closed');
    this.#forget = () => signal?.removeEventListener('abort', onAbort);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) this.#end('closed');
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
    await this.#ahead;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #next(): Promise<SegmentReader | null> {
    if (!this.#ahead) {
      this.#signAt = this.#timers.now();
      this.#ahead = this.#seek(this.#options.start ?? NEXT);
    }
    const segment = await this.#ahead;
    if (!segment || this.#abort.signal.aborted) return null;
    this.#figures.seq = segment.seq;
    this.#figures.since = this.#timers.now();
    this.#figures.segments++;
    const ahead = this.#seek(segment.seq + 1);
    this.#ahead = ahead;
    void ahead.then((next) => next && segment.hurry(this.#options.overtaken ?? 5000));
    return segment;
  }

  /** The segment `at`, or the one that takes its place; `null` at the end of the channel. Never rejects. */
  async #seek(at: number): Promise<ReceivedSegment | null> {
    const { signal } = this.#abort;
    const { retries = 5, waitMissing = 0, pause: pauseMs = 300 } = this.#options;
    let failures = 0;
    let jumps = 0;
    let missingSince: number | null = null;
    const stopIdle = this.#watchIdle();
    try {
      while (this.#reason === null) {
        const outcome = await getSegment(this.#endpoint, at, { timers: this.#timers, refresh: this.#options.refresh ?? 20_000, signal });
        if (this.#reason !== null) {
          if ('response' in outcome) outcome.response.destroy();
          return null;
        }
        let failure: string;
        if ('error' in outcome) failure = outcome.error.message;
        else {
          const { response } = outcome;
          const told = channelHeaders(response.headers);
          const status = response.statusCode ?? 0;
          if (status === 200 && !told.closed) {
            const seq = told.seq ?? (at >= 0 ? at : null);
            if (seq !== null) return this.#begin(response, seq, told);
          }
          // One that stops in the middle is as good as none.
          const stop = this.#timers.after(this.#options.refresh ?? 20_000, () => response.destroy());
          const text = await readShort(response).catch(() => '');
          stop();
          if (told.closed) return this.#end('ended');
          if (status === NO_SEGMENT) {
            this.#found = true;
            if (at >= 0 && told.latest !== null) this.#figures.dropped += Math.max(0, told.latest - at);
            // A little backwards, to what was read already, a server may send over and over: not without a pause. Far back is a new beginning.
            const back = told.latest !== null && told.latest < at && at - told.latest <= RING;
            at = told.latest ?? -1;
            if (back) await pause(this.#timers, pauseMs, signal);
            if (++jumps <= MAX_JUMPS) continue;
          }
          failure = status === 200 ? 'the answer has no Lp-Trickle-Seq' : `the answer was ${answerInWords(status, text)}`;
          if (status === 404) {
            missingSince ??= this.#timers.now();
            this.#note(failure);
            if (this.#timers.now() - missingSince >= waitMissing) return this.#end(this.#found ? 'ended' : 'not-found');
            await pause(this.#timers, pauseMs, signal);
            continue;
          }
          if (FINAL.has(status)) failures = Number.POSITIVE_INFINITY;
        }
        this.#note(at >= 0 ? `segment ${at}: ${failure}` : failure);
        if (++failures > retries) return this.#end('failed');
        this.#figures.reconnects++;
        await pause(this.#timers, pauseMs, signal);
      }
      return null;
    } finally {
      stopIdle();
    }
  }

  #begin(response: IncomingMessage, seq: number, told: { latest: number | null; contentType: string }): ReceivedSegment {
    this.#found = true;
    this.#signAt = this.#timers.now();
    const segment = new ReceivedSegment(response, { seq, latest: told.latest, contentType: told.contentType }, this.#host);
    this.#open.add(segment);
    return segment;
  }

  /** Ends it as failed when nothing has come for `idle` ms. */
  #watchIdle(): () => void {
    const { idle = Number.POSITIVE_INFINITY } = this.#options;
    let stop = () => {};
    const look = () => {
      const left = this.#signAt + idle - this.#timers.now();
      if (left > 0) stop = this.#timers.after(left, look);
      else {
        this.#note(`nothing came for ${idle} ms`);
        this.#end('failed');
      }
    };
    look();
    return () => stop();
  }

  #note(error: string): void {
    this.#figures.error = error;
  }

  #end(reason: ChannelEnd): null {
    // What has been read into this process can still be taken, unless it was closed from here.
    if (reason === 'closed') for (const segment of [...this.#open]) segment.cancel();
    if (this.#reason === null) {
      this.#reason = reason;
      this.#forget();
      this.#abort.abort();
    }
    if (this.#open.size === 0) this.#endpoint.close();
    return null;
  }
}
