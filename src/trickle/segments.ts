// What publishers and subscribers of trickle channels look like, whether over HTTP or inside one program. A channel is a row of numbered
// segments; a segment is a row of bytes that readers get while it is written.

/** A segment in the making. */
export interface SegmentWriter {
  readonly seq: number;
  /**
   * Hands bytes over at once and never waits. False: the segment is given up, because the other side failed or does not keep up; its bytes
   * are lost, the next segment begins anew.
   */
  write(chunk: Uint8Array): boolean;
  /** Settles when the other side has the whole segment, or has lost it. */
  end(): Promise<'done' | 'dropped'>;
  /** Gives it up: readers see its end where it is. */
  drop(reason: string): void;
}

/** A segment as it comes in. */
export interface SegmentReader extends AsyncIterable<Uint8Array> {
  readonly seq: number;
  /** `Lp-Trickle-Latest`: the number that will be written next; `null` = not told. */
  readonly latest: number | null;
  /** MIME type of the channel, empty if it has none. */
  readonly contentType: string;
  /** It ended before its end: the connection failed, or it was read too slowly. Known once the iteration is over, which does not throw. */
  readonly truncated: boolean;
  /** Reads no more of it. */
  cancel(): void;
}

/** Why a channel can be read or written no more. `ended`: its publisher closed it. */
export type ChannelEnd = 'ended' | 'not-found' | 'failed' | 'closed';

/** Figures of one end of a channel. */
export interface ChannelFigures {
  /** Of the segment at hand, -1 before the first. */
  readonly seq: number;
  /** When that segment began, ms of `performance.now()`; `null` before the first. */
  readonly since: number | null;
  readonly segments: number;
  readonly bytes: number;
  /** Segments that were given up or missed. */
  readonly dropped: number;
  /** Connections that failed and were made anew. */
  readonly reconnects: number;
  /** Newest failure in a sentence. */
  readonly error: string | null;
}

/** Writes a channel. Segments are numbered one after the other, however fast `next` is called. */
export interface ChannelPublisher extends AsyncDisposable {
  readonly figures: ChannelFigures;
  /** Ends with the reason when nothing can be written any more. */
  readonly ended: Promise<ChannelEnd>;
  /** Begins the next segment at once; the one before need not be ended. Throws `gone` once the channel has ended. */
  next(): SegmentWriter;
  /** Ends the last segment and deletes the channel, so that its readers see the end. Idempotent. */
  close(): Promise<void>;
}

/** Reads a channel. */
export interface ChannelSubscriber extends AsyncDisposable {
  readonly figures: ChannelFigures;
  /** Of the end, once `next` has given `null`. */
  readonly reason: ChannelEnd | null;
  /** The next segment as soon as its first byte is there; `null` at the end of the channel. */
  next(): Promise<SegmentReader | null>;
  close(): Promise<void>;
}
