// WebRTC viewers without a browser, for benches and tests: they count what came and decode nothing.
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from './child.ts';
import type { ClientMethods, ClientSettings } from './children/whep-clients.ts';
import type { RtcCounts } from './rtc-receiver.ts';

export type { RtcCounts } from './rtc-receiver.ts';

export interface ClientsOptions extends Partial<Omit<ClientSettings, 'url'>> {
  /** Processes that they are spread over. Default 1. */
  readonly processes?: number;
}

/**
 * A number of viewers in processes of their own; `await using` ends them.
 *
 * ```ts
 * await using viewers = await WhepClients.start(`${server.url}live/cam/whep`, 20);
 * await viewers.untilMoving();
 * const { counts } = await viewers.counts();
 * ```
 */
export class WhepClients implements AsyncDisposable {
  readonly #children: Child<ClientMethods>[];
  readonly #reconnects: boolean;

  private constructor(children: Child<ClientMethods>[], reconnects: boolean) {
    this.#children = children;
    this.#reconnects = reconnects;
  }

  /**
   * Starts the processes and connects so many viewers. Throws with the reason if one is refused.
   *
   * @param url of the WHEP endpoint
   */
  static async start(url: string, count: number, options: ClientsOptions = {}): Promise<WhepClients> {
    const { processes = 1, server = 'whep', channel = true, reconnectAfter = 0 } = options;
    const settings: ClientSettings = { url, server, channel, reconnectAfter };
    const children: Child<ClientMethods>[] = [];
    const clients = new WhepClients(children, reconnectAfter > 0);
    try {
      for (let i = 0; i < processes; i++) children.push(await Child.start<ClientMethods>('whep-clients.ts', settings));
      await clients.set(count);
    } catch (error) {
      await clients[Symbol.asyncDispose]();
      throw error;
    }
    return clients;
  }

  /** Makes it so many viewers: new ones connect, or the last ones leave. */
  async set(count: number): Promise<void> {
    const processes = this.#children.length;
    await Promise.all(this.#children.map((child, i) => child.call('set', Math.floor((count + processes - 1 - i) / processes))));
  }

  /** One row for each viewer, and why viewers have ended that should not. */
  async counts(): Promise<{ counts: RtcCounts[]; failures: string[] }> {
    const all = await Promise.all(this.#children.map((child) => child.call('counts')));
    return { counts: all.flatMap(({ counts }) => counts), failures: all.flatMap(({ failures }) => failures) };
  }

  /** Waits until each of them has got a further whole picture. Throws with the reason if one does not. */
  async untilMoving(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<void> {
    const { signal, timeoutMs = 20_000 } = options;
    const before = (await this.counts()).counts;
    for (let waited = 0; ; waited += 100) {
      const { counts, failures } = await this.counts();
      if (failures.length && !this.#reconnects) throw new Error(failures[0]);
      const still = counts.filter((row, i) => row.pictures <= (before[i]?.pictures ?? 0)).length;
      if (!still) return;
      if (waited >= timeoutMs) throw new Error(`${still} of ${counts.length} viewers got no picture within ${timeoutMs / 1000} s`);
      await delay(100, undefined, { signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child[Symbol.asyncDispose]()));
  }
}

/** All of them together. */
export function sumOf(counts: readonly RtcCounts[]): RtcCounts {
  const sum = { packets: 0, bytes: 0, pictures: 0, lost: 0, named: 0, connections: 0 };
  for (const row of counts) for (const key of Object.keys(sum) as (keyof RtcCounts)[]) sum[key] += row[key];
  return sum;
}
