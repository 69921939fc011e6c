// Markers, data and metrics for one client: live, and what it has missed. Markers and data are never dropped; metrics are where the client
// reads too slowly, and it is told.
import type { EventType, ServerEvent } from '../../api/schema.ts';
import type { StoredEvent } from '../../timeline/marker-schema.ts';
import type { RouteContext } from '../context.ts';
import { type EventPlace, eventId, readEventId } from '../event-id.ts';

/** A client's connection. */
export interface Wire {
  /** @param id place of the client after this event; `null` = as before */
  send(event: ServerEvent, id: string | null): void;
  /** Bytes that the client has not read yet. */
  readonly buffered: number;
  /** Ends the connection: the client reads so slowly that its events would fill the memory. */
  giveUp(reason: string): void;
}

/** Above so many unread bytes, metrics are dropped. */
export const SLOW_BYTES = 1_000_000;
/** Above so many, the client is given up: it can come back and ask for what it missed. */
const HOPELESS_BYTES = 64_000_000;
/** Changes that are sent again at most. */
const REPLAY_LIMIT = 10_000;
const PAGE = 1000;
const TYPES = ['marker', 'data', 'metric'] as const;
type TimelineType = (typeof TYPES)[number];

interface Missed {
  from: number;
  to: number;
  count: number;
}

export class TimelineFeed {
  readonly #context: RouteContext;
  readonly #wire: Wire;
  readonly #off = new Map<string, (() => void)[]>();
  readonly #missed = new Map<string, Missed>();
  readonly #telling: NodeJS.Timeout;
  #types: ReadonlySet<TimelineType> = new Set();
  /** While what was missed is sent, what happens meanwhile waits here. */
  #held: StoredEvent[] | null = null;
  #replayed = 0;
  #replay = 0;
  #closed = false;

  constructor(context: RouteContext, wire: Wire) {
    this.#context = context;
    this.#wire = wire;
    this.#telling = setInterval(() => this.#tellMissed(), 500).unref();
  }

  /** Place of the client now. */
  get id(): string {
    const { epoch, sequence } = this.#context.timelines.place;
    return eventId({ epoch, sequence: this.#held ? this.#replayed : sequence, time: this.#context.clock.now() });
  }

  /** Begins anew; `after` is an id that this server gave out: what has happened since is sent first. */
  subscribe(types: readonly EventType[], only: readonly string[] | undefined, after: string | undefined): void {
    this.#types = new Set(TYPES.filter((type) => types.includes(type)));
    this.#held = null;
    const replay = ++this.#replay;
    if (after === undefined || !this.#types.size) return;
    this.#held = [];
    void this.#sendMissed(after, only)
      .catch((error) => {
        this.#context.log.error({ error: String(error) }, 'missed events could not be read');
        this.#wire.giveUp('the store cannot be read');
      })
      .finally(() => {
        if (this.#replay === replay) this.#release();
      });
  }

  follow(stream: string): void {
    const { events } = this.#context.timelines.of(stream);
    const off: (() => void)[] = [];
    if (this.#types.has('marker')) {
      off.push(
        events.on('marker', ({ action, marker }) => this.#changed({ type: 'marker', stream, sequence: marker.sequence, action, marker })),
      );
    }
    if (this.#types.has('data')) {
      off.push(
        events.on('data', ({ items }) => {
          if (!this.#held) return this.#sendChange({ type: 'data', stream, items: [...items] });
          for (const item of items) this.#changed({ type: 'data', stream, sequence: item.sequence, item });
        }),
      );
    }
    if (this.#types.has('metric')) {
      off.push(
        events.on('metric', ({ samples, skipped }) => {
          if (skipped) this.#note(stream, skipped);
          if (this.#wire.buffered > SLOW_BYTES) {
            const times = samples.map(({ timestamp }) => timestamp);
            return this.#note(stream, { from: Math.min(...times), to: Math.max(...times), count: samples.length });
          }
          this.#tellMissed();
          this.#send({ type: 'metric', stream, samples: [...samples] });
        }),
      );
    }
    this.#off.set(stream, off);
  }

  unfollow(stream: string): void {
    for (const off of this.#off.get(stream) ?? []) off();
    this.#off.delete(stream);
  }

  #send(event: ServerEvent): void {
    const { id } = this;
    this.#wire.send({ ...event, id } as ServerEvent, id);
  }

  #changed(event: StoredEvent): void {
    if (this.#held) this.#held.push(event);
    else this.#sendChange(wireEvent(event));
  }

  #sendChange(event: ServerEvent): void {
    if (this.#wire.buffered > HOPELESS_BYTES) this.#wire.giveUp('events are read too slowly');
    else this.#send(event);
  }

  // ---- what a slow client loses

  #note(stream: string, { from, to, count }: Missed): void {
    const known = this.#missed.get(stream) ?? { from, to, count: 0 };
    this.#missed.set(stream, { from: Math.min(known.from, from), to: Math.max(known.to, to), count: known.count + count });
  }

  #tellMissed(): void {
    if (!this.#missed.size || this.#wire.buffered > SLOW_BYTES) return;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const [stream, { from, to, count }] of missed) {
      // A client that subscribes anew, to other things as well, has missed it all the same; not one that has left the stream.
      if (!this.#off.has(stream) || !this.#types.has('metric')) continue;
      this.#tell(stream, ['metric'], from, to, count, 'they came faster than they were read');
    }
  }

  #tell(stream: string, types: string[], from: number, to: number, count: number, reason: string): void {
    this.#send({ type: 'skipped', stream, types, from, to, count, reason });
  }

  // ---- what a client has missed that comes back

  async #sendMissed(after: string, only: readonly string[] | undefined): Promise<void> {
    const { timelines, streams, clock } = this.#context;
    const place = readEventId(after);
    const names = only ?? streams.registry.all().map(({ name }) => name);
    const { epoch, sequence } = timelines.place;
    this.#replayed = place?.epoch === epoch ? place.sequence : sequence;
    const from = place?.time ?? 0;
    const kinds = ['marker', 'data'].filter((type) => this.#types.has(type as TimelineType));
    if (place?.epoch !== epoch) {
      // Nothing is known about what was sent: the client must ask for all.
      for (const name of names) this.#tell(name, [...this.#types], from, clock.now(), 0, `${after} is not an id of this server`);
      return;
    }
    if (this.#types.has('metric')) await this.#tellMetrics(names, place);
    if (!kinds.length) return;
    const replay = this.#replay;
    let sent = 0;
    for (;;) {
      const page = await timelines.changes(this.#replayed, { streams: only, types: kinds, limit: PAGE });
      if (this.#closed || replay !== this.#replay) return;
      if (this.#replayed < page.floor) {
        const count = page.floor - this.#replayed;
        for (const name of names) this.#tell(name, kinds, from, clock.now(), count, 'changes so old are no longer kept as such');
      }
      const left = REPLAY_LIMIT - sent;
      for (const event of page.events.slice(0, left)) {
        this.#replayed = event.sequence;
        this.#send(wireEvent(event));
      }
      sent += page.events.length;
      if (page.events.length < PAGE) break;
      if (sent >= REPLAY_LIMIT) {
        const rest = timelines.place.sequence - this.#replayed;
        for (const name of names) this.#tell(name, kinds, from, clock.now(), rest, `more than ${REPLAY_LIMIT} changes were missed`);
        break;
      }
    }
  }

  async #tellMetrics(names: readonly string[], place: EventPlace): Promise<void> {
    const { timelines, streams } = this.#context;
    for (const name of names) {
      if (!streams.registry.find(name)) continue;
      const { count, from, to } = await timelines.metricsSince(name, place.time);
      if (count > 0) this.#tell(name, ['metric'], from, to, count, 'they came while the client was away');
    }
  }

  /** What came while missed events were sent follows them, but for what was among them. */
  #release(): void {
    const held = this.#held ?? [];
    const sent = this.#replayed;
    this.#held = null;
    for (const event of held) if (event.sequence > sent) this.#changed(event);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#telling);
    for (const name of [...this.#off.keys()]) this.unfollow(name);
  }
}

function wireEvent(event: StoredEvent): ServerEvent {
  return event.type === 'marker'
    ? { type: 'marker', stream: event.stream, action: event.action, marker: event.marker }
    : { type: 'data', stream: event.stream, items: [event.item] };
}
