// Whether pictures come, and the player's state and sentence from that and all else that is known.

import { describe, type Situation, type Status } from './status.ts';
import type { StreamWatch } from './stream-watch.ts';

const CHECK_MS = 2500;
const STALL_MS = 3000;

/** What the player knows by itself. */
export type OwnSituation = Pick<
  Situation,
  'paused' | 'seeking' | 'blocked' | 'ended' | 'connecting' | 'transportTrouble' | 'name' | 'host'
>;

export class StallWatch {
  readonly #watch: StreamWatch;
  /** When the newest new frame was shown; `null` before the first. */
  #newFrameMs: number | null = null;
  /** When the server was asked last about a stall. */
  #checkedMs = Number.NEGATIVE_INFINITY;
  #status: Status = { state: 'loading', message: '' };

  constructor(watch: StreamWatch) {
    this.#watch = watch;
  }

  get status(): Status {
    return this.#status;
  }

  /** A new frame is on the screen. */
  sawFrame(): void {
    this.#newFrameMs = performance.now();
  }

  /** A pause, or the time of a hidden page, is no silence of the source. */
  restart(): void {
    if (this.#newFrameMs !== null) this.#newFrameMs = performance.now();
  }

  /** Brings the status up to date; returns the one before if it is another one now, else `null`. */
  update(own: OwnSituation, serverNow: number | null): Status | null {
    const { info, trouble, reason } = this.#watch;
    const nowMs = performance.now();
    const interval = info && info.fps > 0 ? 1000 / info.fps : 0;
    const sinceFrameMs = this.#newFrameMs === null ? null : nowMs - this.#newFrameMs;
    const stallMs = Math.max(STALL_MS, 3 * interval);
    if (!own.paused && sinceFrameMs !== null && sinceFrameMs > stallMs - 500 && nowMs - this.#checkedMs > CHECK_MS) {
      this.#checkedMs = nowMs;
      void this.#watch.check();
    }
    const status = describe({
      ...own,
      hasSource: true,
      sinceFrameMs,
      stallMs,
      trouble,
      streamState: info?.state ?? null,
      sourceSilent: this.#sourceSilent(stallMs, serverNow),
      reason,
    });
    const previous = this.#status;
    if (status.state === previous.state && status.message === previous.message) return null;
    this.#status = status;
    return previous;
  }

  /** Whether the server's newest frame is old as well: then the fault is with the source, not on the way. */
  #sourceSilent(stallMs: number, serverNow: number | null): boolean | null {
    const newest = this.#watch.info?.lastFrame?.timestamp;
    if (serverNow === null || newest === undefined || performance.now() - this.#checkedMs > 2 * CHECK_MS) return null;
    return (serverNow - newest) / 1000 > stallMs - 1000;
  }
}
