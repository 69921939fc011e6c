// Moments of one stream as the page knows them: the newest page over REST, older ones as they are asked for, news by events. Draws of the
// page wait for the next animation frame, however many come.
import { signal } from '@preact/signals';
import { type SluiceError, toSluiceError } from '../../src/core/errors.ts';
import { type Moment, MomentList, type MomentListOptions } from './moment-list.ts';

export interface MomentStoreOptions<T extends Moment> extends MomentListOptions<T> {
  /** Asks for a page, newest first. */
  readonly page: (after: string | undefined, signal: AbortSignal) => Promise<{ items: readonly T[]; next?: string | undefined }>;
  /** Begins to listen; gives what ends it. */
  readonly listen: (on: { set(items: readonly T[]): void; remove(item: T): void; missed(): void }) => () => void;
}

export type LoadState = 'loading' | 'ready' | 'error';

/** How long something is new, in ms. */
export const FRESH_MS = 5000;

export class MomentStore<T extends Moment> {
  readonly list: MomentList<T>;
  /** Rises when the list has changed. */
  readonly version = signal(0);
  readonly state = signal<LoadState>('loading');
  /** Of the first page, or of the newest attempt to get an older one. */
  readonly error = signal<SluiceError | null>(null);
  /** Nothing older is left on the server. */
  readonly complete = signal(false);
  /** When each came that has come just now: page ms by key. */
  readonly fresh = new Map<string, number>();
  readonly #options: MomentStoreOptions<T>;
  #abort = new AbortController();
  #next: string | undefined;
  #loading: Promise<void> | undefined;
  #unlisten: (() => void) | undefined;
  #drawing = false;

  constructor(options: MomentStoreOptions<T>) {
    this.#options = options;
    this.list = new MomentList(options);
  }

  /** Listens first and asks then: nothing falls between. */
  open(): void {
    this.#unlisten = this.#options.listen({
      set: (items) => {
        const now = performance.now();
        for (const item of items) {
          const key = this.#options.keyOf(item);
          const before = this.list.get(key);
          // What lies behind the last page comes with its page.
          if (!before && !this.complete.peek() && this.#isOlder(item)) continue;
          if (this.list.set(item) && !before) this.fresh.set(key, now);
        }
        this.#changed();
      },
      remove: (item) => {
        this.list.remove(this.#options.keyOf(item), item.sequence);
        this.#changed();
      },
      missed: () => void this.reload(),
    });
    void this.reload();
  }

  close(): void {
    this.#unlisten?.();
    this.#abort.abort();
  }

  /** Loads as many as were there, anew. What is shown stays until then. */
  async reload(): Promise<void> {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    // What came before the question and is not in the answer was removed; what comes from now on is newer than the answer.
    const asked = this.list.items;
    const wanted = Math.min(asked.length, 5000);
    const items: T[] = [];
    try {
      let next: string | undefined;
      do {
        const page = await this.#options.page(next, abort.signal);
        items.push(...page.items);
        next = page.next;
      } while (next !== undefined && items.length < wanted);
      if (abort.signal.aborted) return;
      const kept = new Set(items.map(this.#options.keyOf));
      // Of what lies behind the last page nothing was said.
      const from = next === undefined ? Number.NEGATIVE_INFINITY : (items.at(-1)?.timestamp ?? Number.POSITIVE_INFINITY);
      for (const item of asked) {
        const key = this.#options.keyOf(item);
        if (item.timestamp > from && !kept.has(key)) this.list.remove(key, item.sequence);
      }
      this.list.setAll(items);
      this.#next = next;
      this.complete.value = next === undefined;
      this.error.value = null;
      this.state.value = 'ready';
      this.#changed();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error.value = toSluiceError(error, 'unavailable');
      if (this.state.peek() === 'loading') this.state.value = 'error';
    }
  }

  /** Asks for the next older page, unless it is under way or there is none. */
  more(): Promise<void> {
    const { signal: aborted } = this.#abort;
    if (this.state.peek() !== 'ready' || this.complete.peek()) return Promise.resolve();
    this.#loading ??= (async () => {
      try {
        const page = await this.#options.page(this.#next, aborted);
        if (aborted.aborted) return;
        this.list.setAll(page.items);
        this.#next = page.next;
        this.complete.value = page.next === undefined || this.list.overflown;
        this.error.value = null;
        this.#changed();
      } catch (error) {
        if (!aborted.aborted) this.error.value = toSluiceError(error, 'unavailable');
      } finally {
        this.#loading = undefined;
      }
    })();
    return this.#loading;
  }

  /** Takes in what a request has answered, without waiting for its event. */
  take(item: T): void {
    const isNew = !this.list.get(this.#options.keyOf(item));
    if (this.list.set(item) && isNew) this.fresh.set(this.#options.keyOf(item), performance.now());
    this.#changed();
  }

  /** Takes one out that is gone on the server. */
  drop(item: T): void {
    this.list.remove(this.#options.keyOf(item), item.sequence);
    this.#changed();
  }

  #isOlder(item: T): boolean {
    const last = this.list.items.at(-1);
    return last !== undefined && item.timestamp < last.timestamp;
  }

  #changed(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.version.value++;
    });
  }
}
