// What the server says about the stream: its state, its size, whether it exists, and the server's clock: over the page's events, by plain
// requests where sockets do not get through.
import type { StreamInfo, Timeline } from '../api/schema.ts';
import type { StreamAddress } from './address.ts';
import { eventsOf, type PageEvents } from './page-events.ts';
import type { ServerClock } from './server-clock.ts';
import type { Trouble } from './status.ts';

const POLL_MS = 5000;
/** A server that is away is asked so often in the first minutes, so that the picture is back soon after it. */
const AWAY_POLL_MS = 1200;
const AWAY_POLLS = 150;

export class StreamWatch {
  readonly events: PageEvents;
  readonly #address: StreamAddress;
  readonly #onChange: () => void;
  readonly #abort = new AbortController();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #off: (() => void)[] = [];
  #checking: Promise<void> | undefined;
  /** What the events have told so far, counted: an answer may be older than what came while it was on its way. */
  #told = 0;
  #info: StreamInfo | null = null;
  #trouble: Trouble | null = null;
  #reason: string | null = null;
  #planPoll: () => void = () => {};
  #cancelPoll: (() => void) | undefined;

  constructor(address: StreamAddress, onChange: () => void) {
    this.#address = address;
    this.events = eventsOf(address.server, address.token);
    this.#onChange = onChange;
  }

  get clock(): ServerClock {
    return this.events.clock;
  }

  get info(): StreamInfo | null {
    return this.#info;
  }

  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** The server's own sentence: about the trouble, else about the stream's state. */
  get reason(): string | null {
    return this.#trouble ? this.#reason : (this.#info?.reason ?? null);
  }

  open(): void {
    const { name } = this.#address;
    this.#off.push(
      this.events.subscribe({ types: ['state'], streams: [name] }, ({ info }) => {
        this.#told++;
        this.#set(info, info ? null : 'unknown-stream', null);
      }),
      this.events.on('link', ({ state }) => {
        if (state === 'away' || this.#trouble) void this.check();
      }),
    );
    void this.check();
    let away = 0;
    const poll = () => {
      const silent = this.events.link.state !== 'open';
      // The socket tells of every change; requests are for when it does not.
      if (silent || this.#trouble) void this.check();
      if (silent && this.#info) void this.#clockByRequest();
      away = this.#trouble === 'away' ? away + 1 : 0;
      plan();
    };
    const plan = () => {
      this.#cancelPoll?.();
      const often = this.#trouble === 'away' && away < AWAY_POLLS;
      this.#cancelPoll = this.#after((often ? AWAY_POLL_MS : POLL_MS) * (0.7 + Math.random() * 0.4), poll);
    };
    this.#planPoll = plan;
    plan();
  }

  close(): void {
    this.#abort.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const off of this.#off) off();
  }

  /** Asks the server about the stream now. */
  check(): Promise<void> {
    this.#checking ??= this.#ask().finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  async #ask(): Promise<void> {
    let response: Response;
    const told = this.#told;
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(8000)]);
      response = await fetch(this.#address.api(`streams/${encodeURIComponent(this.#address.name)}`), { signal, cache: 'no-store' });
      if (response.ok) {
        const info = (await response.json()) as StreamInfo;
        if (told === this.#told) this.#set(info, null, null);
        return;
      }
    } catch {
      if (!this.#abort.signal.aborted) this.#set(this.#info, 'away', null);
      return;
    }
    const problem = (await response.json().catch(() => null)) as { detail?: unknown } | null;
    const detail = typeof problem?.detail === 'string' ? problem.detail : null;
    if (response.status === 401 || response.status === 403) this.#set(this.#info, 'refused', detail);
    else if (response.status === 404) {
      if (told === this.#told || !this.#info) this.#set(null, 'unknown-stream', detail);
    } else if (response.status >= 500) this.#set(this.#info, 'away', detail);
  }

  #set(info: StreamInfo | null, trouble: Trouble | null, reason: string | null): void {
    if (this.#abort.signal.aborted) return;
    const before = this.#trouble;
    this.#info = info;
    this.#trouble = trouble;
    this.#reason = reason;
    if (trouble === 'away' && before !== 'away') this.#planPoll();
    // It is there again: the socket need not wait for the end of its delay.
    if (before === 'away' && trouble !== 'away') this.events.retryNow();
    this.#onChange();
  }

  async #clockByRequest(): Promise<void> {
    const sentMs = performance.now();
    try {
      const { signal } = this.#abort;
      const response = await fetch(this.#address.live('timeline.json', { start: 0, end: 1 }), { signal, cache: 'no-store' });
      const receivedMs = performance.now();
      if (response.ok) this.clock.sample(sentMs, receivedMs, ((await response.json()) as Timeline).now);
    } catch {
      // The next poll tries again.
    }
  }

  /** Returns what cancels it. */
  #after(ms: number, work: () => void): () => void {
    if (this.#abort.signal.aborted) return () => {};
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }
}
