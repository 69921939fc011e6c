// Starts a server under test with a data folder of its own; both go with it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamConfigInput, StreamInfo, StreamStats } from '../src/api/schema.ts';
import { Child } from './child.ts';
import type { ServerMethods, Usage } from './children/server.ts';
import type { BenchOptions } from './result.ts';

/** CPU time of a window, in ms per second of the clock. */
export interface Load {
  readonly all: number;
  /** Without the media workers where threads can be told apart, else the same as `all`. */
  readonly delivery: number;
}

export class BenchServer implements AsyncDisposable {
  readonly #child: Child<ServerMethods>;
  readonly #dataDir: string;
  readonly #signal: AbortSignal;
  readonly url: string;

  private constructor(child: Child<ServerMethods>, dataDir: string, url: string, signal: AbortSignal) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.#signal = signal;
    this.url = url;
  }

  static async start(streams: Record<string, StreamConfigInput>, options: BenchOptions): Promise<BenchServer> {
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
    try {
      const profile = options.profileDir ? ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}`] : [];
      const child = await Child.start<ServerMethods>('server.ts', { streams, dataDir }, ['--expose-gc', ...profile]);
      return new BenchServer(child, dataDir, await child.call('url'), options.signal);
    } catch (error) {
      await rm(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  usage(): Promise<Usage> {
    return this.#child.call('usage');
  }

  /** Resident bytes after a garbage collection. */
  memory(): Promise<number> {
    return this.#child.call('memory');
  }

  /** CPU time over the next seconds. */
  async load(seconds: number): Promise<Load> {
    const started = performance.now();
    const before = await this.usage();
    await delay(seconds * 1000, undefined, { signal: this.#signal });
    const after = await this.usage();
    const elapsed = (performance.now() - started) / 1000;
    const all = (after.all - before.all) / elapsed;
    const media = after.media === null || before.media === null ? 0 : (after.media - before.media) / elapsed;
    return { all, delivery: all - media };
  }

  async #json<T>(path: string, method = 'GET'): Promise<T> {
    const response = await fetch(new URL(path, this.url), { method, signal: this.#signal });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  stats(stream: string): Promise<StreamStats> {
    return this.#json(`api/streams/${stream}/stats`);
  }

  info(stream: string): Promise<StreamInfo> {
    return this.#json(`api/streams/${stream}`);
  }

  /** Stops the source of a stream, whoever watches. */
  async stopStream(stream: string): Promise<void> {
    await this.#json(`api/streams/${stream}/stop`, 'POST');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
