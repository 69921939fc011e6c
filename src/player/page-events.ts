// The page's one connection to a server's `WS api/events`, shared by all players, panels and charts of the page: `eventsOf(server)`. It
// reconnects with back-off and jitter, tells the server what all of them want together, hands each what it asked for, and says to each
// when it may have missed something. Its pings are the page's estimate of the server's clock.
import type { EventListeners, EventSocket } from '../api/client.ts';
import type { ClientEvent, EventType, ServerEvent, ViewerReport } from '../api/schema.ts';
import { Emitter } from '../core/emitter.ts';
import { openEventSocket } from './event-socket.ts';
import { ServerClock } from './server-clock.ts';

/** What there is to say about the connection. Times are ms since the Unix epoch, by the page's clock. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  | { readonly state: 'away'; readonly since: number; readonly retryAt: number; readonly attempt: number };

/** An event that belongs to a stream: what subscriptions get. */
export type StreamEvent = Extract<ServerEvent, { type: EventType }>;

/** Events that a subscription may not have got: what it shows must be loaded (anew) from the REST interface. */
export interface Missed {
  /** A clause in plain words, such as "the connection was lost". */
  readonly reason: string;
  /** Capture times in µs, where the server has told them; `null`: not known. */
  readonly from: number | null;
  readonly to: number | null;
}

/** What one subscriber wants. */
export interface Wanted<T extends EventType> {
  readonly types: readonly T[];
  /** Without it: of all streams. */
  readonly streams?: readonly string[];
  /**
   * Called each time these events flow after a time in which they did not: at first, and after a lost connection or a hidden page. The
   * server has confirmed by then that it sends them: whatever is asked for over REST from now on lacks nothing, what was answered before
   * may. Called too when the server skipped some.
   */
  readonly onMissed?: (missed: Missed) => void;
}

export interface PageEventsMap {
  link: Link;
  hello: Extract<ServerEvent, { type: 'hello' }>;
  /** Thumbnails: frame header and JPEG. */
  binary: Uint8Array<ArrayBuffer>;
}

export interface PageEventsOptions {
  /** Opens one socket. */
  readonly open: (listeners: EventListeners) => EventSocket;
  /** Monotonic ms. Default `performance.now`. */
  readonly now?: () => number;
  /** Unix time in ms at which `now()` was 0. Default `performance.timeOrigin`. */
  readonly origin?: number;
  /** 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Calls back after `ms`; returns what cancels it. Default `setTimeout`. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

interface Entry {
  readonly types: ReadonlySet<EventType>;
  readonly streams: ReadonlySet<string> | null;
  readonly onMissed: ((missed: Missed) => void) | undefined;
  /** Why its events have not flowed; `null` once the server has confirmed that they do, and that was told. */
  gap: string | null;
  readonly handle: (event: StreamEvent) => void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** A connection that held this long was a good one: the next failure starts again with the shortest delay. */
const STABLE_MS = 10_000;
/** A server that has said nothing between two pings is away, whatever the socket claims. */
const PING_MS = 10_000;
/** Pings right after the start, so that a first estimate of the clock is there with the first picture. */
const FIRST_PINGS = 6;
const FIRST_PING_MS = 60;
/** A socket that has not opened by then is given up: an address that swallows packets would hold it for minutes. */
const CONNECT_MS = 10_000;
/** A connection that nobody needs any more is kept for so long: pages often leave one player for the next. */
const LINGER_MS = 2000;
/** Signs of life of viewers: how often, and of how many at most (the newest). */
const WATCHING_MS = 1000;
const MOST_WATCHING = 32;
/** A page that has been hidden for longer than a glance at another tab gets nothing of what only people look at. */
const HIDDEN_MS = 3000;
const FOR_EYES: ReadonlySet<EventType> = new Set<EventType>(['metric', 'data', 'frame', 'stats']);

/** Delay before the next attempt in ms: doubles from 0.5 s to 15 s, of which the upper half is drawn at random. */
export function retryDelay(attempt: number, random: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return Math.round(full * (0.5 + random / 2));
}

export class PageEvents extends Emitter<PageEventsMap> {
  /** The server's clock as the pings show it. */
  readonly clock = new ServerClock();
  readonly #options: PageEventsOptions;
  readonly #now: () => number;
  readonly #origin: number;
  readonly #random: () => number;
  readonly #after: (ms: number, run: () => void) => () => void;
  readonly #entries = new Set<Entry>();
  #link: Link = { state: 'connecting' };
  #socket: EventSocket | null = null;
  #open = false;
  /** Opened before: whoever is subscribed then has missed something. */
  #wasOpen = false;
  #attempt = 0;
  #openedAt = 0;
  /** Anything has come since the last ping. */
  #heard = false;
  #awaySince: number | null = null;
  #hidden = false;
  #telling = false;
  /** Whether the server counts what players report. */
  #reports = false;
  /** The subscription as the server knows it. */
  #told = '';
  /** Who waits for the answer to a ping that was sent behind its subscription, and when that was. */
  #confirming: { readonly sentAt: number; readonly entries: readonly Entry[] }[] = [];
  #thumbnails: Extract<ClientEvent, { type: 'thumbnails' }> = { type: 'thumbnails', streams: [], width: 320, fps: 5 };
  #cancelRetry: (() => void) | null = null;
  /** The next ping, or the end of patience with a socket that does not open. */
  #cancelPing: (() => void) | null = null;
  #cancelLinger: (() => void) | null = null;
  #cancelHide: (() => void) | null = null;
  readonly #watching = new Set<string>();
  #cancelWatching: (() => void) | null = null;

  constructor(options: PageEventsOptions) {
    super();
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#origin = options.origin ?? performance.timeOrigin;
    this.#random = options.random ?? Math.random;
    this.#after = options.after ?? timer;
  }

  get link(): Link {
    return this.#link;
  }

  /**
   * Gets these events until the returned function is called. `state` comes at once for each stream, everything else when it happens: what
   * was before is asked for over REST, in `onMissed`. The connection opens with the first subscription.
   */
  subscribe<T extends EventType>(wanted: Wanted<T>, handler: (event: Extract<StreamEvent, { type: T }>) => void): () => void {
    const entry: Entry = {
      types: new Set(wanted.types),
      streams: wanted.streams ? new Set(wanted.streams) : null,
      onMissed: wanted.onMissed,
      gap: 'they had not begun',
      handle: handler as (event: StreamEvent) => void,
    };
    this.#entries.add(entry);
    // The newcomer is told the states too.
    if (entry.types.has('state')) this.#told = '';
    this.#changed();
    return () => {
      if (this.#entries.delete(entry)) this.#changed();
    };
  }

  /** Whose thumbnails are wanted from now on; they come as `binary`. */
  thumbnails(streams: string[], width: number, fps: number): void {
    const next = { type: 'thumbnails' as const, streams: streams.slice(0, 100), width, fps };
    if (JSON.stringify(next) === JSON.stringify(this.#thumbnails)) return;
    this.#thumbnails = next;
    this.#send(next);
  }

  /** Tells the server about the pictures of a player, where it wants to hear that. */
  report(report: ViewerReport): void {
    if (this.#reports) this.#send(report);
  }

  /** Tells the server each second that a viewer of this page is alive, until the returned function is called. */
  watching(viewer: string): () => void {
    this.#watching.add(viewer);
    if (this.#watching.size === 1) this.#cancelWatching = this.#after(0, () => this.#tellWatching());
    return () => {
      if (this.#watching.delete(viewer) && !this.#watching.size) this.#cancelWatching?.();
    };
  }

  #tellWatching(): void {
    this.#send({ type: 'watching', viewers: [...this.#watching].slice(-MOST_WATCHING) });
    this.#cancelWatching = this.#after(WATCHING_MS, () => this.#tellWatching());
  }

  /** Tries again at once instead of at the end of the delay. */
  retryNow(): void {
    if (this.#cancelRetry) this.#connect();
  }

  /** Tells whether the page is seen; `eventsOf` does that. */
  setHidden(hidden: boolean): void {
    this.#cancelHide?.();
    this.#cancelHide = null;
    if (hidden && !this.#hidden) {
      this.#cancelHide = this.#after(HIDDEN_MS, () => {
        this.#hidden = true;
        this.#changed();
      });
    } else if (!hidden && this.#hidden) {
      this.#hidden = false;
      for (const entry of this.#entries) if ([...entry.types].some((type) => FOR_EYES.has(type))) entry.gap ??= 'the page was hidden';
      // What is confirmed of the time before is without what only people look at.
      this.#confirming = [];
      this.#changed();
    }
  }

  /** The connection is needed, or not, or for other things than before. Subscriptions of one turn make one message. */
  #changed(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#tell();
    });
  }

  #tell(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = null;
    if (this.#entries.size === 0) {
      this.#cancelLinger = this.#after(LINGER_MS, () => this.#rest());
      return;
    }
    if (!this.#socket && !this.#cancelRetry) this.#connect();
    else this.#sendWanted();
  }

  #sendWanted(): void {
    if (!this.#open) return;
    const types = new Set<EventType>();
    let streams: Set<string> | null = new Set<string>();
    for (const entry of this.#entries) {
      for (const type of entry.types) if (!this.#hidden || !FOR_EYES.has(type)) types.add(type);
      if (entry.streams) for (const name of entry.streams) streams?.add(name);
      else streams = null;
    }
    const message: ClientEvent = { type: 'subscribe', types: [...types].sort(), ...(streams && { streams: [...streams].sort() }) };
    const text = JSON.stringify(message);
    if (text !== this.#told) {
      this.#told = text;
      this.#send(message);
    }
    this.#confirm();
  }

  /** The server answers in order: a pong behind a subscription says that its events flow. */
  #confirm(): void {
    const entries = [...this.#entries].filter(({ gap, onMissed }) => gap !== null && onMissed);
    if (!entries.length) return;
    const sentAt = this.#now();
    this.#confirming.push({ sentAt, entries });
    this.#send({ type: 'ping', t: sentAt });
  }

  #onConfirmed(sentAt: number): void {
    const done = this.#confirming.filter((one) => one.sentAt <= sentAt);
    this.#confirming = this.#confirming.filter((one) => one.sentAt > sentAt);
    for (const entry of done.flatMap(({ entries }) => entries)) {
      const { gap: reason } = entry;
      entry.gap = null;
      if (reason !== null && this.#entries.has(entry)) call(() => entry.onMissed?.({ reason, from: null, to: null }));
    }
  }

  /** Nobody listens: the connection ends until somebody does. */
  #rest(): void {
    this.#cancelLinger = null;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#cancelPing?.();
    const socket = this.#socket;
    this.#socket = null;
    this.#open = this.#wasOpen = false;
    this.#awaySince = null;
    socket?.close();
    this.#setLink({ state: 'connecting' });
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    let socket: EventSocket | null = null;
    const mine = () => socket !== null && this.#socket === socket;
    socket = this.#options.open({
      onOpen: () => {
        if (mine()) this.#onOpen();
      },
      onEvent: (event) => {
        if (mine()) this.#onEvent(event);
      },
      onBinary: (bytes) => {
        if (!mine()) return;
        this.#heard = true;
        this.emit('binary', bytes);
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
    this.#awaySince = null;
    this.#told = '';
    this.#confirming = [];
    if (this.#wasOpen) for (const entry of this.#entries) entry.gap ??= 'the connection was lost';
    this.#wasOpen = true;
    this.#sendWanted();
    if (this.#thumbnails.streams.length) this.#send(this.#thumbnails);
    this.#ping(1);
    this.#setLink({ state: 'open' });
  }

  #onEvent(event: ServerEvent): void {
    this.#heard = true;
    if (event.type === 'pong') {
      this.clock.sample(event.t, this.#now(), event.now);
      this.#onConfirmed(event.t);
    } else if (event.type === 'hello') {
      this.#reports = event.reports === true;
      this.emit('hello', event);
    } else if (event.type === 'skipped') {
      const { reason, from, to } = event;
      for (const entry of this.#of(event.stream)) {
        if (event.types.some((type) => entry.types.has(type as EventType))) call(() => entry.onMissed?.({ reason, from, to }));
      }
    } else if (event.type !== 'error') {
      for (const entry of this.#of(event.stream)) if (entry.types.has(event.type)) call(() => entry.handle(event));
    }
  }

  #of(stream: string): Entry[] {
    return [...this.#entries].filter((entry) => !entry.streams || entry.streams.has(stream));
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
    const since = this.#origin + this.#awaySince;
    this.#setLink({ state: 'away', since, retryAt: this.#origin + now + delay, attempt: this.#attempt });
  }

  #ping(count: number): void {
    this.#cancelPing?.();
    this.#heard ||= count <= FIRST_PINGS;
    // Not by the clock alone: browsers slow the timers of hidden pages down.
    if (!this.#heard) {
      const socket = this.#socket;
      this.#onClose();
      socket?.close();
      return;
    }
    if (count >= FIRST_PINGS) this.#heard = false;
    this.#send({ type: 'ping', t: this.#now() });
    this.#cancelPing = this.#after(count < FIRST_PINGS ? FIRST_PING_MS : PING_MS, () => this.#ping(count + 1));
  }

  #send(message: ClientEvent): void {
    if (this.#open) this.#socket?.send(message);
  }

  #setLink(link: Link): void {
    this.#link = link;
    this.emit('link', link);
  }
}

const known = new Map<string, PageEvents>();

/**
 * The page's connection to the events of a server, one for each address and token.
 *
 * @param base address of the server with its path prefix, such as `https://lab.example/user/x/proxy/8000/`
 * @param token sent as `?token=`; without it the page's cookie counts
 */
export function eventsOf(base: string | URL, token: string | null = null): PageEvents {
  const url = new URL('api/events', new URL('.', base));
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (token) url.searchParams.set('token', token);
  const before = known.get(url.href);
  if (before) return before;
  const events = new PageEvents({ open: (listeners) => openEventSocket(url.href, listeners) });
  known.set(url.href, events);
  if (typeof document !== 'undefined') {
    const look = () => {
      events.setHidden(document.hidden);
      if (!document.hidden) events.retryNow();
    };
    document.addEventListener('visibilitychange', look);
    look();
    addEventListener('online', () => events.retryNow());
  }
  return events;
}

/** One subscriber's mistake does not keep the others from their events; it is reported as uncaught. */
function call(work: () => void): void {
  try {
    work();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function timer(ms: number, run: () => void): () => void {
  const id = setTimeout(run, ms);
  return () => clearTimeout(id);
}
