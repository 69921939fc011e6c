// Going to exactly one frame: by its id, by a time, or one further. One seek at a time; a newer one replaces the older.
import { SluiceError } from '../core/errors.ts';
import type { StreamAddress } from './address.ts';
import { FrameFinder } from './frame-finder.ts';
import type { FrameRow } from './frame-table.ts';
import type { Dvr, ShownFrame } from './transport.ts';
import { wait } from './wait.ts';

export interface SeekerOptions {
  readonly address: StreamAddress;
  /** A seek begins: the player pauses. */
  readonly onBegin: () => void;
  /** Its picture is there, perhaps not on the stage yet. */
  readonly onArrived: () => void;
  /** It has ended in whatever way. */
  readonly onEnd: () => void;
  /** The way back in time; opened if need be. */
  readonly dvr: (signal: AbortSignal) => Promise<Dvr>;
  /** Gives up the way back in time that did not lead there, so that `dvr` opens a new one; false if this is not the moment for it. */
  readonly reopen: () => boolean;
  /** What can be gone to, as a sentence that begins with a space; empty where it is not known. */
  readonly keptText: () => string;
}

const RECENT_FRAMES = 300;
const RECENT_WAIT_MS = 3000;
const LOOK_MS = 200;

export class Seeker {
  readonly #options: SeekerOptions;
  readonly #finder: FrameFinder;
  #running: AbortController | undefined;
  #newestId = 0;

  constructor(options: SeekerOptions) {
    this.#options = options;
    this.#finder = new FrameFinder(options.address);
  }

  get active(): boolean {
    return this.#running !== undefined;
  }

  /** This frame was on the screen. */
  saw(id: number): void {
    this.#newestId = Math.max(this.#newestId, id);
  }

  cancel(reason = 'Something newer was asked for.'): void {
    this.#running?.abort(new DOMException(reason, 'AbortError'));
    this.#running = undefined;
  }

  toFrame(id: number): Promise<void> {
    if (!Number.isSafeInteger(id) || id < 1) {
      return Promise.reject(new SluiceError('bad-value', `frame: ${String(id)} received; expected an integer from 1`, { received: id }));
    }
    return this.#goTo((dvr, signal) => this.#finder.byId(dvr, id, signal), `Frame ${id}`, this.#isRecent(id));
  }

  toTime(timestamp: number): Promise<void> {
    if (!Number.isFinite(timestamp)) {
      return Promise.reject(
        new SluiceError('bad-timestamp', `time: ${String(timestamp)} received; expected microseconds since the Unix epoch`),
      );
    }
    return this.#goTo((dvr, signal) => this.#finder.byTime(dvr, timestamp, signal), 'The picture of this time', false);
  }

  /** One frame from another. Resolves with false where there is none. */
  async step(from: ShownFrame, step: 1 | -1): Promise<boolean> {
    let found = true;
    await this.#goTo(
      async (dvr, signal) => {
        const row = await this.#finder.neighbour(dvr, from, step, signal);
        found = row !== null;
        return row ?? dvr.table.byId(from.id);
      },
      `The frame ${step === 1 ? 'after' : 'before'} ${from.id}`,
      this.#isRecent(from.id),
    );
    return found;
  }

  /** The newest frames reach the kept media a little after the transports of low latency. */
  #isRecent(id: number): boolean {
    return id <= this.#newestId && id > this.#newestId - RECENT_FRAMES;
  }

  /** @param mayCome worth looking again for a moment where it is not found */
  async #goTo(find: (dvr: Dvr, signal: AbortSignal) => Promise<FrameRow | null>, what: string, mayCome: boolean): Promise<void> {
    const { onBegin, onArrived, onEnd, keptText } = this.#options;
    this.cancel();
    const seek = new AbortController();
    const { signal } = seek;
    this.#running = seek;
    onBegin();
    try {
      let dvr = await this.#options.dvr(signal);
      let row = await find(dvr, signal);
      for (let waited = 0; !row && mayCome && waited < RECENT_WAIT_MS; waited += LOOK_MS) {
        await wait(LOOK_MS, signal);
        row = await find(dvr, signal);
      }
      if (!row) throw new SluiceError('unknown-frame', `${what} is not kept on the server.${keptText()}`);
      try {
        await dvr.seek({ pts: row.pts }, signal);
      } catch (error) {
        // A server that was started anew, or a connection that was lost, can leave a transport behind that waits for ever: once more with a
        // new one.
        if (signal.aborted || !isStuck(error) || !this.#options.reopen()) throw error;
        dvr = await this.#options.dvr(signal);
        await dvr.seek({ pts: row.pts }, signal);
      }
      onArrived();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotFoundError') {
        throw new SluiceError('gone', `${what} is no longer kept on the server.${keptText()}`, {}, error);
      }
      throw error;
    } finally {
      if (this.#running === seek) this.#running = undefined;
      onEnd();
    }
  }
}

/** The picture did not come in time, or the transport ended on the way. */
function isStuck(error: unknown): boolean {
  return error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
