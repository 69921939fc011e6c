// Units of a transport stream that have come and wait to be decoded, in the order of their arrival. What comes in a burst is kept; what has
// waited too long gives way to the newest key picture, so that latency never grows.
import type { Micros } from '../../core/time.ts';
import type { TsUnit } from '../../formats/mpegts.ts';

export interface WaitingUnit {
  readonly unit: TsUnit;
  /** Server UTC when its last byte came, µs. */
  readonly arrival: Micros;
}

/** Beyond either of them the reader waits: the sender's side then holds what comes. */
const MAX_BYTES = 32 * 2 ** 20;
const MAX_UNITS = 1500;
/** Pictures that have waited so long are left out if a newer key picture waits, µs. */
const MAX_WAIT_US = 3_000_000;

export class UnitLine {
  #units: WaitingUnit[] = [];
  #first = 0;
  #bytes = 0;
  #ended = false;
  #wakeTaker: (() => void) | null = null;
  #wakeReader: (() => void) | null = null;

  get length(): number {
    return this.#units.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What waits, oldest first. */
  *[Symbol.iterator](): Generator<WaitingUnit> {
    for (let i = this.#first; i < this.#units.length; i++) yield this.#units[i]!;
  }

  add(units: readonly TsUnit[], arrival: Micros): void {
    for (const unit of units) {
      this.#units.push({ unit, arrival });
      this.#bytes += unit.data.length;
    }
    if (units.length) this.#wakeTaker?.();
  }

  /** Nothing more comes: `next` gives what is left, then `null`. */
  end(): void {
    this.#ended = true;
    this.#wakeTaker?.();
    this.#wakeReader?.();
  }

  /** Settles when there is room for more, or when aborted. */
  async room(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#ended && (this.#bytes > MAX_BYTES || this.length > MAX_UNITS)) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Waits for the next unit without taking it; false = there is none any more. */
  async wait(): Promise<boolean> {
    while (this.length === 0) {
      if (this.#ended) return false;
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    }
    return true;
  }

  /** Takes the oldest unit; `null` = none waits. */
  take(): WaitingUnit | null {
    const next = this.#units[this.#first];
    if (!next) return null;
    this.#first++;
    this.#bytes -= next.unit.data.length;
    if (this.#first === this.#units.length || this.#first > 1000) {
      this.#units = this.#units.slice(this.#first);
      this.#first = 0;
    }
    this.#wakeReader?.();
    return next;
  }

  /** Leaves out pictures that have waited too long for those behind a newer key picture; how many. */
  skipLate(now: Micros): number {
    const first = this.#units[this.#first];
    if (!first || now - first.arrival < MAX_WAIT_US) return 0;
    const key = this.#units.findLastIndex(({ unit }) => unit.track.kind === 'video' && unit.key);
    if (key <= this.#first) return 0;
    const late = this.#units.slice(this.#first, key).filter(({ unit }) => unit.track.kind === 'video');
    if (late.length === 0) return 0;
    this.#units = this.#units.slice(this.#first).filter((waiting) => !late.includes(waiting));
    this.#first = 0;
    for (const { unit } of late) this.#bytes -= unit.data.length;
    this.#wakeReader?.();
    return late.length;
  }
}
