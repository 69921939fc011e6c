// Entry of the thread of one processor.
import { parentPort, workerData } from 'node:worker_threads';
import { openClock } from '../../native/system-clock.ts';
import { openSession } from '../../processors/sessions.ts';
import type { ThreadData } from './messages.ts';
import { runSession } from './runner.ts';

const { spec, clock } = workerData as ThreadData;
runSession(spec, openSession, parentPort as never, openClock(clock));
