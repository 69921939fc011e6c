// A long list of moments of a stream (markers, data records), newest first: kept in order, filtered, never doubled. Pure.

/** What a moment has, whatever else it says. */
export interface Moment {
  /** Capture time, µs. */
  readonly timestamp: number;
  readonly frame: number | null;
  /** Rises with every change: older news never replace newer ones. */
  readonly sequence: number;
}

export interface MomentListOptions<T extends Moment> {
  readonly keyOf: (item: T) => string;
  /** What the filter looks into. */
  readonly textOf: (item: T) => string;
  /** What it is counted under, if anything. */
  readonly kindOf?: (item: T) => string;
  /** Items at most: then the oldest go. */
  readonly limit: number;
}

export interface Filter {
  /** Words that all must occur, in any order and case. */
  readonly text: string;
  /** Empty: every kind. */
  readonly kinds: ReadonlySet<string>;
}

export class MomentList<T extends Moment> {
  readonly #options: MomentListOptions<T>;
  readonly #byKey = new Map<string, T>();
  /** Sequence of what was removed: a page that was under way must not bring it back. */
  readonly #removed = new Map<string, number>();
  readonly #kinds = new Map<string, number>();
  readonly #texts = new WeakMap<T, string>();
  #items: T[] = [];
  #overflown = false;

  constructor(options: MomentListOptions<T>) {
    this.#options = options;
  }

  /** Newest first. The same array as before where nothing was added or taken away. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Older ones were left out because of the limit. */
  get overflown(): boolean {
    return this.#overflown;
  }

  /** Kinds that occur, with how often, by name. */
  get kinds(): [kind: string, count: number][] {
    return [...this.#kinds].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** Takes an item in; false if as new news of it are known already. */
  set(item: T): boolean {
    const key = this.#options.keyOf(item);
    const before = this.#byKey.get(key);
    const known = before?.sequence ?? this.#removed.get(key);
    if (known !== undefined && known >= item.sequence) return false;
    if (before) this.#takeOut(before);
    this.#removed.delete(key);
    this.#byKey.set(key, item);
    this.#count(item, 1);
    this.#items = this.#items.toSpliced(this.#placeOf(item), 0, item);
    const over = this.#items.length - this.#options.limit;
    if (over > 0) {
      this.#overflown = true;
      for (const old of this.#items.splice(-over)) this.#forget(old);
    }
    return this.#byKey.has(key);
  }

  /** Takes in many at once, such as a page. */
  setAll(items: readonly T[]): void {
    if (items.length < 50) {
      for (const item of items) this.set(item);
      return;
    }
    const added = new Map<string, T>();
    for (const item of items) {
      const key = this.#options.keyOf(item);
      const before = this.#byKey.get(key);
      const known = before?.sequence ?? this.#removed.get(key);
      if (known !== undefined && known >= item.sequence) continue;
      if (before && !added.has(key)) {
        this.set(item);
        continue;
      }
      if (before) this.#count(before, -1);
      this.#removed.delete(key);
      this.#byKey.set(key, item);
      this.#count(item, 1);
      added.set(key, item);
    }
    const fresh = [...added.values()].sort((a, b) => this.#compare(a, b));
    this.#items = merge(this.#items, fresh, (a, b) => this.#compare(a, b));
    const over = this.#items.length - this.#options.limit;
    if (over <= 0) return;
    this.#overflown = true;
    for (const old of this.#items.splice(-over)) this.#forget(old);
  }

  /** Takes an item away. `sequence`: of the removal. */
  remove(key: string, sequence: number): void {
    const before = this.#byKey.get(key);
    if (before && before.sequence > sequence) return;
    this.#removed.set(key, sequence);
    if (before) this.#takeOut(before);
  }

  clear(): void {
    this.#items = [];
    this.#overflown = false;
    for (const map of [this.#byKey, this.#removed, this.#kinds]) map.clear();
  }

  /** Those that pass, newest first. */
  filtered(filter: Filter): readonly T[] {
    const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length && !filter.kinds.size) return this.#items;
    return this.#items.filter((item) => {
      if (filter.kinds.size && !filter.kinds.has(this.#options.kindOf?.(item) ?? '')) return false;
      if (!words.length) return true;
      const text = this.#textOf(item);
      return words.every((word) => text.includes(word));
    });
  }

  #textOf(item: T): string {
    let text = this.#texts.get(item);
    if (text === undefined) {
      text = this.#options.textOf(item).toLowerCase();
      this.#texts.set(item, text);
    }
    return text;
  }

  #takeOut(item: T): void {
    this.#forget(item);
    this.#items = this.#items.toSpliced(this.#placeOf(item), 1);
  }

  #forget(item: T): void {
    this.#byKey.delete(this.#options.keyOf(item));
    this.#count(item, -1);
  }

  #count(item: T, by: 1 | -1): void {
    const kind = this.#options.kindOf?.(item);
    if (kind === undefined) return;
    const count = (this.#kinds.get(kind) ?? 0) + by;
    if (count) this.#kinds.set(kind, count);
    else this.#kinds.delete(kind);
  }

  #compare(a: T, b: T): number {
    if (a.timestamp !== b.timestamp) return b.timestamp - a.timestamp;
    const [x, y] = [this.#options.keyOf(a), this.#options.keyOf(b)];
    return x === y ? 0 : x < y ? 1 : -1;
  }

  #placeOf(item: T): number {
    return lowerBound(this.#items, (other) => this.#compare(other, item) < 0);
  }
}

/** Two sorted lists as one; a page that follows what is there is just put behind it. */
function merge<T>(one: readonly T[], other: readonly T[], compare: (a: T, b: T) => number): T[] {
  const last = one.at(-1);
  if (!last || !other[0] || compare(last, other[0]) <= 0) return [...one, ...other];
  const merged: T[] = [];
  let at = 0;
  for (const item of one) {
    while (at < other.length && compare(other[at]!, item) < 0) merged.push(other[at++]!);
    merged.push(item);
  }
  return [...merged, ...other.slice(at)];
}

/** Position of the moment at a time or the nearest before it, in a list sorted newest first; -1 if all are later. */
export function indexAt(items: readonly Moment[], timestamp: number): number {
  const at = lowerBound(items, (item) => item.timestamp > timestamp);
  return at < items.length ? at : -1;
}

/** Index of the first item for which `before` is false. */
export function lowerBound<T>(items: readonly T[], before: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
