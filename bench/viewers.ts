// The parent's side of the process with the viewers.
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from './child.ts';
import type { Counts, ViewerKind, ViewerMethods } from './children/viewers.ts';

/** What the viewers have got in a window, per second and all together. */
export interface Delivered {
  readonly pictures: number;
  readonly playlists: number;
  readonly bytes: number;
}

export class Viewers implements AsyncDisposable {
  readonly #child: Child<ViewerMethods>;

  private constructor(child: Child<ViewerMethods>) {
    this.#child = child;
  }

  static async start(url: string, stream: string): Promise<Viewers> {
    return new Viewers(await Child.start<ViewerMethods>('viewers.ts', { url, stream }));
  }

  set(kind: ViewerKind, count: number): Promise<void> {
    return this.#child.call('set', { kind, count });
  }

  counts(): Promise<Counts> {
    return this.#child.call('counts');
  }

  /** Waits until the viewers have got their first pictures. Throws with the reason if they do not. */
  async untilMoving(signal: AbortSignal, timeoutMs = 20_000): Promise<void> {
    const { pictures } = await this.counts();
    for (let waited = 0; waited < timeoutMs; waited += 100) {
      await delay(100, undefined, { signal });
      const now = await this.counts();
      if (now.failures.length) throw new Error(now.failures[0]);
      if (now.pictures > pictures) return;
    }
    throw new Error(`no picture within ${timeoutMs / 1000} s`);
  }

  /** Runs `work` and tells what was delivered meanwhile. Throws if a viewer was lost. */
  async during<T>(work: () => Promise<T>): Promise<{ value: T; delivered: Delivered }> {
    const started = performance.now();
    const before = await this.counts();
    const value = await work();
    const after = await this.counts();
    const seconds = (performance.now() - started) / 1000;
    if (after.failures.length) throw new Error(after.failures[0]);
    return {
      value,
      delivered: {
        pictures: (after.pictures - before.pictures) / seconds,
        playlists: (after.playlists - before.playlists) / seconds,
        bytes: (after.bytes - before.bytes) / seconds,
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}
