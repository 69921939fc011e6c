// Bare HTTP for tests of trickle servers: node:http, one connection for each request, every header and interim answer seen.
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface TrickleAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** An open request whose body is still being written, or whose answer is still being read. */
export interface OpenCall {
  readonly request: ClientRequest;
  /** Whole answer. */
  readonly answer: Promise<TrickleAnswer>;
  /** Status and headers, as soon as they are there. */
  readonly begun: Promise<IncomingMessage>;
  /** Interim answers (100 Continue) so far. */
  readonly interim: () => number;
  /** What of the body has come. */
  readonly received: () => string;
  /** Resolves when the body so far contains `text`. */
  until(text: string): Promise<void>;
  write(chunk: string | Buffer): Promise<void>;
  end(): void;
  /** Breaks the connection. */
  abort(): void;
}

/** Begins a request. A POST is chunked and its headers are sent at once: that is what pre-connecting is. */
export function open(method: string, url: string, headers: Readonly<Record<string, string>> = {}): OpenCall {
  const withBody = method === 'POST';
  const chunked = withBody && headers['Content-Length'] === undefined;
  const call = request(url, { method, agent: false, headers: { ...(chunked ? { 'Transfer-Encoding': 'chunked' } : {}), ...headers } });
  const begun = Promise.withResolvers<IncomingMessage>();
  const answer = Promise.withResolvers<TrickleAnswer>();
  const looks = new Set<() => void>();
  let body = '';
  let interim = 0;
  call.on('continue', () => void interim++);
  call.on('response', (response) => {
    begun.resolve(response);
    response.setEncoding('latin1');
    response.on('data', (chunk: string) => {
      body += chunk;
      for (const look of looks) look();
    });
    response.on('end', () => answer.resolve({ status: response.statusCode!, headers: response.headers, body }));
    response.on('error', (error) => answer.reject(error));
  });
  const fail = (error: Error) => {
    begun.reject(error);
    answer.reject(error);
  };
  call.on('error', fail);
  call.on('close', () => fail(new Error('the connection was closed without an answer')));
  begun.promise.catch(() => {});
  answer.promise.catch(() => {});
  if (withBody) call.flushHeaders();
  else call.end();
  return {
    request: call,
    answer: answer.promise,
    begun: begun.promise,
    interim: () => interim,
    received: () => body,
    until: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (!body.includes(text)) return;
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      }),
    write: (chunk) => new Promise((resolve, reject) => call.write(chunk, (error) => (error ? reject(error) : resolve()))),
    end: () => void call.end(),
    abort: () => void call.destroy(),
  };
}

/** A whole request. */
export function call(method: string, url: string, { headers = {}, body }: CallOptions = {}): Promise<TrickleAnswer> {
  const running = open(method, url, { ...(method === 'POST' && body === undefined ? { 'Content-Length': '0' } : {}), ...headers });
  if (method === 'POST') running.request.end(body);
  return running.answer;
}
