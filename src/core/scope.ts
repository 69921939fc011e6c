// A scope owns resources: it closes them in reverse order, once, and carries the AbortSignal that tells its work to stop.

/** Something that can be closed, at once or after a while. */
export type Cleanup = () => void | Promise<void>;

/** Owner of resources. `close()` aborts the signal, then runs the clean-ups in reverse order; all run, even if one throws. */
export class Scope implements AsyncDisposable {
  readonly #abort = new AbortController();
  readonly #cleanups = new Set<{ run: Cleanup }>();
  #closing: Promise<void> | undefined;

  /** A scope that also closes when `parent` aborts. */
  constructor(parent?: AbortSignal) {
    if (!parent) return;
    const onAbort = () => void this.close(parent.reason).catch(() => {});
    if (parent.aborted) onAbort();
    else {
      parent.addEventListener('abort', onAbort, { once: true });
      this.defer(() => parent.removeEventListener('abort', onAbort));
    }
  }

  /** Aborted as the first step of closing. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Runs `cleanup` on close (at once if already closed). Returns a function that takes it out again without running it. */
  defer(cleanup: Cleanup): () => void {
    if (this.closed) {
      void (async () => cleanup())().catch(() => {});
      return () => {};
    }
    const entry = { run: cleanup };
    this.#cleanups.add(entry);
    return () => this.#cleanups.delete(entry);
  }

  /** Owns a disposable resource and hands it back. */
  use<T extends Partial<AsyncDisposable & Disposable>>(resource: T): T {
    this.defer(async () => {
      if (resource[Symbol.asyncDispose]) await resource[Symbol.asyncDispose]!();
      else resource[Symbol.dispose]?.();
    });
    return resource;
  }

  /** A timer that ends with the scope and does not keep the process alive. */
  interval(ms: number, work: () => void): void {
    const timer = setInterval(work, ms) as unknown as { unref?: () => void } & number;
    timer.unref?.();
    this.defer(() => clearInterval(timer));
  }

  close(reason?: unknown): Promise<void> {
    if (!this.#closing) {
      // Set before anything runs: a listener of the signal may close this very scope.
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#closing = promise;
      this.#run(reason).then(resolve, reject);
    }
    return this.#closing;
  }

  async #run(reason: unknown): Promise<void> {
    this.#abort.abort(reason ?? new DOMException('closed', 'AbortError'));
    const errors: unknown[] = [];
    for (const entry of [...this.#cleanups].reverse()) {
      // Taken out meanwhile by another clean-up.
      if (!this.#cleanups.delete(entry)) continue;
      try {
        await entry.run();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several resources failed to close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
