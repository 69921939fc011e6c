// One GET of a segment, up to its headers: servers hold them back until the first byte is there. A GET that waits long is made anew, since
// what lies between may have forgotten the connection.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Endpoint } from './endpoint.ts';
import type { Timers } from './timers.ts';

/** What came of a GET. */
export type GetOutcome = { readonly response: IncomingMessage } | { readonly error: Error };

/** Asks for a segment and asks anew every `refresh` ms, until an answer or a failure. The body of the answer is not read. */
export function getSegment(
  endpoint: Endpoint,
  seq: number,
  options: { readonly timers: Timers; readonly refresh: number; readonly signal: AbortSignal },
): Promise<GetOutcome> {
  const { timers, refresh, signal } = options;
  return new Promise((resolve) => {
    let current: ClientRequest | null = null;
    let stopTimer = () => {};
    const done = (outcome: GetOutcome) => {
      stopTimer();
      signal.removeEventListener('abort', onAbort);
      current = null;
      resolve(outcome);
    };
    const onAbort = () => {
      const request = current;
      done({ error: new Error('closed') });
      request?.destroy();
    };
    const ask = (fresh: boolean) => {
      const request = endpoint.request('GET', `/${seq}`, {}, fresh);
      current = request;
      const lost = (error: Error) => {
        if (current !== request) return;
        // The server had closed the kept connection at that very moment: nothing is wrong.
        if (request.reusedSocket) ask(true);
        else done({ error });
      };
      request.on('error', lost);
      request.on('close', () => lost(new Error('the connection was closed')));
      request.on('response', (response) => {
        if (current === request) done({ response });
        else response.destroy();
      });
      request.end();
      stopTimer();
      stopTimer = timers.after(refresh, () => {
        current = null;
        request.destroy();
        endpoint.dropIdle();
        ask(false);
      });
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    ask(false);
  });
}
