// The thread of the store of markers and data records.
import { workerData } from 'node:worker_threads';
import { Database } from '../native/sqlite.ts';
import { MarkerStore } from './marker-store.ts';
import { answerInGroups } from './thread-answers.ts';

const db = new Database((workerData as { path: string }).path);
const store = new MarkerStore(db);
answerInGroups({ db, calls: store, beforeCommit: () => store.save(), onRollback: () => store.reload() });
