// The sound beside a processor's pictures: blocks go to it in order, several may be on their way, and leave in the order in which they came.
import type { InlineConfig } from '../../api/schema.ts';
import type { AudioFrame } from '../../core/audio.ts';
import type { Clock } from '../../core/clock.ts';
import { type Fault, StageLedger } from './ledger.ts';

/** Blocks that may wait, two seconds of 20 ms; beyond it the oldest go. */
const LIMIT = 100;
/** Blocks that a processor may have: it gets to them between two pictures. */
const CREDIT = 16;

export interface SoundLaneHost {
  readonly config: Pick<InlineConfig, 'loading' | 'onError'>;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** `none`: it has no handler of sound. */
  readonly ready: 'running' | 'none' | 'loading' | 'failed';
  /** Hands a block to a processor: the number of the job, and which processor it is. `null` = none can take it. */
  send(block: AudioFrame): { readonly job: number; readonly runner: object } | null;
  /** A processor has not answered in time. */
  hangs(runner: object): void;
  /** A block leaves for the next processor. */
  next(block: AudioFrame): void;
}

interface Job {
  readonly id: number;
  readonly runner: object;
  readonly block: AudioFrame;
  readonly timer: NodeJS.Timeout;
  out: readonly AudioFrame[] | null;
}

export class SoundLane {
  readonly ledger = new StageLedger();
  readonly #host: SoundLaneHost;
  readonly #waiting: { readonly block: AudioFrame; readonly at: number }[] = [];
  #jobs: Job[] = [];

  constructor(host: SoundLaneHost) {
    this.#host = host;
  }

  /** Blocks are on their way. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#jobs.length > 0;
  }

  offer(block: AudioFrame): void {
    const { ready, config } = this.#host;
    // What does not hear keeps no account of sound.
    if (ready === 'none') return this.#host.next(block);
    this.ledger.offered++;
    if (ready !== 'running') {
      const withheld = ready === 'loading' ? config.loading === 'withhold' : config.onError === 'withhold';
      if (withheld) this.ledger.withheld++;
      else {
        this.ledger.passed++;
        this.#host.next(block);
      }
      return;
    }
    this.#waiting.push({ block, at: performance.now() });
    this.pump();
    if (this.#waiting.length <= LIMIT) return;
    this.#waiting.shift();
    this.ledger.drop('queue-full');
  }

  pump(): void {
    while (this.#waiting.length && this.#jobs.length < CREDIT) {
      const { block, at } = this.#waiting[0]!;
      const sent = this.#host.send(block);
      if (!sent) return;
      this.#waiting.shift();
      this.ledger.waited(performance.now() - at);
      const timer = setTimeout(() => this.#overdue(job), this.#host.deadlineMs).unref();
      const job: Job = { id: sent.job, runner: sent.runner, block, timer, out: null };
      this.#jobs.push(job);
    }
  }

  answered(id: number, outcome: 'pass' | 'withhold' | 'blocks', blocks: readonly AudioFrame[], ms: number): void {
    const job = this.#open(id);
    if (!job) return;
    this.ledger.ran(ms, job.block.timestamp, this.#host.clock.now());
    if (outcome === 'pass') this.ledger.passed++;
    else if (outcome === 'withhold') this.ledger.withheld++;
    else this.ledger.processed++;
    this.#settle(job, outcome === 'pass' ? [job.block] : outcome === 'withhold' ? [] : blocks);
    this.pump();
  }

  /** Whether this was a job of sound. */
  failed(id: number): boolean {
    const job = this.#open(id);
    if (!job) return false;
    this.#fail(job, 'error');
    this.pump();
    return true;
  }

  /** A processor is gone with what it had. */
  gone(runner: object, how: Fault | 'stopped'): void {
    for (const job of this.#jobs.filter((one) => one.runner === runner && !one.out)) {
      if (how !== 'stopped') this.#fail(job, how);
      else {
        this.ledger.drop('stopped');
        this.#settle(job, []);
      }
    }
  }

  /** No more sound will come for now. */
  stop(): void {
    for (const _ of this.#waiting.splice(0)) this.ledger.drop('stopped');
  }

  #open(id: number): Job | null {
    return this.#jobs.find((job) => job.id === id && !job.out) ?? null;
  }

  #overdue(job: Job): void {
    if (job.out) return;
    this.#fail(job, 'timeout');
    this.#host.hangs(job.runner);
  }

  #fail(job: Job, fault: Fault): void {
    this.ledger.fail(fault);
    this.#settle(job, this.#host.config.onError === 'pass' ? [job.block] : []);
  }

  #settle(job: Job, out: readonly AudioFrame[]): void {
    clearTimeout(job.timer);
    job.out = out;
    while (this.#jobs[0]?.out) for (const block of this.#jobs.shift()!.out!) this.#host.next(block);
  }

  /** `null`: it has never had any. */
  stats() {
    if (!this.ledger.offered) return null;
    const { offered, processed, passed, withheld, dropped, failed, inFlight, processMs } = this.ledger.figures(this.#host.clock.now());
    return { offered, processed, passed, withheld, dropped, failed, inFlight, processMs };
  }
}
