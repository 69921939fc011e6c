// Which transport to use: the order, what is left out for now and until when, and the words for it. Pure but for the clock that it is given.
import type { TransportFailure, TransportName, TransportRow } from './transport.ts';

/** A transport that failed is tried again after this, then after twice as long, and so on. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 300_000;

export interface ChoiceOptions {
  /** Monotonic ms. */
  readonly now?: () => number;
  /** 0 to below 1. */
  readonly random?: () => number;
}

interface Out {
  readonly reason: string;
  /** When it may be tried again; infinite: not before something changes. */
  readonly until: number;
}

export class TransportChoice {
  readonly #rows: readonly TransportRow[];
  readonly #name: string;
  readonly #now: () => number;
  readonly #random: () => number;
  /** Names in the wanted order; the others follow as they stand in the table. */
  #first: readonly TransportName[] = [];
  readonly #out = new Map<TransportName, Out>();
  /** How often each failed since it last worked for a while. */
  readonly #failures = new Map<TransportName, number>();
  #trouble: string | null = null;
  readonly auto: boolean;

  /** @param name `auto` (also empty), or the name of a row */
  constructor(rows: readonly TransportRow[], name: string, options: ChoiceOptions = {}) {
    this.#rows = rows;
    this.#name = name;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    this.auto = name === 'auto' || name === '';
  }

  /** A sentence, while no transport brings a picture. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Rows that may be used at all, best first. */
  get order(): readonly TransportRow[] {
    if (!this.auto) return this.#rows.filter((row) => row.name === this.#name);
    const place = ({ name }: TransportRow) => (this.#first.includes(name) ? this.#first.indexOf(name) : this.#first.length);
    return this.#rows.filter((row) => !row.onlyAsked).sort((a, b) => place(a) - place(b));
  }

  /** `auto` tries these first, in this order. */
  prefer(names: readonly TransportName[]): void {
    this.#first = names;
  }

  /** The best row that may be opened now and is not one of these; `null` if there is none, or none has the wanted name. */
  next(except: readonly TransportRow[] = []): TransportRow | null {
    const { order } = this;
    if (!order.length) {
      this.#trouble = `There is no transport “${this.#name}”; known are auto, ${this.#rows.map((row) => row.name).join(', ')}.`;
      return null;
    }
    return order.find((row) => !except.includes(row) && this.#isIn(row)) ?? null;
  }

  /** The best row before this one that may be opened now. */
  better(than: TransportRow): TransportRow | null {
    const { order } = this;
    return order.slice(0, Math.max(0, order.indexOf(than))).find((row) => this.#isIn(row)) ?? null;
  }

  isBetter(row: TransportRow, than: TransportRow): boolean {
    const { order } = this;
    return order.indexOf(row) < order.indexOf(than);
  }

  /** Nothing is left: says why, and begins another round. */
  giveUp(): void {
    const reasons = this.order.map((row) => `${row.label}: ${this.whyNot(row) ?? 'it brings no picture'}`).join('; ');
    if (reasons) this.#trouble = `The picture cannot be shown here. ${reasons}.`;
    this.#out.clear();
  }

  /** The row for going back in time; `null` if there is none. */
  dvr(): TransportRow | null {
    return (
      this.#rows.find((row) => row.hasDvr && row.unusable() === null && this.#out.get(row.name)?.until !== Number.POSITIVE_INFINITY) ?? null
    );
  }

  /**
   * It brought no picture, or none any more.
   *
   * @param serverFine the server is there and the stream is one that can be shown: else the failure says nothing about the transport
   */
  failed(row: TransportRow, failure: TransportFailure, serverFine: boolean): void {
    if (!serverFine && failure.kind !== 'unusable') return;
    const failures = (this.#failures.get(row.name) ?? 0) + 1;
    this.#failures.set(row.name, failures);
    if (failures > 1 && !this.auto) this.#trouble = `${row.label} does not work: ${failure.reason}. Trying again…`;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)) * (0.75 + this.#random() / 2);
    const until = failure.kind === 'unusable' ? Number.POSITIVE_INFINITY : this.auto ? this.#now() + wait : 0;
    this.#out.set(row.name, { reason: failure.reason, until });
  }

  /** The row brought a picture. */
  worked(row: TransportRow): void {
    this.#trouble = null;
    if (!this.auto) this.#failures.delete(row.name);
  }

  /** It has brought pictures for a while: the next failure is a first one again. */
  proved(row: TransportRow): void {
    this.#failures.delete(row.name);
    this.#out.delete(row.name);
  }

  /** The network or the server is another one: what failed before may work now. */
  forgive(): void {
    this.#out.clear();
    this.#failures.clear();
  }

  /** Why a row cannot be used or did not work, as a clause; `null`: nothing speaks against it. */
  whyNot(row: TransportRow): string | null {
    return row.unusable() ?? this.#out.get(row.name)?.reason ?? null;
  }

  /** Why this row and none before it, as a sentence; empty where it is the first. */
  because(row: TransportRow): string {
    const { order } = this;
    const reasons = order.slice(0, order.indexOf(row)).flatMap((better) => {
      const reason = this.whyNot(better);
      return reason ? [`${better.label} does not work: ${reason}`] : [];
    });
    return reasons.length ? `${row.label}, because ${reasons.join('; ')}.` : '';
  }

  #isIn(row: TransportRow): boolean {
    return row.unusable() === null && (this.#out.get(row.name)?.until ?? 0) <= this.#now();
  }
}
