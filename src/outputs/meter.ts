// Counters of one output of one stream: per viewer, offered = sent + skipped + in flight.
import type { ViewerReport } from '../api/schema.ts';
import type { Packet } from '../core/packet.ts';
import type { QueueStats } from '../core/queue.ts';
import type { Micros } from '../core/time.ts';
import { Histogram, LATENCY_BUCKETS } from '../pipeline/histogram.ts';
import { Percentiles, Tally, WindowMeter } from '../pipeline/meters.ts';
import { ViewerFigures } from './viewer-figures.ts';

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
  /** Capture to screen as pages report it, s. */
  readonly glassToGlass = new Histogram(LATENCY_BUCKETS);
  /** Capture to the moment in which the frame was handed to the network, s. */
  readonly captureToSent = new Histogram(LATENCY_BUCKETS);
  readonly #ages = new WindowMeter();
  #reported: ViewerFigures | null = null;

  /** A page reports glass-to-glass latency, ms. */
  reportShown(ms: number): void {
    if (!(ms >= 0 && ms < 600_000)) return;
    this.#shown.add(ms);
    this.glassToGlass.add(ms / 1000);
  }

  /** A player reports about its pictures. Where nobody watches there is nothing to tell. */
  report(report: ViewerReport): void {
    if (!this.#viewers.size) return;
    this.#reported ??= new ViewerFigures();
    this.#reported.add(report);
    for (const ms of report.latencyMs) this.reportShown(ms);
  }

  /** What players have reported; `null` before the first report. */
  get reported(): ViewerFigures | null {
    return this.#reported;
  }

  /** A frame went out to one viewer. Repeats are no news: their capture was long ago. */
  onSent(packet: Packet, now: Micros): void {
    if (packet.repeat) return;
    this.captureToSent.add((now - packet.timestamp) / 1e6);
    this.#ages.add(now, (now - packet.timestamp) / 1000);
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

  /** Capture to the network over the last 10 s, ms, and pictures a second of all viewers together. */
  ages(now: number): { fps: number; mean: number | null; max: number | null } {
    const { count, mean, max } = this.#ages.figures(now);
    return { fps: count / 10, mean, max };
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
