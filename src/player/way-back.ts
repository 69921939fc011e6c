// The way back in time: the way in use if it has one, else a second one that is opened for it.
import type { StreamInfo } from '../api/schema.ts';
import { SluiceError } from '../core/errors.ts';
import type { Dvr } from './transport.ts';
import { wait } from './wait.ts';
import type { Ways } from './ways.ts';

const OPEN_MS = 12_000;
const LOOK_MS = 30;
/** Time between two questions for what is kept: while that is nothing, and else. */
const NOTHING_KEPT_MS = 1500;
const KEPT_MS = 10_000;

export interface WayBackOptions {
  readonly ways: Ways;
  readonly info: () => StreamInfo | null;
  /** A second way is opened: what it shows first is not what is looked for. */
  readonly onOpen: () => void;
}

export class WayBack {
  readonly #options: WayBackOptions;

  #askedMs = performance.now();

  constructor(options: WayBackOptions) {
    this.#options = options;
  }

  /** First and last capture time that can be gone to, µs; `null` where there is no way back. */
  range(): { start: number; end: number } | null {
    const { ways, info } = this.#options;
    const range = ways.current?.transport?.dvr?.range();
    if (range) return range;
    const dvr = info()?.dvr;
    if (!dvr || dvr.start === null || dvr.end === null) return null;
    return ways.choice.dvr() ? { start: dvr.start, end: dvr.end } : null;
  }

  /** Whether the server is to be asked what it keeps now: the way in use does not tell it. */
  get stale(): boolean {
    const { ways, info } = this.#options;
    const dvr = info()?.dvr;
    if (!dvr || info()?.config.dvr.mode === 'off' || ways.current?.transport?.dvr) return false;
    const wait = dvr.start === null ? NOTHING_KEPT_MS : KEPT_MS;
    if (performance.now() - this.#askedMs < wait) return false;
    this.#askedMs = performance.now();
    return true;
  }

  /** Rejects with `unavailable`, or with the signal's reason. */
  async open(signal: AbortSignal): Promise<Dvr> {
    const { ways, info, onOpen } = this.#options;
    const { current } = ways;
    if (current?.row.hasDvr && !current.halted) ways.still();
    else {
      if (info()?.config.dvr.mode === 'off')
        throw new SluiceError('unavailable', 'Nothing of this stream is kept (its DVR is off), so there is no way back in time.');
      const row = ways.choice.dvr();
      if (!row) throw new SluiceError('unavailable', 'This browser cannot go back in time in this stream: it cannot play HLS.');
      onOpen();
      ways.back(row, 'to go back in time');
    }
    const session = ways.current!;
    for (let waited = 0; waited < OPEN_MS; waited += LOOK_MS) {
      if (session !== ways.current || session.halted)
        throw new SluiceError('unavailable', 'HLS could not be loaded, so there is no way back in time.');
      const dvr = session.transport?.dvr;
      if (dvr?.range()) return dvr;
      await wait(LOOK_MS, signal);
    }
    throw new SluiceError('unavailable', 'HLS did not start in time, so there is no way back in time.');
  }
}
