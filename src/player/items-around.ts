// Timed items round the shown frame: those that events bring while it is live, and by request wherever else somebody goes.
import type { Span } from './timeline-api.ts';

export interface Timed {
  /** Capture time, µs. */
  readonly timestamp: number;
}

/** Answer of a request; `end` is where it stopped if not all came. */
export interface Loaded<T> {
  readonly items: readonly T[];
  readonly end: number;
}

export interface ItemsAroundOptions<T extends Timed> {
  readonly load: (span: Span, signal: AbortSignal) => Promise<Loaded<T>>;
  /** Something that was asked for has come. */
  readonly onLoaded: () => void;
  /** So much before a moment matters, µs. */
  readonly beforeUs: number;
  /** So much after it is loaded ahead, µs. */
  readonly aheadUs: number;
  /** Items kept at most. */
  readonly limit: number;
}

const RETRY_MS = 3000;

export class ItemsAround<T extends Timed> {
  readonly #options: ItemsAroundOptions<T>;
  #items: T[] = [];
  /** What has been loaded or followed without a hole. */
  #span: Span | null = null;
  /** From when on events bring everything, µs; `null`: they do not. */
  #followed: number | null = null;
  #loading: AbortController | undefined;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ItemsAroundOptions<T>) {
    this.#options = options;
  }

  /** Sorted by time. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Events bring everything that is captured from this time (µs) on; `null`: not any more. What was asked for before may lack something. */
  follow(from: number | null): void {
    this.#followed = from;
    this.#span = null;
    this.#loading?.abort();
    this.#loading = undefined;
  }

  /** Takes in items; most come in order. */
  add(items: readonly T[]): void {
    for (const item of items) {
      const last = this.#items.at(-1);
      if (!last || last.timestamp <= item.timestamp) this.#items.push(item);
      else this.#items.splice(lastUpTo(this.#items, item.timestamp) + 1, 0, item);
    }
    const { limit } = this.#options;
    if (this.#items.length > limit * 1.25) this.#items.splice(0, this.#items.length - limit);
  }

  /** The picture is at this time: loads what is missing there. `still`: it will stay there, nothing ahead is needed. */
  need(at: number, still: boolean): void {
    const { beforeUs, aheadUs } = this.#options;
    if (this.#followed !== null && at - beforeUs >= this.#followed) return;
    const span = this.#span;
    const ahead = still ? 0 : aheadUs / 3;
    if (span && at - beforeUs >= span.start && at + ahead <= span.end) return;
    if (this.#loading || performance.now() - this.#failedMs < RETRY_MS) return;
    void this.#load({ start: at - beforeUs, end: at + (still ? beforeUs : aheadUs) });
  }

  close(): void {
    this.#loading?.abort();
  }

  async #load(span: Span): Promise<void> {
    const loading = new AbortController();
    this.#loading = loading;
    try {
      const { items, end } = await this.#options.load(span, loading.signal);
      if (loading.signal.aborted) return;
      const sorted = [...items].sort((a, b) => a.timestamp - b.timestamp);
      // What events have brought is kept where it is later than the answer.
      const from = Math.max(this.#followed ?? Number.POSITIVE_INFINITY, (sorted.at(-1)?.timestamp ?? span.start) + 1);
      const later = this.#items.filter(({ timestamp }) => timestamp >= from);
      this.#items = sorted;
      this.add(later);
      this.#span = { start: span.start, end };
      this.#options.onLoaded();
    } catch {
      if (!loading.signal.aborted) this.#failedMs = performance.now();
    } finally {
      if (this.#loading === loading) this.#loading = undefined;
    }
  }
}

/** Position of the last item that is not later than a time; -1 if there is none. */
export function lastUpTo(items: readonly Timed[], timestamp: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle]!.timestamp <= timestamp) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
