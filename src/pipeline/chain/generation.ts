// Pictures that a processor makes without input: one at a time, asked for by whoever wants the next.
import type { Clock } from '../../core/clock.ts';
import { FORMATS } from '../../core/frame.ts';
import type { Fault, StageLedger } from './ledger.ts';
import type { PlacedPicture } from './messages.ts';
import { type HeldSlot, type Moving, release, takeSlot } from './moving.ts';

export interface GenerationHost {
  readonly clock: Clock;
  readonly ledger: StageLedger;
  readonly deadlineMs: number;
  /** An id for a picture; 0 = none is left. */
  takeId(): number;
  /** A picture leaves; `null` = it is free for the next one. */
  made(frame: Moving | null): void;
  /** A processor has not answered in time. */
  hangs(runner: object): void;
}

/** A picture that is being made. */
interface Making {
  readonly id: number;
  readonly runner: object;
  readonly slots: HeldSlot[];
  readonly timer: NodeJS.Timeout;
}

export class Generation {
  readonly #host: GenerationHost;
  #making: Making | null = null;
  #waiting: (() => void)[] = [];

  constructor(host: GenerationHost) {
    this.#host = host;
  }

  get busy(): boolean {
    return this.#making !== null;
  }

  /** A processor has been asked for a picture. */
  begin(id: number, runner: object): void {
    const timer = setTimeout(() => this.#host.hangs(runner), this.#host.deadlineMs).unref();
    this.#making = { id, runner, slots: [], timer };
    this.#host.ledger.offered++;
  }

  /** Settles when no picture is being made with the params of before. */
  async settled(): Promise<void> {
    if (this.#making) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The slots of a job; `undefined`: it is none of these. */
  slotsOf(job: number): HeldSlot[] | undefined {
    return this.#making?.id === job ? this.#making.slots : undefined;
  }

  /** Takes an answer; `false`: the job is none of these. */
  answered(job: number, pictures: readonly PlacedPicture[], ms: number): boolean {
    const slots = this.slotsOf(job);
    if (!slots) return false;
    const { clock, ledger } = this.#host;
    const now = clock.now();
    const frames: Moving[] = [];
    for (const { place, format, width, height, significantBits, timestamp, metadata } of pictures) {
      const at = takeSlot(slots, place);
      if (!at) continue;
      const id = this.#host.takeId();
      if (id === 0) {
        at.release();
        continue;
      }
      const bits = significantBits ?? FORMATS[format].depth;
      const info = { id, timestamp: timestamp ?? now, format, width, height, significantBits: bits, received: now };
      frames.push({ info, stepped: false, metadata: metadata ?? null, boxes: [], at });
    }
    release(slots);
    if (frames.length) ledger.processed++;
    else ledger.withheld++;
    ledger.ran(ms, frames[0]?.info.timestamp ?? now, now);
    for (const frame of frames) this.#host.made(frame);
    this.#end();
    return true;
  }

  /** The processor threw; `false`: the job is none of these. */
  failed(job: number): boolean {
    const slots = this.slotsOf(job);
    if (!slots) return false;
    release(slots);
    this.#host.ledger.fail('error');
    this.#end();
    return true;
  }

  /** A processor is gone with what it had. Its slots are free when it can write no more. */
  gone(runner: object, how: Fault | 'stopped', ended: Promise<unknown>): void {
    const making = this.#making;
    if (making?.runner !== runner) return;
    void ended.then(() => release(making.slots));
    if (how === 'stopped') this.#host.ledger.drop('stopped');
    else this.#host.ledger.fail(how);
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#making?.timer);
    this.#making = null;
    for (const wake of this.#waiting.splice(0)) wake();
    this.#host.made(null);
  }
}
