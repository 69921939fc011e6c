// The page's one connection to `WS api/events`: it reconnects with back-off and jitter, tells the server again what is wanted, notices a
// silent server. Everything that is live on the page, but for the player's own media, comes through here.
import type { EventListeners, EventSocket } from '../../src/api/client.ts';
import type { ClientEvent, EventType, ServerEvent } from '../../src/api/schema.ts';

/** What there is to say about the connection. Times are those of `now()`, in ms. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  | { readonly state: 'away'; readonly since: number; readonly retryAt: number; readonly attempt: number };

export interface EventsOptions {
  /** Opens one socket; `SluiceClient.openEvents`. */
  readonly open: (listeners: EventListeners) => EventSocket;
  readonly onLink: (link: Link) => void;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onBinary: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Milliseconds; monotonic or wall clock. Default `Date.now`. */
  readonly now?: () => number;
  /** 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Calls back after `ms`; returns what cancels it. Default `setTimeout`. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** A connection that held this long was a good one: the next failure starts again with the shortest delay. */
const STABLE_MS = 10_000;
/** A server that has said nothing between two pings is away, whatever the socket claims. */
const PING_MS = 10_000;
/** A socket that has not opened by then is given up: an address that swallows packets would hold it for minutes. */
const CONNECT_MS = 10_000;

/** Delay before the next attempt in ms: doubles from 0.5 s to 15 s, of which the upper half is drawn at random. */
export function retryDelay(attempt: number, random: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return Math.round(full * (0.5 + random / 2));
}

export class Events {
  readonly #options: EventsOptions;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #after: (ms: number, run: () => void) => () => void;
  #socket: EventSocket | null = null;
  #open = false;
  #closed = false;
  #attempt = 0;
  #openedAt = 0;
  /** Anything has come since the last ping. */
  #heard = false;
  #awaySince: number | null = null;
  #cancelRetry: (() => void) | null = null;
  /** The next ping, or the end of patience with a socket that does not open. */
  #cancelPing: (() => void) | null = null;
  #subscription: Extract<ClientEvent, { type: 'subscribe' }> = { type: 'subscribe', types: ['state'] };
  #thumbnails: Extract<ClientEvent, { type: 'thumbnails' }> = { type: 'thumbnails', streams: [], width: 320, fps: 5 };

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#after = options.after ?? timer;
  }

  /** Opens the connection and keeps it open until `close`. */
  start(): void {
    this.#options.onLink({ state: 'connecting' });
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelPing?.();
    this.#socket?.close();
    this.#socket = null;
  }

  /** Tries again at once instead of at the end of the delay. */
  retryNow(): void {
    if (this.#cancelRetry) this.#connect();
  }

  /** What is wanted from now on; without `streams`: of all. */
  subscribe(types: EventType[], streams?: string[]): void {
    this.#subscription = streams ? { type: 'subscribe', types, streams } : { type: 'subscribe', types };
    this.#send(this.#subscription);
  }

  /** Whose thumbnails are wanted from now on. */
  thumbnails(streams: string[], width: number, fps: number): void {
    const next = { type: 'thumbnails' as const, streams: streams.slice(0, 100), width, fps };
    if (JSON.stringify(next) === JSON.stringify(this.#thumbnails)) return;
    this.#thumbnails = next;
    this.#send(next);
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    if (this.#closed) return;
    let socket: EventSocket | null = null;
    const mine = () => socket !== null && this.#socket === socket;
    socket = this.#options.open({
      onOpen: () => {
        if (mine()) this.#onOpen();
      },
      onEvent: (event) => {
        if (!mine()) return;
        this.#heard = true;
        if (event.type !== 'pong') this.#options.onEvent(event);
      },
      onBinary: (bytes) => {
        if (!mine()) return;
        this.#heard = true;
        this.#options.onBinary(bytes);
      },
      onClose: () => {
        if (mine()) this.#onClose();
      },
    });
    this.#socket = socket;
    this.#cancelPing?.();
    this.#cancelPing = this.#after(CONNECT_MS, () => socket.close());
  }

  #onOpen(): void {
    this.#open = true;
    this.#openedAt = this.#now();
    this.#heard = true;
    this.#awaySince = null;
    this.#send(this.#subscription);
    if (this.#thumbnails.streams.length) this.#send(this.#thumbnails);
    this.#ping();
    this.#options.onLink({ state: 'open' });
  }

  #onClose(): void {
    const now = this.#now();
    this.#cancelPing?.();
    this.#socket = null;
    if (this.#open && now - this.#openedAt >= STABLE_MS) this.#attempt = 0;
    this.#open = false;
    this.#awaySince ??= now;
    const delay = retryDelay(this.#attempt, this.#random());
    this.#cancelRetry = this.#after(delay, () => this.#connect());
    this.#attempt++;
    this.#options.onLink({ state: 'away', since: this.#awaySince, retryAt: now + delay, attempt: this.#attempt });
  }

  #ping(): void {
    this.#cancelPing?.();
    // Not by the clock alone: browsers slow the timers of hidden pages down.
    if (!this.#heard) {
      const socket = this.#socket;
      this.#onClose();
      socket?.close();
      return;
    }
    this.#heard = false;
    this.#send({ type: 'ping', t: this.#now() });
    this.#cancelPing = this.#after(PING_MS, () => this.#ping());
  }

  #send(message: ClientEvent): void {
    if (this.#open) this.#socket?.send(message);
  }
}

function timer(ms: number, run: () => void): () => void {
  const id = setTimeout(run, ms);
  return () => clearTimeout(id);
}
