// Going to exactly one picture of a <video> that hls.js feeds. Both have their ways of stopping short of it: this one asks again, has media
// loaded anew that nobody loads, and gives up in time for another transport to be tried.
import type { FrameRow } from './frame-table.ts';

/** Two places in the media nearer than this are the same, s. */
const SAME = 0.000_25;

/** An estimated place is at most so far from the exact one, s. */
const NEAR = 0.1;

const TIMEOUT_MS = 15_000;
/** Settled without a callback for this long: the picture was on the screen before. */
const SETTLED_MS = 250;
/** After this long without any progress a seek is helped; after each help it has twice the time, so that help never comes faster than a slow
 *  machine or network can make use of it. */
const STUCK_MS = 300;
const MOST_HELPS = 3;
/** A load that says nothing for so long counts no more. */
const LOAD_MS = 10_000;

/** What it needs to know of the transport. Media times in s. */
export interface HlsSeekOptions {
  /** The row of the picture on the screen. */
  readonly shown: () => FrameRow | null;
  /** Where a picture lies on the media timeline, perhaps an estimate; `null` where it is not in the playlist that is played. */
  readonly mediaTime: (pts: number) => number | null;
  /** Sees to it that loading begins there, while nothing has been loaded yet. */
  readonly loadFrom: (at: number) => void;
  /** Whether the buffer is being written. */
  readonly appending: () => boolean;
  /** Throws away what is there of the fragment with this media time. */
  readonly loadAnew: (at: number) => void;
}

interface Pending {
  readonly pts: number;
  /** Media time that was asked for last; NaN before it is known. */
  at: number;
  /** When something last moved on; `performance.now()`. */
  movedMs: number;
  /** How often it was helped. */
  helps: number;
  settle: ReturnType<typeof setTimeout> | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Load {
  readonly start: number;
  readonly stats: { readonly aborted: boolean };
  readonly sinceMs: number;
}

export class HlsSeek {
  readonly #video: HTMLVideoElement;
  readonly #options: HlsSeekOptions;
  #pending: Pending | undefined;
  #load: Load | undefined;

  constructor(video: HTMLVideoElement, options: HlsSeekOptions) {
    this.#video = video;
    this.#options = options;
  }

  get active(): boolean {
    return this.#pending !== undefined;
  }

  /** Whether a place in the media was asked for: the playlist that is played has it. */
  get aims(): boolean {
    return this.#pending !== undefined && !Number.isNaN(this.#pending.at);
  }

  /** Resolves when the picture is on the screen. Rejects with TimeoutError where that does not come, and with what `abandon` is given. */
  begin(pts: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => this.#giveUp(), TIMEOUT_MS);
      const onAbort = () => this.abandon(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const done = () => {
        clearTimeout(timeout);
        clearTimeout(this.#pending?.settle);
        signal.removeEventListener('abort', onAbort);
        this.#pending = undefined;
      };
      const pending: Pending = {
        pts,
        at: Number.NaN,
        movedMs: performance.now(),
        helps: 0,
        settle: undefined,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#pending = pending;
      const at = this.#options.mediaTime(pts);
      if (at !== null) this.#ask(pending, at);
    });
  }

  abandon(reason: unknown): void {
    this.#pending?.reject(reason);
  }

  /** More became known of where pictures lie: an estimated seek is made exact. */
  retarget(): void {
    const pending = this.#pending;
    const at = pending && this.#options.mediaTime(pending.pts);
    if (!pending || at === null || at === undefined || Math.abs(at - pending.at) < SAME) return;
    this.#ask(pending, at);
  }

  /** This picture came to the screen. */
  showed(row: FrameRow | null): void {
    const pending = this.#pending;
    if (pending && row?.pts === pending.pts && !this.#video.seeking) pending.resolve();
  }

  /** The browser says that it has arrived. */
  seeked(): void {
    const pending = this.#pending;
    if (!pending) return;
    pending.movedMs = performance.now();
    this.retarget();
    clearTimeout(pending.settle);
    // No callback comes where the picture on the screen was already the right one.
    pending.settle = setTimeout(() => {
      if (this.#pending === pending && !this.#video.seeking && this.#options.shown()?.pts === pending.pts) pending.resolve();
    }, SETTLED_MS);
  }

  /** A fragment or part that starts at this media time is being loaded. */
  loading(start: number, stats: Load['stats']): void {
    this.#load = { start, stats, sinceMs: performance.now() };
  }

  /** What was being loaded is in the buffer, or has failed. */
  loaded(stats: Load['stats']): void {
    if (this.#load?.stats === stats) this.#load = undefined;
  }

  /** Looked at several times a second: sees to it that the seek arrives, whatever hls.js and the browser make of it. */
  insist(): void {
    const pending = this.#pending;
    const video = this.#video;
    if (!pending || video.readyState === 0) return;
    if (Number.isNaN(pending.at)) return this.retarget();
    const now = performance.now();
    const stuck = now - pending.movedMs > STUCK_MS * 2 ** pending.helps;
    if (!this.#isBuffered(pending.at)) {
      // A flush that meets a load takes away what was just appended, again and again.
      if (this.#isLoading(pending.at, now)) pending.movedMs = now;
      else if (stuck) this.#help(pending, () => this.#options.loadAnew(pending.at));
      return;
    }
    // It decodes: the time limit is for that.
    if (video.seeking) {
      pending.movedMs = now;
      return;
    }
    const at = this.#options.mediaTime(pending.pts) ?? pending.at;
    if (this.#options.shown()?.pts === pending.pts) pending.resolve();
    // hls.js sets its own start position once the first fragment is there: a seek that came before is set again.
    else if (Math.abs(video.currentTime - at) > SAME) this.#ask(pending, at);
    // Chromium ends a seek into a short hole with the picture behind it, and stays with that one when the hole is filled.
    else if (stuck) this.#help(pending, () => this.#ask(pending, at));
  }

  #help(pending: Pending, help: () => void): void {
    if (pending.helps >= MOST_HELPS) return this.#giveUp();
    pending.helps++;
    pending.movedMs = performance.now();
    help();
  }

  #giveUp(): void {
    this.abandon(new DOMException('The picture did not come in time.', 'TimeoutError'));
  }

  #ask(pending: Pending, at: number): void {
    // Not again for an estimate that is made exact: what is on its way is the right thing.
    if (!(Math.abs(at - pending.at) < NEAR)) this.#options.loadFrom(at);
    pending.at = at;
    pending.movedMs = performance.now();
    this.#video.currentTime = at;
  }

  /** Whether media is on its way that can reach this place: what lies behind it does not. */
  #isLoading(at: number, now: number): boolean {
    const load = this.#load;
    return this.#options.appending() || (!!load && !load.stats.aborted && load.start <= at && now - load.sinceMs < LOAD_MS);
  }

  #isBuffered(at: number): boolean {
    const { buffered } = this.#video;
    for (let i = 0; i < buffered.length; i++) if (buffered.start(i) <= at && at < buffered.end(i)) return true;
    return false;
  }
}
