// Samples for whoever listens, put together: at most some tens of events a second, however many samples.
import type { MetricInput, MetricSample } from '../api/timeline.ts';
import type { TimelineEvents } from './timeline.ts';

const EVERY_MS = 33;
/** Samples of one event. */
const MOST = 2000;

export class MetricEvents {
  readonly #emit: (event: TimelineEvents['metric']) => void;
  #samples: MetricSample[] = [];
  #skipped: { from: number; to: number; count: number } | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(emit: (event: TimelineEvents['metric']) => void) {
    this.#emit = emit;
  }

  add({ timestamp, frame, values }: { timestamp: number; frame: number | null; values: MetricInput['values'] }): void {
    if (this.#samples.length >= MOST) {
      const { from = timestamp, to = timestamp, count = 0 } = this.#skipped ?? {};
      this.#skipped = { from: Math.min(from, timestamp), to: Math.max(to, timestamp), count: count + 1 };
      return;
    }
    this.#samples.push({ timestamp, frame, values: values as MetricSample['values'] });
    this.#timer ??= setTimeout(() => this.#send(), EVERY_MS).unref();
  }

  #send(): void {
    this.#timer = undefined;
    const samples = this.#samples;
    const skipped = this.#skipped;
    this.#samples = [];
    this.#skipped = null;
    this.#emit({ samples, skipped });
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
