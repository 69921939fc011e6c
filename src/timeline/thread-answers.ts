// The thread's side of `DatabaseThread`. What has come while the disk was busy is done in one transaction (group commit): an answer
// leaves only when it is on disk, and yet thousands of calls a second fit.
import { parentPort } from 'node:worker_threads';
import { toSluiceError } from '../core/errors.ts';
import type { Database } from '../native/sqlite.ts';

interface Message {
  readonly id: number;
  readonly call: string;
  readonly values: unknown[];
}

type Answer = { id: number; result: unknown } | { id: number; error: { code: string; message: string; details: unknown } };

export interface GroupOptions {
  readonly db: Database;
  readonly calls: object;
  /** Runs inside the transaction of a group, after its calls. */
  readonly beforeCommit?: () => void;
  /** The group did not reach the disk: what the calls have noted in memory is void. */
  readonly onRollback?: () => void;
}

/** Answers messages in groups; each call is all or nothing. Ends with the message `close`. */
export function answerInGroups({ db, calls, beforeCommit, onRollback }: GroupOptions): void {
  const port = parentPort!;
  let group: Message[] = [];

  const flush = () => {
    const messages = group;
    group = [];
    let answers: Answer[];
    try {
      answers = db.transaction(true, () => {
        const done = messages.filter(({ call }) => call !== 'close').map((message) => one(message));
        beforeCommit?.();
        return done;
      });
    } catch (error) {
      onRollback?.();
      answers = messages.map(({ id }) => ({ id, error: plain(error) }));
    }
    for (const answer of answers) port.postMessage(answer);
    if (messages.some(({ call }) => call === 'close')) {
      db[Symbol.dispose]();
      port.close();
    }
  };

  const one = ({ id, call, values }: Message): Answer => {
    try {
      const work = (calls as Record<string, (...values: unknown[]) => unknown>)[call]!;
      return { id, result: db.savepoint(() => work.apply(calls, values)) };
    } catch (error) {
      return { id, error: plain(error) };
    }
  };

  port.on('message', (message: Message) => {
    group.push(message);
    if (group.length === 1) setImmediate(flush);
  });
}

function plain(thrown: unknown): { code: string; message: string; details: unknown } {
  const { code, message, details } = toSluiceError(thrown, 'unavailable');
  return { code, message, details };
}
