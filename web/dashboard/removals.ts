// Removing with undo: the request leaves only when its 10 s are over or the page hides for good. Until then nothing has happened.

/** How long a removal can be undone, in ms. */
export const UNDO_MS = 10_000;

export interface RemovalsOptions {
  /** Sends the request; `keepalive`: it must outlive the page. */
  readonly send: (name: string, keepalive: boolean) => Promise<void>;
  /** The set of names under way has changed. */
  readonly onChange: (names: ReadonlySet<string>) => void;
  /** The server refused: the stream is still there. */
  readonly onError: (name: string, error: unknown) => void;
  /** Calls back after `ms`; returns what cancels it. Default `setTimeout`. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

export class Removals {
  readonly #options: RemovalsOptions;
  readonly #after: (ms: number, run: () => void) => () => void;
  /** Cancels the timer; `null` once the request is on its way. */
  readonly #pending = new Map<string, (() => void) | null>();

  constructor(options: RemovalsOptions) {
    this.#options = options;
    this.#after = options.after ?? timer;
  }

  /** Begins the 10 s of a stream. */
  schedule(name: string): void {
    if (this.#pending.has(name)) return;
    this.#pending.set(
      name,
      this.#after(UNDO_MS, () => void this.#send(name, false)),
    );
    this.#changed();
  }

  /** Takes a removal back; false if it is too late. */
  undo(name: string): boolean {
    const cancel = this.#pending.get(name);
    if (!cancel) return false;
    cancel();
    this.#pending.delete(name);
    this.#changed();
    return true;
  }

  /** Sends what waits at once: the page goes away. */
  flush(): void {
    for (const [name, cancel] of [...this.#pending]) {
      if (!cancel) continue;
      cancel();
      void this.#send(name, true);
    }
  }

  async #send(name: string, keepalive: boolean): Promise<void> {
    this.#pending.set(name, null);
    try {
      await this.#options.send(name, keepalive);
    } catch (error) {
      this.#options.onError(name, error);
    } finally {
      this.#pending.delete(name);
      this.#changed();
    }
  }

  #changed(): void {
    this.#options.onChange(new Set(this.#pending.keys()));
  }
}

function timer(ms: number, run: () => void): () => void {
  const id = setTimeout(run, ms);
  return () => clearTimeout(id);
}
