// The thread of the store of metrics: samples are gathered and written some times a second, roll-ups every some seconds.
import { parentPort, workerData } from 'node:worker_threads';
import { toSluiceError } from '../core/errors.ts';
import { Database } from '../native/sqlite.ts';
import { MetricStore } from './metric-store.ts';

const FLUSH_MS = 250;
const ROLLS_MS = 10_000;

const port = parentPort!;
const db = new Database((workerData as { path: string }).path);
const store = new MetricStore(db);

/** Told by the next call: nobody waits for a flush. */
let failure: unknown = null;
const guarded = (work: () => void) => () => {
  try {
    work();
  } catch (error) {
    failure = error;
  }
};
const flushing = setInterval(
  guarded(() => store.flush()),
  FLUSH_MS,
);
const rolling = setInterval(
  guarded(() => store.flushRolls()),
  ROLLS_MS,
);

port.on('message', (message: { id: number; call: string; values: unknown[] }) => {
  if (message.call === 'close') {
    clearInterval(flushing);
    clearInterval(rolling);
    guarded(() => store.flush())();
    guarded(() => store.flushRolls())();
    db[Symbol.dispose]();
    port.close();
    return;
  }
  try {
    if (failure !== null) {
      const error = failure;
      failure = null;
      throw error;
    }
    const work = (store as unknown as Record<string, (...values: unknown[]) => unknown>)[message.call]!;
    const result = work.apply(store, message.values);
    port.postMessage({ id: message.id, result });
  } catch (error) {
    const { code, message: text, details } = toSluiceError(error, 'unavailable');
    port.postMessage({ id: message.id, error: { code, message: text, details } });
  }
});
