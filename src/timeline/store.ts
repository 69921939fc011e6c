// The store of frame ids, streams, segments and the frame index, as the main thread sees it.
import { DatabaseThread } from './database-thread.ts';
import type { StoreCalls } from './store-schema.ts';

export class Store extends DatabaseThread<StoreCalls> {
  /** Opens or makes the database file (its folder exists). */
  constructor(path: string) {
    super({ worker: 'store', path });
  }
}
