// What became of every frame at one processor, and how long it waited and ran.
import type { StreamStats } from '../../api/schema.ts';
import { Histogram, WORK_BUCKETS } from '../histogram.ts';
import { Percentiles, RateMeter, Tally } from '../meters.ts';

/** Why a frame failed. */
export type Fault = 'error' | 'timeout' | 'crash';
/** Why a frame never reached the processor: a newer one came, the queue was full, the rate is lower, no memory for the result, it ended. */
export type DropReason = 'latest' | 'queue-full' | 'thinned' | 'ring' | 'stopped';

/** Parts that a processor may name. */
const MAX_PARTS = 16;

type Figures = StreamStats['processors'][number];

/** offered = processed + passed + withheld + dropped + failed + in flight. */
export class StageLedger {
  readonly dropped = new Tally();
  readonly failed = new Tally();
  readonly #rate = new RateMeter();
  readonly #wait = new Percentiles();
  readonly #run = new Percentiles();
  readonly #latency = new Percentiles();
  readonly #waits = new Histogram(WORK_BUCKETS);
  readonly #runs = new Histogram(WORK_BUCKETS);
  readonly #parts = new Map<string, { readonly ms: Percentiles; readonly runs: Histogram }>();
  offered = 0;
  processed = 0;
  passed = 0;
  withheld = 0;

  constructor() {
    // Every reason is there from the start: people look for it.
    for (const fault of ['error', 'timeout', 'crash'] satisfies Fault[]) this.failed.add(fault, 0);
  }

  drop(reason: DropReason): void {
    this.dropped.add(reason);
  }

  fail(fault: Fault): void {
    this.failed.add(fault);
  }

  /** A frame began after `ms` in the queue. */
  waited(ms: number): void {
    this.#wait.add(ms);
    this.#waits.add(ms / 1000);
  }

  /** It was answered after `ms` inside the processor, at `now` (µs); `timestamp` is its capture time. */
  ran(ms: number, timestamp: number, now: number): void {
    this.#run.add(ms);
    this.#runs.add(ms / 1000);
    this.#latency.add((now - timestamp) / 1000);
    this.#rate.add(now);
  }

  /** Parts of the time for one frame, ms by name. */
  timed(parts: Readonly<Record<string, number>>): void {
    for (const [name, ms] of Object.entries(parts)) {
      const part = this.#parts.get(name) ?? { ms: new Percentiles(), runs: new Histogram(WORK_BUCKETS) };
      if (typeof ms !== 'number' || !Number.isFinite(ms) || (this.#parts.size >= MAX_PARTS && !this.#parts.has(name))) continue;
      this.#parts.set(name, part);
      part.ms.add(ms);
      part.runs.add(ms / 1000);
    }
  }

  figures(
    now: number,
  ): Pick<
    Figures,
    | 'offered'
    | 'processed'
    | 'passed'
    | 'withheld'
    | 'dropped'
    | 'failed'
    | 'faults'
    | 'inFlight'
    | 'fps'
    | 'waitMs'
    | 'processMs'
    | 'latencyMs'
    | 'waits'
    | 'runs'
    | 'parts'
  > {
    const { offered, processed, passed, withheld } = this;
    const failed = this.failed.total;
    return {
      offered,
      processed,
      passed,
      withheld,
      dropped: this.dropped.counts,
      failed,
      faults: this.failed.counts,
      inFlight: offered - processed - passed - withheld - this.dropped.total - failed,
      fps: this.#rate.rates(now).perSecond,
      waitMs: this.#wait.summary,
      processMs: this.#run.summary,
      latencyMs: this.#latency.summary,
      waits: this.#waits.counts,
      runs: this.#runs.counts,
      parts: Object.fromEntries([...this.#parts].map(([name, { ms, runs }]) => [name, { ms: ms.summary, runs: runs.counts }])),
    };
  }
}
