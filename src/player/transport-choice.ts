// Which transport to use next: in the order of the table, leaving out what does not work here, and saying why.
import type { TransportFailure, TransportName, TransportRow } from './transport.ts';

/** So many losses in a row without a picture, while the server is fine, mean that the transport does not get through. */
const ATTEMPTS = 3;

/** What a failure leads to: the same transport again after a while, or another one at once. */
export type AfterFailure = 'again' | 'other';

export class TransportChoice {
  readonly #rows: readonly TransportRow[];
  readonly #wanted: readonly TransportRow[];
  readonly #name: string;
  readonly #auto: boolean;
  /** Why rows are out, and how often the others failed since their last picture. */
  readonly #out = new Map<TransportName, string>();
  readonly #failures = new Map<TransportName, number>();
  #trouble: string | null = null;

  /** @param name `auto` (also empty), or the name of a row */
  constructor(rows: readonly TransportRow[], name: string) {
    this.#rows = rows;
    this.#name = name;
    this.#auto = name === 'auto' || name === '';
    this.#wanted = this.#auto ? rows.filter((row) => !row.onlyAsked) : rows.filter((row) => row.name === name);
  }

  /** A sentence, while no transport brings a picture. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** The row to open; `null` if none is left (`trouble` says why, and the next call begins another round) or none has this name. */
  next(): TransportRow | null {
    if (!this.#wanted.length) {
      this.#trouble = `There is no transport “${this.#name}”; known are auto, ${this.#rows.map((row) => row.name).join(', ')}.`;
      return null;
    }
    for (const row of this.#wanted) {
      const reason = row.unusable();
      if (reason) this.#out.set(row.name, reason);
    }
    const row = this.#wanted.find((candidate) => !this.#out.has(candidate.name));
    if (row) return row;
    const reasons = this.#wanted.map((candidate) => `${candidate.label}: ${this.#out.get(candidate.name)}`).join('; ');
    this.#trouble = `The picture cannot be shown here. ${reasons}.`;
    this.#out.clear();
    this.#failures.clear();
    return null;
  }

  /** The row for going back in time; `null` if there is none. */
  dvr(): TransportRow | null {
    return this.#rows.find((row) => row.hasDvr && row.unusable() === null && !this.#out.has(row.name)) ?? null;
  }

  /** @param serverFine the server is there and the stream is one that can be shown */
  failed(row: TransportRow, failure: TransportFailure, serverFine: boolean): AfterFailure {
    const failures = (this.#failures.get(row.name) ?? 0) + 1;
    this.#failures.set(row.name, failures);
    if (failures > 1 && serverFine) this.#trouble = `${row.label} does not work: ${failure.reason}. Trying again…`;
    if (failure.kind !== 'unusable' && !(this.#auto && failures >= ATTEMPTS && serverFine)) return 'again';
    this.#out.set(row.name, failure.reason);
    return 'other';
  }

  /** The row brought a picture. */
  worked(row: TransportRow): void {
    this.#failures.delete(row.name);
    this.#trouble = null;
  }
}
