// Writes a channel of a trickle server over HTTP. The POST of segment n + 1 is connected while n is written, so that a segment begins
// without a round trip. Bytes are never waited for: a segment that cannot be sent is given up, and the next one begins anew.
import { SluiceError } from '../core/errors.ts';
import { ChannelRequests } from './channel-requests.ts';
import { answerInWords, Endpoint } from './endpoint.ts';
import { newFigures } from './figures.ts';
import { segmentNumber } from './headers.ts';
import { PublishedSegment, type SegmentHost } from './published-segment.ts';
import type { TricklePublisherOptions } from './publisher-options.ts';
import type { PostOutcome } from './segment-post.ts';
import type { ChannelEnd, ChannelFigures, ChannelPublisher, SegmentWriter } from './segments.ts';
import { systemTimers, type Timers } from './timers.ts';

/** Answers that no repetition changes. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 403, 405, 451, 501]);
const DEFAULT_TYPE = 'video/mp2t';
const RETRIES = 10;
/** A server that has shown itself by `100 Continue` and is silent for so long is asked anew, ms. They come each 10 s. */
const SILENCE_MS = 35_000;

export class TricklePublisher implements ChannelPublisher {
  readonly figures: ChannelFigures;
  readonly ended: Promise<ChannelEnd>;
  readonly #figures = newFigures();
  readonly #endpoint: Endpoint;
  readonly #timers: Timers;
  readonly #options: TricklePublisherOptions;
  readonly #host: SegmentHost;
  readonly #resolveEnded: (reason: ChannelEnd) => void;
  readonly #flying = new Set<PublishedSegment>();
  readonly #requests: ChannelRequests;
  #ahead: PublishedSegment | null = null;
  #seq: number;
  #first: number;
  #reason: ChannelEnd | null = null;
  #proven = false;
  #failures = 0;
  #retryAt = 0;
  #creating: Promise<void> | null = null;
  #creations = 0;
  /** Answers in a row that came before the body's end. */
  #early = 0;
  #closing: Promise<void> | null = null;

  /** Connects at once. Throws `bad-value` for an address or number that cannot be. */
  constructor(url: string | URL, options: TricklePublisherOptions = {}) {
    const start = options.start ?? 0;
    if (!Number.isSafeInteger(start) || start < 0) {
      throw new SluiceError('bad-value', `start: ${start} received; expected an integer >= 0 (TricklePublisher.open asks the server)`);
    }
    this.#endpoint = new Endpoint(url, options);
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#requests = new ChannelRequests(this.#endpoint, this.#timers);
    this.#seq = start;
    this.#first = start;
    const { promise, resolve } = Promise.withResolvers<ChannelEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.figures = this.#figures;
    this.#host = {
      timers: this.#timers,
      endpoint: this.#endpoint,
      maxWaiting: options.maxWaiting ?? 8 * 2 ** 20,
      answerTimeout: options.answerTimeout ?? 30_000,
      silence: SILENCE_MS,
      headers: (seq) => this.#headers(seq),
      bytes: (count) => {
        this.#figures.bytes += count;
      },
      proven: () => this.#proven,
      sign: () => this.#works(),
      outcome: (segment, outcome) => this.#judge(segment, outcome),
      note: (error) => this.#note(error),
      settled: (segment, result, remove) => this.#settled(segment, result, remove),
    };
    this.#connectAhead();
  }

  /**
   * Asks the server for the number that comes next and goes on there, so that a restart of the publisher does not begin at 0 again. A
   * missing channel begins at 0. Rejects with `unavailable` if the server does not answer within 10 s.
   */
  static async open(url: string | URL, options: Omit<TricklePublisherOptions, 'start'> = {}): Promise<TricklePublisher> {
    const endpoint = new Endpoint(url, options);
    try {
      const { status, text } = await endpoint.ask('GET', '/next', options.timers ?? systemTimers, 10_000);
      if (status === 404) return new TricklePublisher(url, options);
      const next = status === 200 ? segmentNumber(text.trim()) : null;
      if (next === null) throw new Error(`it answered ${answerInWords(status, text)}`);
      return new TricklePublisher(url, { ...options, start: next });
    } catch (error) {
      throw new SluiceError('unavailable', `${endpoint.address}/next cannot be read: ${(error as Error).message}`, {}, error);
    } finally {
      endpoint.close();
    }
  }

  next(): SegmentWriter {
    if (this.#reason !== null || this.#closing !== null) {
      throw new SluiceError('gone', `${this.#endpoint.address} takes no more segments (${this.#reason ?? 'closed'})`);
    }
    const segment = this.#ahead ?? this.#newSegment();
    this.#ahead = null;
    this.#figures.seq = segment.seq;
    this.#figures.since = this.#timers.now();
    const slow = this.#flying.size >= (this.#options.maxInFlight ?? 3);
    this.#flying.add(segment);
    segment.take();
    if (slow) segment.drop(`${this.#flying.size - 1} segments are on their way already`);
    this.#connectAhead();
    return segment;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const timeout = this.#options.closeTimeout ?? 5000;
    const late = Promise.withResolvers<void>();
    const stop = this.#timers.after(timeout, late.resolve);
    const sent = [...this.#flying].map((segment) => segment.end());
    await Promise.race([Promise.all(sent), late.promise]);
    stop();
    if (this.#reason === null) {
      // Before the connections are cut: what waits for segment n + 1 is told the end, and not that its publisher broke off.
      const error = this.#options.keep ? null : await this.#requests.deleteChannel(timeout);
      if (error) this.#note(error);
      this.#end('closed');
    }
    // Whatever still waits for its answer has lost it.
    for (const segment of [...this.#flying]) segment.abandon('closed');
    this.#endpoint.close();
  }

  #headers(seq: number): Record<string, string> {
    const headers: Record<string, string> = { 'content-type': this.#options.contentType ?? DEFAULT_TYPE };
    // On the first one alone: it would end those before it.
    if (this.#options.reset && seq === this.#first) headers['lp-trickle-reset'] = '1';
    return headers;
  }

  #newSegment(): PublishedSegment {
    const segment = new PublishedSegment(this.#seq++, this.#host);
    this.#connect(segment);
    return segment;
  }

  #connectAhead(): void {
    if (this.#reason === null && !this.#ahead) this.#ahead = this.#newSegment();
  }

  /** At once, or when the pause after the newest failure is over. */
  #connect(segment: PublishedSegment): void {
    segment.connect(Math.max(0, this.#retryAt - this.#timers.now()));
  }

  #judge(segment: PublishedSegment, outcome: PostOutcome): void {
    if ('error' in outcome) {
      if (this.#reason !== null) return segment.settle('dropped');
      return this.#failAgain(segment, `segment ${segment.seq}: ${outcome.error.message}`, false);
    }
    const { status, headers, whole, text } = outcome;
    if (this.#reason !== null) return segment.settle(whole && status < 300 && !headers.closed ? 'done' : 'dropped');
    if (headers.closed) {
      segment.settle(whole && segment.sent > 0 ? 'done' : 'dropped');
      return this.#end('ended');
    }
    const said = `segment ${segment.seq} was answered ${answerInWords(status, text)}`;
    if (status >= 200 && status < 300) {
      // Livepeer's server answers so where a number is used up. One that does so each time takes no segments at all.
      const early = whole ? 0 : this.#early + 1;
      this.#works();
      this.#early = early;
      if (whole) return segment.settle('done');
      const why = `segment ${segment.seq} was closed by the server before its end`;
      if (early <= (this.#options.retries ?? RETRIES)) return this.#used(segment, headers.latest, why);
      this.#note(why);
      return this.#end('failed');
    }
    if (status === 404) return this.#missing(segment, said);
    // 409 with the next number: this one is closed. Without: the whole channel belongs to somebody else.
    if (FINAL.has(status) || (status === 409 && headers.latest === null)) {
      this.#note(said);
      return this.#end('failed');
    }
    if (status === 409) return this.#used(segment, headers.latest, said);
    if (status === 413) {
      this.#note(said);
      return segment.settle('dropped');
    }
    this.#failAgain(segment, said, true);
  }

  /** The number is used up. If nobody writes this segment yet, another number takes its place. */
  #used(segment: PublishedSegment, latest: number | null, why: string): void {
    this.#note(why);
    if (segment !== this.#ahead) return segment.settle('dropped');
    this.#ahead = null;
    segment.abandon(why);
    if (latest !== null) this.#seq = Math.max(this.#seq, latest);
    if (segment.seq === this.#first) this.#first = this.#seq;
    // With a pause: a server that answers everything at once must not be asked without end.
    if (this.#failed()) this.#connectAhead();
  }

  #failAgain(segment: PublishedSegment, why: string, refused: boolean): void {
    this.#note(why);
    // What is kept is likely dead as well.
    if (!refused) this.#endpoint.dropIdle();
    if (this.#failed()) this.#again(segment, why, refused);
  }

  /** Tries the same number again if the server cannot have anything of it (it `refused` it); otherwise the segment is lost. */
  #again(segment: PublishedSegment, why: string, refused: boolean): void {
    if (segment.sent > 0 && !(refused && segment.repeatable)) {
      this.#note(why);
      return segment.giveUp();
    }
    this.#figures.reconnects++;
    this.#connect(segment);
  }

  /** The server takes segments. */
  #works(): void {
    this.#proven = true;
    this.#failures = 0;
    this.#creations = 0;
    this.#early = 0;
  }

  /** Counts a failure; what fails within the pause after another one counts once. False: too many. */
  #failed(): boolean {
    const now = this.#timers.now();
    if (now < this.#retryAt) return true;
    this.#failures++;
    const { pause = 250, maxPause = 5000, retries = RETRIES } = this.#options;
    if (this.#failures > retries) {
      this.#end('failed');
      return false;
    }
    this.#retryAt = now + Math.min(maxPause, pause * 2 ** (this.#failures - 1));
    return true;
  }

  #missing(segment: PublishedSegment, why: string): void {
    const policy = this.#options.missing ?? 'create';
    if (policy === 'wait') return this.#failAgain(segment, why, true);
    if (policy === 'stop') {
      this.#note(why);
      return this.#end('not-found');
    }
    this.#creating ??= this.#create().finally(() => {
      this.#creating = null;
    });
    void this.#creating.then(() => {
      if (this.#reason === null) this.#again(segment, why, true);
      else segment.settle('dropped');
    });
  }

  async #create(): Promise<void> {
    const { created, status, error } = await this.#requests.create(this.#options.contentType ?? DEFAULT_TYPE);
    if (created) {
      // Created and gone at once, over and over, is a failure too.
      if (this.#creations++ > 0) this.#failed();
      return;
    }
    this.#note(error);
    if (status === 404) this.#end('not-found');
    else if (FINAL.has(status)) this.#end('failed');
    else this.#failed();
  }

  #settled(segment: PublishedSegment, result: 'done' | 'dropped', remove: boolean): void {
    if (!this.#flying.delete(segment)) return;
    if (result === 'done') this.#figures.segments++;
    else this.#figures.dropped++;
    if (remove && this.#reason === null) this.#requests.deleteSegment(segment.seq);
    if (this.#reason !== null) this.#disconnect();
  }

  /** After the end, once nothing waits for its answer. Closing has a request of its own, and does it then. */
  #disconnect(): void {
    if (this.#flying.size === 0 && this.#closing === null) this.#endpoint.close();
  }

  #note(error: string): void {
    this.#figures.error = error;
  }

  #end(reason: ChannelEnd): void {
    if (this.#reason !== null) return;
    this.#reason = this.#closing !== null ? 'closed' : reason;
    this.#ahead?.abandon(reason);
    this.#ahead = null;
    // A whole segment may still get its answer.
    for (const segment of [...this.#flying]) if (!segment.whole || reason === 'failed') segment.abandon(reason);
    this.#disconnect();
    this.#resolveEnded(this.#reason);
  }
}
