// Short answers of the trickle server. Texts and headers are those of Livepeer's server wherever it has the case, because its clients
// look at them; what it does not know is problem+json.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERRORS, SluiceError, toSluiceError } from '../core/errors.ts';

/** Headers of the protocol. */
export const SEQ = 'Lp-Trickle-Seq';
export const LATEST = 'Lp-Trickle-Latest';
export const CLOSED = 'Lp-Trickle-Closed';
export const RESET = 'lp-trickle-reset';
export const EXPECT_CONTENT = 'expect-content';

/** The channel is there, the segment is not. */
export const NO_SEGMENT = 470;

export type Headers = Readonly<Record<string, string | number>>;

/** How long a client may go on sending a body that was answered already, ms. */
const LINGER = 2000;

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };

/** A text of the protocol, with a line end as Go's `http.Error` writes it. */
export function sendText(request: IncomingMessage, response: ServerResponse, status: number, text: string, headers: Headers = {}): void {
  send(request, response, status, { ...TEXT, ...headers }, `${text}\n`);
}

/** An error that the protocol has no text for (RFC 9457). */
export function sendProblem(request: IncomingMessage, response: ServerResponse, thrown: unknown, headers: Headers = {}): void {
  const error = toSluiceError(thrown);
  // What nobody expected stays inside: its text may hold anything.
  const shown = error.code === 'internal' ? new SluiceError('internal', 'The server could not answer; its log says why.') : error;
  const retry = 'retry' in ERRORS[shown.code] && shown.status === 503 ? { 'Retry-After': 1 } : {};
  const type = { 'Content-Type': 'application/problem+json' };
  send(request, response, shown.status, { ...type, ...retry, ...headers }, JSON.stringify(shown.toProblem()));
}

/** A whole answer. If the client is still sending, it gets it at once, and some time to stop. */
export function send(request: IncomingMessage, response: ServerResponse, status: number, headers: Headers, body = ''): void {
  if (response.headersSent || response.destroyed) return;
  const all: Record<string, string | number> = { 'Cache-Control': 'no-store', ...headers };
  // RFC 9110 8.6: 204 has none.
  if (status !== 204) all['Content-Length'] = Buffer.byteLength(body);
  const coming = bodyComing(request);
  // HTTP/2 has no such header, and its streams end one by one.
  if (coming && request.httpVersionMajor < 2) all.Connection = 'close';
  if (status === NO_SEGMENT && request.httpVersionMajor < 2) response.statusMessage = 'status code 470';
  response.writeHead(status, all);
  if (!coming) {
    response.end(body);
    return;
  }
  request.removeAllListeners('data');
  request.on('data', () => {});
  request.resume();
  const streams = request.httpVersionMajor >= 2;
  // Ending now would close the socket under bytes on their way, and the reset could overtake the answer.
  if (streams) response.end(body);
  else if (body) response.write(body);
  else response.flushHeaders();
  const timer = setTimeout(() => (streams ? response.destroy() : response.end()), LINGER);
  timer.unref();
  const end = () => {
    clearTimeout(timer);
    if (!streams) response.end();
  };
  request.once('end', end);
  request.once('close', end);
}

/** Bytes of the request's body are still to come, or may be. */
function bodyComing(request: IncomingMessage): boolean {
  const { headers } = request;
  if (request.complete || request.destroyed) return false;
  if (request.httpVersionMajor >= 2) return !request.readableEnded;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
