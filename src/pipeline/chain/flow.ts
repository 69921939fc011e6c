// Which frames wait for a processor, and how many are worked on at a time.
import type { InlineConfig } from '../../api/schema.ts';

/** Frames that wait under `every` where nothing else is said. */
const EVERY_QUEUE = 8;

export class Flow {
  /** Frames that are worked on at a time. */
  readonly parallel: number;
  /** Frames that may wait. */
  readonly limit: number;
  /** How the ledger calls the one that has to go: the oldest, so that what is shown is as young as can be. */
  readonly full: 'latest' | 'queue-full';
  /** For people: `latest`, `every`, `parallel 4`. */
  readonly words: string;

  constructor({ flow, queue }: Pick<InlineConfig, 'flow' | 'queue'>) {
    const several = typeof flow === 'object' ? flow.parallel : 0;
    this.parallel = Math.max(1, several);
    this.full = flow === 'latest' ? 'latest' : 'queue-full';
    this.limit = flow === 'latest' ? 1 : (queue ?? (several || EVERY_QUEUE));
    this.words = several ? `parallel ${several}` : (flow as string);
  }
}
