// What was tried to get a picture, and why each way was left: for the statistics, the connection doctor and reports of faults.
import type { TransportName } from './transport.ts';

/**
 * `trying`: opened, no picture yet · `shown`: its picture is on the screen · `left`: given up in favour of a better way, or because nobody
 * wants it now · `failed`: it brought no picture, or none any more · `unusable`: cannot work in this page, so it was not tried.
 */
export type AttemptState = 'trying' | 'shown' | 'left' | 'failed' | 'unusable';

/** One try of one transport. */
export interface Attempt {
  readonly transport: TransportName;
  /** The transport's name for people. */
  readonly label: string;
  readonly state: AttemptState;
  /** Why it was left, failed or cannot be used, or why it was chosen: a clause in plain words. May be empty. */
  readonly reason: string;
  /** When it was opened, ms since the Unix epoch by the page's clock. */
  readonly startedAt: number;
  /** When this state began, likewise. */
  readonly at: number;
  /** From opening to its first picture in ms; `null` while there was none. */
  readonly firstPictureMs: number | null;
}

const KEPT = 50;

/** A try in progress: the log keeps the row that it writes to. */
export interface Try {
  shown(): void;
  left(reason: string): void;
  failed(reason: string): void;
}

/** The newest tries, oldest first. */
export class Attempts {
  #list: readonly Attempt[] = [];

  get list(): readonly Attempt[] {
    return this.#list;
  }

  /** A transport is opened. */
  begin(row: { readonly name: TransportName; readonly label: string }, reason: string): Try {
    const now = Date.now();
    let attempt: Attempt = {
      transport: row.name,
      label: row.label,
      state: 'trying',
      reason,
      startedAt: now,
      at: now,
      firstPictureMs: null,
    };
    this.#add(attempt);
    const set = (change: Partial<Attempt>) => {
      if (attempt.state === 'failed' || attempt.state === 'left') return;
      const next = { ...attempt, ...change, at: Date.now() };
      this.#list = this.#list.map((each) => (each === attempt ? next : each));
      attempt = next;
    };
    return {
      shown: () => {
        if (attempt.state === 'trying') set({ state: 'shown', firstPictureMs: Date.now() - now });
      },
      left: (why) => set({ state: 'left', reason: why }),
      failed: (why) => set({ state: 'failed', reason: why }),
    };
  }

  /** A transport cannot be used here. Said once for each reason. */
  unusable(row: { readonly name: TransportName; readonly label: string }, reason: string): void {
    const before = this.#list.findLast(({ transport }) => transport === row.name);
    if (before?.state === 'unusable' && before.reason === reason) return;
    const now = Date.now();
    this.#add({ transport: row.name, label: row.label, state: 'unusable', reason, startedAt: now, at: now, firstPictureMs: null });
  }

  #add(attempt: Attempt): void {
    this.#list = [...this.#list, attempt].slice(-KEPT);
  }
}
