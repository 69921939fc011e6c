// The events that one client has asked for, whatever its connection is.
import { z } from 'zod';
import type { EventType, ServerEvent } from '../../api/schema.ts';
import { Box } from '../../api/timeline.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { RouteContext } from '../context.ts';
import { SLOW_BYTES, TimelineFeed, type Wire } from './timeline-feed.ts';

/** Time between two sets of figures, ms. */
const STATS_MS = 1000;
/** Frame events of one stream at most this often, ms: a page needs no more than its screen shows. */
const FRAME_MS = 16;
/** How the connections of a stream stand at most this often, ms. */
const LINKS_MS = 500;

/** What one client has asked for. */
export class EventFeed {
  readonly #context: RouteContext;
  readonly #wire: Wire;
  readonly #timeline: TimelineFeed;
  readonly #off: (() => void)[] = [];
  readonly #offStream = new Map<string, (() => void)[]>();
  #types: ReadonlySet<EventType> = new Set();
  #only: ReadonlySet<string> | null = null;
  #stats: NodeJS.Timeout | undefined;

  constructor(context: RouteContext, wire: Wire) {
    this.#context = context;
    this.#wire = wire;
    this.#timeline = new TimelineFeed(context, wire);
    const { registry } = context.streams;
    this.#off.push(
      registry.events.on('added', ({ stream }) => this.#follow(stream)),
      registry.events.on('removed', ({ stream }) => {
        this.#unfollow(stream.name);
        if (this.#wants('state', stream.name)) this.#send({ type: 'state', stream: stream.name, info: null }, false);
      }),
      ...this.#followViews(),
      context.params.events.on('changed', (change) => {
        if (this.#wants('params', change.stream)) this.#send({ type: 'params', ...change, changed: [...change.changed] }, false);
      }),
    );
  }

  /** Place of the client now; see `TimelineFeed`. */
  get id(): string {
    return this.#timeline.id;
  }

  #send(event: ServerEvent, droppable: boolean): void {
    if (droppable && this.#wire.buffered > SLOW_BYTES) return;
    this.#wire.send(event, null);
  }

  subscribe(types: readonly EventType[], only: readonly string[] | undefined, after?: string): void {
    this.#types = new Set(types);
    this.#only = only ? new Set(only) : null;
    for (const name of [...this.#offStream.keys()]) this.#unfollow(name);
    this.#timeline.subscribe(types, only, after);
    for (const stream of this.#context.streams.registry.all()) this.#follow(stream);
    clearInterval(this.#stats);
    if (this.#types.has('stats')) {
      this.#stats = setInterval(() => this.#sendStats(), STATS_MS);
      this.#sendStats();
    }
  }

  #followViews(): (() => void)[] {
    const { events } = this.#context.liveViews;
    const tell =
      (action: 'started' | 'stopped' | 'failed' | 'params') => (view: { stream: string; protocol: string; reason?: string | null }) => {
        const { stream, protocol, reason = null } = view;
        if (this.#wants('liveview', stream)) this.#send({ type: 'liveview', stream, protocol, action, reason }, false);
      };
    return (['started', 'stopped', 'failed', 'params'] as const).map((action) => events.on(action, tell(action)));
  }

  #wants(type: EventType, stream: string): boolean {
    return this.#types.has(type) && (this.#only === null || this.#only.has(stream));
  }

  #follow(stream: Stream): void {
    const { name, events } = stream;
    if (this.#offStream.has(name) || (this.#only && !this.#only.has(name))) return;
    const off: (() => void)[] = [];
    const state = () => this.#send({ type: 'state', stream: name, info: this.#context.streams.info(stream) }, false);
    if (this.#types.has('state')) {
      let later: NodeJS.Timeout | undefined;
      const links = () => {
        later ??= setTimeout(() => {
          later = undefined;
          state();
        }, LINKS_MS).unref();
      };
      off.push(events.on('state', state), events.on('config', state), events.on('viewers', state), events.on('links', links));
      off.push(() => clearTimeout(later));
      state();
    }
    if (this.#types.has('frame')) {
      let last = 0;
      off.push(
        events.on('frame', ({ info, metadata }) => {
          const now = performance.now();
          if (now - last < FRAME_MS) return;
          last = now;
          this.#send({ type: 'frame', stream: name, id: info.id, timestamp: info.timestamp, ...(metadata ? { metadata } : {}) }, true);
        }),
      );
    }
    if (this.#types.has('boxes')) {
      off.push(
        events.on('results', ({ frame, data }) => {
          for (const { boxes } of data) {
            const read = z.array(Box).safeParse(boxes);
            if (read.success)
              this.#send({ type: 'boxes', stream: name, frame: frame.id, timestamp: frame.timestamp, boxes: read.data }, true);
          }
        }),
      );
    }
    this.#timeline.follow(name);
    this.#offStream.set(name, off);
  }

  #unfollow(name: string): void {
    for (const off of this.#offStream.get(name) ?? []) off();
    this.#offStream.delete(name);
    this.#timeline.unfollow(name);
  }

  #sendStats(): void {
    for (const stream of this.#context.streams.registry.all()) {
      if (this.#wants('stats', stream.name))
        this.#send({ type: 'stats', stream: stream.name, stats: this.#context.streams.stats(stream) }, true);
    }
  }

  close(): void {
    clearInterval(this.#stats);
    for (const off of this.#off) off();
    for (const name of [...this.#offStream.keys()]) this.#unfollow(name);
    this.#timeline.close();
  }
}
