// A segment on its way to a server: keeps bytes until it is connected, hands them over from then on, and settles once.
import type { Endpoint } from './endpoint.ts';
import { type PostOutcome, SegmentPost } from './segment-post.ts';
import type { SegmentWriter } from './segments.ts';
import type { Timers } from './timers.ts';

/** What a segment asks of its publisher. */
export interface SegmentHost {
  readonly endpoint: Endpoint;
  readonly timers: Timers;
  readonly maxWaiting: number;
  readonly answerTimeout: number;
  readonly silence: number;
  headers(seq: number): Record<string, string>;
  bytes(count: number): void;
  /** The server has taken a segment, or said that it waits for one. */
  proven(): boolean;
  /** The server showed that it is there. */
  sign(): void;
  /** A POST came to its end. The publisher answers by `connect`, `settle` or `drop`. */
  outcome(segment: PublishedSegment, outcome: PostOutcome): void;
  /** Why one is given up. */
  note(error: string): void;
  /** `remove`: readers may wait for it on the server. */
  settled(segment: PublishedSegment, result: 'done' | 'dropped', remove: boolean): void;
}

type Result = 'done' | 'dropped';

export class PublishedSegment implements SegmentWriter {
  readonly seq: number;
  readonly #host: SegmentHost;
  readonly #result = Promise.withResolvers<Result>();
  #post: SegmentPost | null = null;
  /** Bytes that wait for a connection; while the server has not shown that it takes segments, all bytes. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #keptAll = true;
  #ended = false;
  #taken = false;
  #settled: Result | null = null;
  #stopRetry: () => void = () => {};
  #stopWatch: () => void = () => {};

  constructor(seq: number, host: SegmentHost) {
    this.seq = seq;
    this.#host = host;
  }

  /** Bytes handed to the connection. */
  get sent(): number {
    return this.#post?.sent ?? 0;
  }

  /** Nothing of it is out, or all its bytes are still here: after an answer that refuses it, it can be sent again. */
  get repeatable(): boolean {
    return this.#keptAll;
  }

  /** All its bytes are handed over; it waits for its answer. */
  get whole(): boolean {
    return this.#ended && this.#post?.connected === true;
  }

  /** Somebody writes it from now on. */
  take(): void {
    this.#taken = true;
    this.#stopWatch();
  }

  /** Opens its POST after so many ms. */
  connect(after: number): void {
    if (this.#settled) return;
    this.#stopRetry();
    this.#post?.destroy();
    this.#post = null;
    if (after > 0) this.#stopRetry = this.#host.timers.after(after, () => this.#open());
    else this.#open();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#settled || this.#ended) return false;
    if (chunk.length === 0) return true;
    const post = this.#post;
    const waiting = (post?.connected ? post.waiting : this.#keptBytes) + chunk.length;
    if (waiting > this.#host.maxWaiting) {
      this.drop(`${waiting} bytes wait for the connection, ${this.#host.maxWaiting} may`);
      return false;
    }
    this.#host.bytes(chunk.length);
    if (post?.connected) {
      post.write(chunk);
      this.#keptAll &&= !this.#host.proven() && this.#keptBytes + chunk.length <= this.#host.maxWaiting;
      if (!this.#keptAll) this.#forget();
    }
    if (this.#keptAll) {
      this.#kept.push(chunk);
      this.#keptBytes += chunk.length;
    }
    return true;
  }

  end(): Promise<Result> {
    if (!this.#ended && !this.#settled) {
      this.#ended = true;
      this.#stopWatch();
      this.#stopWatch = this.#host.timers.after(this.#host.answerTimeout, () =>
        this.drop(`no answer within ${this.#host.answerTimeout / 1000} s`),
      );
      if (this.#post?.connected) this.#post.end();
    }
    return this.#result.promise;
  }

  drop(reason: string): void {
    if (this.#settled) return;
    this.#host.note(`segment ${this.seq} was given up: ${reason}`);
    this.giveUp();
  }

  /** Drops it for a reason that was told already. */
  giveUp(): void {
    if (this.#settled) return;
    const post = this.#post;
    if (post && post.sent === 0 && !post.lost) {
      // Nothing of it is out: an empty body ends it on the server, without a further connection.
      post.end();
      this.settle('dropped');
      // A server that never answers must not gather connections.
      this.#stopWatch = this.#host.timers.after(this.#host.answerTimeout, () => post.destroy());
    } else {
      post?.destroy();
      this.settle('dropped', true);
    }
  }

  /** Ends it without a word to the server. */
  abandon(_reason: string): void {
    this.#post?.destroy();
    this.settle('dropped');
  }

  settle(result: Result, remove = false): void {
    if (this.#settled) return;
    this.#settled = result;
    this.#stopRetry();
    this.#stopWatch();
    this.#forget();
    this.#host.settled(this, result, remove && this.#taken);
    this.#result.resolve(result);
  }

  #open(): void {
    const { endpoint } = this.#host;
    const post: SegmentPost = new SegmentPost(endpoint, this.seq, this.#host.headers(this.seq), {
      ready: () => this.#ready(post),
      sign: () => this.#sign(post),
      outcome: (outcome) => {
        // Answered before its end: the rest of the body is of no use to anybody.
        if (!('whole' in outcome && outcome.whole)) post.destroy();
        if (this.#post !== post) return;
        if (this.#settled) this.#stopWatch();
        else this.#host.outcome(this, outcome);
      },
    });
    this.#post = post;
  }

  #ready(post: SegmentPost): void {
    if (this.#settled || this.#post !== post) return;
    for (const chunk of this.#kept) post.write(chunk);
    if (this.#kept.length > 0 && this.#host.proven()) {
      this.#keptAll = false;
      this.#forget();
    }
    if (this.#ended) post.end();
  }

  #forget(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }

  /** A server that says it is there each 10 s and stops doing so is on a connection that leads nowhere any more. */
  #sign(post: SegmentPost): void {
    if (this.#settled || this.#post !== post) return;
    this.#host.sign();
    if (this.#taken) return;
    this.#stopWatch();
    this.#stopWatch = this.#host.timers.after(this.#host.silence, () => {
      this.#host.endpoint.dropIdle();
      this.connect(0);
    });
  }
}
