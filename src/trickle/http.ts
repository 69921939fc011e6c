// The trickle protocol over HTTP: from method and path to channels. Raw node:http (or HTTP/2 by its compatible interface): bodies last
// for minutes and belong to no framework.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluiceError } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/log.ts';
import { badSeq, type Channel, canWrite } from './channel.ts';
import { CHANNEL_NAME, type TrickleChannels } from './channels.ts';
import { CLOSED, EXPECT_CONTENT, type Headers, LATEST, RESET, send, sendProblem, sendText } from './http-answer.ts';
import { sendSegment } from './http-get.ts';
import { takeSegment } from './http-post.ts';

/** Asked before something is done over HTTP. Throw a `SluiceError` to refuse: its status if that is a 4xx, and its text. */
export interface TrickleHooks {
  /** Before a channel is made, also by publishing into it. */
  beforeCreate?(name: string, request: IncomingMessage): void | Promise<void>;
  beforePublish?(name: string, seq: number, request: IncomingMessage): void | Promise<void>;
  /** Before a channel is deleted. */
  beforeDelete?(name: string, request: IncomingMessage): void | Promise<void>;
  /** Before a segment of a channel that is not there is read: may make it. */
  beforeRead?(name: string, request: IncomingMessage): void | Promise<void>;
}

export interface TrickleHttpOptions {
  readonly channels: TrickleChannels;
  readonly hooks?: TrickleHooks | undefined;
  /** How often a publisher that is connected and sends nothing gets `100 Continue`, ms. Default 10 s. */
  readonly keepAlive?: number | undefined;
  /** A reader that takes nothing for so long is cut off, ms. Default 30 s. */
  readonly stall?: number | undefined;
  readonly log?: Logger | undefined;
}

/** Answers requests below the base path. */
export interface TrickleHttp {
  /** `path`: what stands behind the base path, without query, such as `cam/-1`. `headers` go on every answer. */
  handle(request: IncomingMessage, response: ServerResponse, path: string, headers?: Headers): void;
  /** Requests that are being answered. */
  readonly open: number;
  /** Resolves when all answers have been sent, after `ms` at the latest. */
  settled(ms: number): Promise<void>;
}

/** Longest MIME type that is kept. */
const MAX_TYPE = 255;

/** The number in a path: what Go's `strconv.Atoi` reads. `null`: it is none. */
export function parseSeq(text: string): number | null {
  return /^[+-]?\d{1,19}$/.test(text) ? Number(text) + 0 : null;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: Headers;
}

export function trickleHttp(options: TrickleHttpOptions): TrickleHttp {
  const { channels, hooks = {}, keepAlive = 10_000, stall = 30_000, log = silentLogger } = options;
  const open = new Set<ServerResponse>();
  const waiters = new Set<() => void>();

  /** Runs a hook and, if it lets pass, `next`: at once where the hook is. True: `next` will be or was run. */
  function after(exchange: Exchange, hook: void | Promise<void>, next: () => void): void {
    if (hook === undefined) return next();
    const { request, response } = exchange;
    hook.then(() => !response.destroyed && !request.destroyed && guarded(exchange, next)).catch((error) => refusedByHook(exchange, error));
  }

  function refusedByHook({ request, response, headers }: Exchange, error: unknown): void {
    channels.countRefused();
    const expected = error instanceof SluiceError && error.status < 500;
    if (!expected) log.error({ error: String(error) }, 'a hook of the trickle server failed');
    sendText(request, response, expected ? error.status : 500, expected ? error.message : 'Server error', headers);
  }

  function hooked(exchange: Exchange, hook: () => void | Promise<void>, next: () => void): void {
    let answer: void | Promise<void>;
    try {
      answer = hook();
    } catch (error) {
      return refusedByHook(exchange, error);
    }
    after(exchange, answer, next);
  }

  function guarded(exchange: Exchange, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof SluiceError)) log.error({ error: String(error) }, 'a trickle request failed');
      sendProblem(exchange.request, exchange.response, error, exchange.headers);
    }
  }

  const noStream = ({ request, response, headers }: Exchange) => sendText(request, response, 404, 'Stream not found', headers);
  const noNumber = ({ request, response, headers }: Exchange) => sendText(request, response, 400, 'Invalid idx', headers);

  function checkOwner(channel: Channel): void {
    if (channel.owner === null) return;
    channel.countRefused();
    throw new SluiceError('conflict', `the channel ${channel.name} is written by ${channel.owner}; it can only be read`);
  }

  function typeOf(request: IncomingMessage, header: string): string {
    const type = request.headers[header];
    const text = typeof type === 'string' ? type : '';
    if (text.length <= MAX_TYPE) return text;
    throw new SluiceError('bad-value', `${header}: ${text.length} characters received; expected a MIME type of at most ${MAX_TYPE}`);
  }

  function create(exchange: Exchange, name: string): void {
    const { request, response, headers } = exchange;
    const contentType = typeOf(request, EXPECT_CONTENT);
    hooked(
      exchange,
      () => hooks.beforeCreate?.(name, request),
      () => {
        if (!channels.get(name) && !channels.autocreate) return noStream(exchange);
        checkOwner(channels.open(name, { contentType }));
        send(request, response, 200, headers);
      },
    );
  }

  function publish(exchange: Exchange, name: string, text: string): void {
    const { request, response, headers } = exchange;
    const known = channels.get(name);
    if (!known && !channels.autocreate) return noStream(exchange);
    const seq = parseSeq(text);
    if (seq === null) return noNumber(exchange);
    if (!canWrite(seq)) {
      channels.countRefused();
      throw badSeq(seq);
    }
    if (known) checkOwner(known);
    const contentType = typeOf(request, 'content-type');
    const reset = request.headers[RESET] !== undefined && request.headers[RESET] !== '';
    const made = known ? () => {} : () => hooks.beforeCreate?.(name, request);
    hooked(exchange, made, () =>
      hooked(
        exchange,
        () => hooks.beforePublish?.(name, seq, request),
        () => {
          // A hook may have taken its time.
          if (!channels.get(name) && !channels.autocreate) return noStream(exchange);
          const channel = channels.open(name, { contentType });
          checkOwner(channel);
          try {
            takeSegment(channel, channel.write(seq, { reset }), request, response, { keepAlive, headers });
          } catch (error) {
            const latest = error instanceof SluiceError && error.code === 'conflict' ? { [LATEST]: channel.latest } : {};
            sendProblem(request, response, error, { ...headers, ...latest });
          }
        },
      ),
    );
  }

  function read(exchange: Exchange, name: string, found: (channel: Channel) => void): void {
    const known = channels.get(name);
    if (known) return found(known);
    hooked(
      exchange,
      () => hooks.beforeRead?.(name, exchange.request),
      () => {
        const channel = channels.get(name);
        if (channel) found(channel);
        else noStream(exchange);
      },
    );
  }

  function get(exchange: Exchange, name: string, text: string): void {
    const { request, response, headers } = exchange;
    if (text === 'next') {
      return read(exchange, name, ({ latest, closed }) => {
        const ended = closed ? { [CLOSED]: 'terminated' } : {};
        const type = { 'Content-Type': 'text/plain; charset=utf-8' };
        send(request, response, 200, { ...headers, ...type, [LATEST]: latest, ...ended }, String(latest));
      });
    }
    read(exchange, name, (channel) => {
      const seq = parseSeq(text);
      if (seq === null) noNumber(exchange);
      else sendSegment(channel, seq, request, response, { stall, headers });
    });
  }

  function remove(exchange: Exchange, name: string): void {
    const { request, response, headers } = exchange;
    hooked(
      exchange,
      () => hooks.beforeDelete?.(name, request),
      () => {
        const channel = channels.get(name);
        if (!channel) return sendText(request, response, 400, 'Invalid stream', headers);
        checkOwner(channel);
        channels.delete(name);
        send(request, response, 200, headers);
      },
    );
  }

  function drop(exchange: Exchange, name: string, text: string): void {
    const { request, response, headers } = exchange;
    const channel = channels.get(name);
    if (!channel) return noStream(exchange);
    const seq = parseSeq(text);
    if (seq === null) return noNumber(exchange);
    checkOwner(channel);
    if (channel.drop(seq)) send(request, response, 200, headers);
    else sendText(request, response, 400, 'Nonexistent segment', headers);
  }

  function dispatch(exchange: Exchange, path: string): void {
    const { request, response, headers } = exchange;
    const [first = '', seq, ...rest] = path.split('/');
    if (first === '' || seq === '' || rest.length > 0) return sendText(request, response, 404, '404 page not found', headers);
    const name = channelName(first);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (seq === undefined) {
      if (method === 'POST') return create(exchange, name);
      if (method === 'DELETE') return remove(exchange, name);
    } else {
      if (method === 'POST') return publish(exchange, name, seq);
      if (method === 'GET') return get(exchange, name, seq);
      if (method === 'DELETE') return drop(exchange, name, seq);
    }
    const allow = seq === undefined ? 'DELETE, POST' : 'DELETE, GET, HEAD, POST';
    sendText(request, response, 405, 'Method Not Allowed', { ...headers, Allow: allow });
  }

  function channelName(part: string): string {
    let name: string | null;
    try {
      name = decodeURIComponent(part);
    } catch {
      name = null;
    }
    if (name !== null && CHANNEL_NAME.test(name)) return name;
    channels.countRefused();
    const received = JSON.stringify(part.slice(0, 80));
    throw new SluiceError('bad-name', `${received} received; expected 1 to 200 of A-Z a-z 0-9 . _ ~ : @ + = , -, not . or ..`);
  }

  return {
    get open() {
      return open.size;
    },
    handle(request, response, path, headers = {}) {
      open.add(response);
      response.on('close', () => {
        open.delete(response);
        if (open.size === 0) for (const done of waiters) done();
      });
      const exchange = { request, response, headers };
      guarded(exchange, () => dispatch(exchange, path));
    },
    async settled(ms) {
      if (open.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiters.add(resolve);
      const timer = setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
      waiters.delete(resolve);
    },
  };
}
