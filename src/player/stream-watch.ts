// What the server says about the stream: its state, its size, whether it exists, and the server's clock. One events socket per player,
// plain requests where sockets do not get through.
import type { ServerEvent, StreamInfo, Timeline } from '../api/schema.ts';
import type { StreamAddress } from './address.ts';
import { Backoff } from './backoff.ts';
import { ServerClock } from './server-clock.ts';
import type { Trouble } from './status.ts';

const PING_MS = 10_000;
/** Pings right after the start, so that a first estimate of the clock is there with the first picture. */
const FIRST_PINGS = 6;
const FIRST_PING_MS = 60;
const POLL_MS = 5000;

export class StreamWatch {
  readonly clock = new ServerClock();
  readonly #address: StreamAddress;
  readonly #onChange: () => void;
  readonly #abort = new AbortController();
  readonly #backoff = new Backoff();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #socket: WebSocket | undefined;
  #socketWorks = false;
  #checking: Promise<void> | undefined;
  #info: StreamInfo | null = null;
  #trouble: Trouble | null = null;
  #reason: string | null = null;

  constructor(address: StreamAddress, onChange: () => void) {
    this.#address = address;
    this.#onChange = onChange;
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
    this.#connect();
    void this.check();
    const poll = () => {
      // The socket tells of every change; requests are for when it does not.
      if (!this.#socketWorks || this.#trouble) void this.check();
      if (!this.#socketWorks && this.#info) void this.#clockByRequest();
      this.#after(POLL_MS * (0.8 + Math.random() * 0.4), poll);
    };
    this.#after(POLL_MS, poll);
  }

  close(): void {
    this.#abort.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#socket?.close();
  }

  /** Asks the server about the stream now. */
  check(): Promise<void> {
    this.#checking ??= this.#ask().finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  async #ask(): Promise<void> {
    let response: Response;
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(8000)]);
      response = await fetch(this.#address.api(`streams/${encodeURIComponent(this.#address.name)}`), { signal, cache: 'no-store' });
      if (response.ok) {
        this.#set((await response.json()) as StreamInfo, null, null);
        return;
      }
    } catch {
      if (!this.#abort.signal.aborted) this.#set(this.#info, 'away', null);
      return;
    }
    const problem = (await response.json().catch(() => null)) as { detail?: unknown } | null;
    const detail = typeof problem?.detail === 'string' ? problem.detail : null;
    if (response.status === 401 || response.status === 403) this.#set(this.#info, 'refused', detail);
    else if (response.status === 404) this.#set(null, 'unknown-stream', detail);
    else if (response.status >= 500) this.#set(this.#info, 'away', detail);
  }

  #set(info: StreamInfo | null, trouble: Trouble | null, reason: string | null): void {
    if (this.#abort.signal.aborted) return;
    this.#info = info;
    this.#trouble = trouble;
    this.#reason = reason;
    this.#onChange();
  }

  #connect(): void {
    if (this.#abort.signal.aborted) return;
    const socket = new WebSocket(this.#address.apiSocket('events', { streams: this.#address.name, types: 'state' }));
    this.#socket = socket;
    socket.onopen = () => {
      this.#socketWorks = true;
      this.#backoff.reset();
      socket.send(JSON.stringify({ type: 'subscribe', streams: [this.#address.name], types: ['state'] }));
      if (this.#trouble) void this.check();
      this.#ping(socket, 1);
    };
    socket.onmessage = (event) => {
      if (typeof event.data === 'string') this.#onEvent(event.data);
    };
    socket.onclose = () => {
      const worked = this.#socketWorks;
      this.#socketWorks = false;
      if (this.#abort.signal.aborted) return;
      if (worked) void this.check();
      this.#after(this.#backoff.next(), () => this.#connect());
    };
  }

  #ping(socket: WebSocket, count: number): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ type: 'ping', t: performance.now() }));
    this.#after(count < FIRST_PINGS ? FIRST_PING_MS : PING_MS, () => this.#ping(socket, count + 1));
  }

  #onEvent(text: string): void {
    const receivedMs = performance.now();
    let event: ServerEvent;
    try {
      event = JSON.parse(text) as ServerEvent;
    } catch {
      return;
    }
    if (event.type === 'pong') this.clock.sample(event.t, receivedMs, event.now);
    else if (event.type === 'state' && event.stream === this.#address.name) {
      this.#set(event.info, event.info ? null : 'unknown-stream', null);
    }
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

  #after(ms: number, work: () => void): void {
    if (this.#abort.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }
}
