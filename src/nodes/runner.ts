// Starts several nodes together and stops them together. What happens to one does not touch the others.
import type { NodeRun, NodeStats } from './node-run.ts';

/** Running nodes. */
export interface NodeRunner extends AsyncDisposable {
  /** What each node is doing. */
  readonly nodes: readonly NodeStats[];
  /** Settles when no node will start again. */
  readonly ended: Promise<void>;
  /** Stops all. Gives the names of those that did not stop in time and were left behind. Idempotent. */
  close(): Promise<readonly string[]>;
}

export class Runner implements NodeRunner {
  readonly #runs: readonly NodeRun[];
  readonly ended: Promise<void>;
  #closing: Promise<readonly string[]> | null = null;

  constructor(runs: readonly NodeRun[]) {
    this.#runs = runs;
    this.ended = Promise.all(runs.map((run) => run.start())).then(() => {});
  }

  get nodes(): readonly NodeStats[] {
    return this.#runs.map((run) => run.stats);
  }

  close(): Promise<readonly string[]> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<readonly string[]> {
    const stopped = await Promise.all(this.#runs.map((run) => run.close()));
    return this.#runs.filter((_, index) => !stopped[index]).map((run) => run.stats.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
