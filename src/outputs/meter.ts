// Counters of one output of one stream: per viewer, offered = sent + skipped + in flight.
import type { QueueStats } from '../core/queue.ts';
import { Percentiles, Tally } from '../pipeline/meters.ts';

/** Upper ends of the latency buckets, ms. */
const BUCKETS_MS = [20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2500, 5000, 10_000];

/** A viewer's own counters; they stay in the sum when it leaves. */
export interface ViewerMeter extends Disposable {
  offered: number;
  sent: number;
  bytes: number;
  readonly skipped: Tally;
  /** The queue in front of the viewer, if it has one. */
  queue: (() => QueueStats) | null;
}

export class OutputMeter {
  readonly #viewers = new Set<ViewerMeter>();
  readonly #past = { offered: 0, sent: 0, bytes: 0, skipped: new Tally() };
  readonly #shown = new Percentiles();
  readonly #buckets = new Float64Array(BUCKETS_MS.length + 1);
  #shownSum = 0;

  /** A page reports glass-to-glass latency, ms. */
  reportShown(ms: number): void {
    if (!(ms >= 0 && ms < 3_600_000)) return;
    this.#shown.add(ms);
    const bucket = BUCKETS_MS.findIndex((limit) => ms <= limit);
    this.#buckets[bucket < 0 ? BUCKETS_MS.length : bucket]!++;
    this.#shownSum += ms;
  }

  /** Cumulative buckets in seconds, as Prometheus counts. */
  get shownHistogram(): { buckets: [string, number][]; sum: number; count: number } {
    let count = 0;
    const buckets: [string, number][] = [...BUCKETS_MS, null].map((limit, i) => {
      count += this.#buckets[i]!;
      return [limit === null ? '+Inf' : String(limit / 1000), count];
    });
    return { buckets, sum: this.#shownSum / 1000, count };
  }

  viewer(): ViewerMeter {
    const viewer: ViewerMeter = {
      offered: 0,
      sent: 0,
      bytes: 0,
      skipped: new Tally(),
      queue: null,
      [Symbol.dispose]: () => {
        if (!this.#viewers.delete(viewer)) return;
        // What was still on its way is lost with the viewer.
        viewer.skipped.add('left', viewer.offered - viewer.sent - viewer.skipped.total);
        this.#past.offered += viewer.offered;
        this.#past.sent += viewer.sent;
        this.#past.bytes += viewer.bytes;
        for (const [policy, count] of Object.entries(viewer.skipped.counts)) if (count) this.#past.skipped.add(policy, count);
      },
    };
    this.#viewers.add(viewer);
    return viewer;
  }

  /** Something was asked for and sent whole (outputs without a stream of their own). */
  served(bytes: number): void {
    this.#past.offered++;
    this.#past.sent++;
    this.#past.bytes += bytes;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  get stats() {
    const sum = { offered: this.#past.offered, sent: this.#past.sent, bytes: this.#past.bytes };
    const skipped = new Tally();
    const add = (tally: Tally) => {
      for (const [policy, count] of Object.entries(tally.counts)) skipped.add(policy, count);
    };
    add(this.#past.skipped);
    const queues: QueueStats[] = [];
    for (const viewer of this.#viewers) {
      sum.offered += viewer.offered;
      sum.sent += viewer.sent;
      sum.bytes += viewer.bytes;
      add(viewer.skipped);
      if (viewer.queue) queues.push(viewer.queue());
    }
    return {
      viewers: this.#viewers.size,
      ...sum,
      skipped: skipped.counts,
      inFlight: sum.offered - sum.sent - skipped.total,
      queues,
      shownMs: this.#shown.summary,
    };
  }
}
