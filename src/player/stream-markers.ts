// The markers of one stream as the page knows them: loaded over REST for what is kept, then followed by events. Sorted by capture time.
import type { Marker } from '../api/timeline.ts';
import { Emitter } from '../core/emitter.ts';
import { SluiceError } from '../core/errors.ts';
import type { PageEvents } from './page-events.ts';
import type { TimelineApi } from './timeline-api.ts';

export interface StreamMarkersEvents {
  /** One or more markers came, changed or went. */
  change: readonly Marker[];
  /** Made or changed just now: not one of those that were loaded. */
  news: Marker;
}

const RETRY_MS = 5000;
/** Markers this far behind the window are forgotten; not at once, so that the list is not copied all the time. */
const FORGET_US = 60_000_000;

export class StreamMarkers extends Emitter<StreamMarkersEvents> {
  readonly #api: TimelineApi;
  readonly #events: PageEvents;
  readonly #stream: string;
  readonly #abort = new AbortController();
  readonly #byId = new Map<string, Marker>();
  /** Sequences of removals that came while a request was under way: its answer must not bring them back. */
  readonly #removed = new Map<string, number>();
  #list: Marker[] = [];
  #from: number | undefined;
  #loading = false;
  /** Something was missed while it loaded. */
  #again = false;
  #off: (() => void) | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(stream: string, api: TimelineApi, events: PageEvents) {
    super();
    this.#stream = stream;
    this.#api = api;
    this.#events = events;
  }

  /** Sorted by `timestamp`. */
  get list(): readonly Marker[] {
    return this.#list;
  }

  byId(id: string): Marker | undefined {
    return this.#byId.get(id);
  }

  open(): void {
    const wanted = { types: ['marker'] as const, streams: [this.#stream], onMissed: () => void this.#load() };
    this.#off = this.#events.subscribe(wanted, (event) => {
      if (event.action === 'remove') {
        if (this.#loading) this.#removed.set(event.marker.id, event.marker.sequence);
        this.#remove(event.marker.id);
      } else if (this.#set(event.marker)) this.emit('news', event.marker);
      this.emit('change', this.#list);
    });
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#retry);
    this.#off?.();
  }

  /** Start of what can be gone back to, µs. Markers before it are loaded when it is told first and forgotten when it has moved on. */
  keepFrom(start: number): void {
    const before = this.#from;
    this.#from = before === undefined ? start : Math.min(before, start);
    if (before === undefined || start < before) void this.#load();
    else if (start > before + FORGET_US) {
      this.#from = start;
      const gone = this.#list.filter((marker) => !marker.open && (marker.end ?? marker.timestamp) < start);
      for (const marker of gone) this.#byId.delete(marker.id);
      if (gone.length) this.#list = this.#list.filter((marker) => this.#byId.has(marker.id));
    }
  }

  /** Takes in what a request has answered, without waiting for its event. */
  add(marker: Marker): void {
    if (this.#set(marker)) this.emit('news', marker);
    this.emit('change', this.#list);
  }

  async #load(): Promise<void> {
    if (this.#from === undefined) return;
    // The answer that is on its way may be older than what was missed.
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    this.#again = false;
    clearTimeout(this.#retry);
    const from = this.#from;
    // What came before the question and is not in the answer was removed; what comes from now on is newer than the answer.
    const asked = [...this.#list];
    try {
      const { items, complete } = await this.#api.markers(from, this.#abort.signal);
      const kept = new Set(items.map((marker) => marker.id));
      const until = complete ? Number.POSITIVE_INFINITY : (items.at(-1)?.timestamp ?? from);
      for (const marker of asked) {
        if (!kept.has(marker.id) && marker.timestamp < until && this.#byId.get(marker.id) === marker) this.#remove(marker.id);
      }
      for (const marker of items) if ((this.#removed.get(marker.id) ?? 0) < marker.sequence) this.#set(marker);
      this.emit('change', this.#list);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      // A stream that is gone, or no right to see it, is told elsewhere.
      const lasting = error instanceof SluiceError && error.code !== 'unavailable';
      if (!lasting) this.#retry = setTimeout(() => void this.#load(), RETRY_MS);
    } finally {
      this.#loading = false;
      this.#removed.clear();
      if (this.#again || (this.#from !== undefined && this.#from < from)) void this.#load();
    }
  }

  /** False if it is known already. Older news never replace newer ones. */
  #set(marker: Marker): boolean {
    const before = this.#byId.get(marker.id);
    if (before && before.sequence >= marker.sequence) return false;
    if (before) this.#list.splice(this.#list.indexOf(before), 1);
    this.#byId.set(marker.id, marker);
    this.#list.splice(firstAfter(this.#list, marker.timestamp), 0, marker);
    return true;
  }

  #remove(id: string): void {
    const marker = this.#byId.get(id);
    if (!marker) return;
    this.#byId.delete(id);
    this.#list.splice(this.#list.indexOf(marker), 1);
  }
}

/** Position of the first marker later than a time, in a list sorted by time. */
export function firstAfter(list: readonly Marker[], timestamp: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.timestamp <= timestamp) low = middle + 1;
    else high = middle;
  }
  return low;
}
