// Signs of life of viewers whose own connection carries none: what is written into it may stand in buffers for a minute before anybody notices
// that the way is cut. Their page says over its events socket that they watch.

/** Without a sign for so long a viewer is gone; pages give one each second. */
const SILENT_MS = 3500;
/** What came while this program stood still is read first. */
const READ_MS = 500;

interface Watched {
  readonly gone: () => void;
  /** Runs from the first sign on: who never gives one is not asked for any. */
  timer: NodeJS.Timeout | null;
  seen: boolean;
}

export class LifeSigns implements Disposable {
  readonly #watched = new Map<string, Set<Watched>>();

  /** Watches a viewer by the name that its page has given it, until disposed of. `gone` is called once, when its signs stop. */
  watch(name: string, gone: () => void): Disposable {
    const one: Watched = { gone, timer: null, seen: false };
    const same = this.#watched.get(name) ?? new Set();
    this.#watched.set(name, same.add(one));
    return {
      [Symbol.dispose]: () => {
        clearTimeout(one.timer ?? undefined);
        same.delete(one);
        if (!same.size && this.#watched.get(name) === same) this.#watched.delete(name);
      },
    };
  }

  /** These viewers watch. Names that nobody has are ignored. */
  seen(names: readonly string[]): void {
    for (const name of names) {
      for (const one of this.#watched.get(name) ?? []) {
        one.seen = true;
        clearTimeout(one.timer ?? undefined);
        one.timer = setTimeout(() => this.#look(one), SILENT_MS).unref();
      }
    }
  }

  #look(one: Watched): void {
    one.seen = false;
    one.timer = setTimeout(() => !one.seen && one.gone(), READ_MS).unref();
  }

  [Symbol.dispose](): void {
    for (const same of this.#watched.values()) for (const one of same) clearTimeout(one.timer ?? undefined);
    this.#watched.clear();
  }
}
