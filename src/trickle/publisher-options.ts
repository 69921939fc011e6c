// What can be told to a publisher over HTTP.
import type { EndpointOptions } from './endpoint.ts';
import type { Timers } from './timers.ts';

/** How a channel is written. */
export interface TricklePublisherOptions extends EndpointOptions {
  /** MIME type of the segments, default `video/mp2t`. A channel keeps the one that it was made with. */
  readonly contentType?: string | undefined;
  /** Number of the first segment, default 0. */
  readonly start?: number | undefined;
  /** Tells the server that this publisher begins anew: all lower segments come to their end (`Lp-Trickle-Reset`). */
  readonly reset?: boolean | undefined;
  /** What a missing channel means: it is created (default), it is waited for as long as `retries` allow, or the end. */
  readonly missing?: 'create' | 'wait' | 'stop' | undefined;
  /** So many failures in a row end it; default 10, `Infinity` never. */
  readonly retries?: number | undefined;
  /** Pause after a failure, ms; doubles with each further one up to `maxPause`. Defaults 250 and 5000. */
  readonly pause?: number | undefined;
  readonly maxPause?: number | undefined;
  /** Bytes of a segment that may wait for the connection; one that needs more is given up. Default 8 MiB. */
  readonly maxWaiting?: number | undefined;
  /** Segments that may be on their way at a time; further ones are given up at once. Default 3. */
  readonly maxInFlight?: number | undefined;
  /** So long the answer to a whole segment may take, ms. Default 30,000. */
  readonly answerTimeout?: number | undefined;
  /** So long closing may take, ms. Default 5000. */
  readonly closeTimeout?: number | undefined;
  /** Leaves the channel there at the end instead of deleting it. */
  readonly keep?: boolean | undefined;
  readonly timers?: Timers | undefined;
}
