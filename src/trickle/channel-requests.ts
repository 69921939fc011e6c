// The short requests of a publisher beside its segments: make the channel, end a segment, delete the channel. Each on a connection of its
// own, since they are made when something is wrong with the others.
import { answerInWords, type Endpoint } from './endpoint.ts';
import type { Timers } from './timers.ts';

const TIMEOUT_MS = 10_000;
/** Segments that wait for their DELETE: of more, nobody waits for the oldest any longer. */
const MAX_DELETES = 8;

export class ChannelRequests {
  readonly #endpoint: Endpoint;
  readonly #timers: Timers;
  readonly #deletes: number[] = [];
  #deleting = false;

  constructor(endpoint: Endpoint, timers: Timers) {
    this.#endpoint = endpoint;
    this.#timers = timers;
  }

  /** `Expect-Content` gives the channel its type. `status` 0: there was no answer. */
  async create(contentType: string): Promise<{ readonly created: boolean; readonly status: number; readonly error: string }> {
    try {
      const { status, text } = await this.#endpoint.ask('POST', '', this.#timers, TIMEOUT_MS, { 'expect-content': contentType });
      return { created: status >= 200 && status < 300, status, error: `the channel was not created: ${answerInWords(status, text)}` };
    } catch (error) {
      return { created: false, status: 0, error: `the channel was not created: ${(error as Error).message}` };
    }
  }

  /** Gives the failure in a sentence, or `null`. A channel that is gone already is no failure. */
  async deleteChannel(timeoutMs: number): Promise<string | null> {
    try {
      const { status, text } = await this.#endpoint.ask('DELETE', '', this.#timers, timeoutMs);
      return status < 300 || status === 400 || status === 404 ? null : `DELETE was answered ${answerInWords(status, text)}`;
    } catch (error) {
      return `DELETE failed: ${(error as Error).message}`;
    }
  }

  /** Readers that wait for this segment go on with the next one. One request at a time; whether it arrives or not is not told. */
  deleteSegment(seq: number): void {
    this.#deletes.push(seq);
    if (this.#deletes.length > MAX_DELETES) this.#deletes.shift();
    if (!this.#deleting) void this.#deleteAll();
  }

  async #deleteAll(): Promise<void> {
    this.#deleting = true;
    for (let seq = this.#deletes.shift(); seq !== undefined; seq = this.#deletes.shift()) {
      // A segment that could not be ended leaves the server's ring soon.
      await this.#endpoint.ask('DELETE', `/${seq}`, this.#timers, TIMEOUT_MS).catch(() => {});
    }
    this.#deleting = false;
  }
}
