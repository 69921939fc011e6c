// The one listener for WebSocket upgrades (DESIGN 4): by path, after the access check, with problem documents as refusals. Libraries
// never listen on the server themselves.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { redactUrl } from '../core/redact-url.ts';
import { type AccessGuard, stripBasePath } from './access.ts';
import { rawProblem } from './problem.ts';

/** Named parts of a path pattern, percent-decoded. */
export type UpgradeParams = Readonly<Record<string, string>>;

/** Takes over an open socket: listens to it before its first `await`. What it throws is sent as `error` message and closes the socket. */
export type UpgradeHandler = (
  ws: WebSocket,
  request: IncomingMessage,
  params: UpgradeParams,
  query: URLSearchParams,
) => void | Promise<void>;

export interface UpgradeRouteOptions {
  /**
   * Silence, ms, after which a client that sends messages of its own counts as dead although it was asked. `undefined`, and for those that send
   * none: two heartbeats of the dispatcher, as their answers may stand behind seconds of pictures.
   */
  readonly silenceMs?: (query: URLSearchParams) => number | undefined;
  /** Largest message from the client, bytes; default 64 KiB. A larger one closes the socket with 1009. */
  readonly maxPayload?: number;
  /** Runs before the socket is accepted; a SluiceError becomes the HTTP answer (404, 409 …). */
  readonly before?: (request: IncomingMessage, params: UpgradeParams, query: URLSearchParams) => void | Promise<void>;
}

export interface UpgradeOptions {
  readonly access: Pick<AccessGuard, 'checkUpgrade'>;
  /** Begins and ends with `/`. */
  readonly basePath: string;
  readonly log: Logger;
  /** Time between pings, ms; a socket that is silent for two of them is ended. Default 15,000. */
  readonly heartbeatMs?: number;
}

interface Route {
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly handler: UpgradeHandler;
  readonly before: UpgradeRouteOptions['before'];
  readonly silenceMs: UpgradeRouteOptions['silenceMs'];
  readonly maxPayload: number;
}

/** Life of one socket. */
interface Life {
  /** Pings since it was heard last. */
  asked: number;
  /** Time between two pings, ms. */
  every: number;
  /** Of the next ping, or of the end. */
  due: number;
}

/** Unanswered pings after which the next one is the end. */
const PATIENCE = 2;
/** How exactly the beats are kept, ms. */
const TICK_MS = 250;
const DEFAULT_MAX_PAYLOAD = 64 * 1024;
/** What a route's check may take, so that a half-open upgrade cannot hang for ever. */
const BEFORE_TIMEOUT_MS = 10_000;

/** Routes upgrades to handlers, keeps the sockets alive and counted, closes them all. */
export class UpgradeDispatcher {
  readonly #options: UpgradeOptions;
  readonly #routes: Route[] = [];
  readonly #passedOn = new Map<string, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>();
  /** Sockets that others hold. */
  readonly #lent = new Set<Duplex>();
  readonly #servers = new Map<number, WebSocketServer>();
  readonly #open = new Map<WebSocket, Life>();
  readonly #heartbeatMs: number;
  #beatAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #detach: (() => void)[] = [];
  #closing = false;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#timer = setInterval(() => this.#beat(), Math.min(TICK_MS, this.#heartbeatMs));
    this.#timer.unref();
  }

  /** Number of open sockets. */
  get open(): number {
    return this.#open.size;
  }

  /** Listens on a server. Upgrades to anything but WebSocket (h2c) are left to it: it then answers them as plain requests. */
  attach(server: Server): void {
    const listener = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(request, socket, head);
    };
    // Node >= 24.9; without it every request with an Upgrade header would come here, also the h2c offers of curl.
    Object.assign(server, { shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket' });
    server.on('upgrade', listener);
    this.#detach.push(() => server.off('upgrade', listener));
  }

  /** Declares a path such as `/api/streams/:stream/frames`. The first that fits is taken. */
  route(path: string, handler: UpgradeHandler, options: UpgradeRouteOptions = {}): void {
    const names: string[] = [];
    const source = path.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:([A-Za-z]+)/g, (_, name: string) => {
      names.push(name);
      return '([^/]+)';
    });
    this.#routes.push({
      pattern: new RegExp(`^${source}/?$`),
      names,
      handler,
      before: options.before,
      silenceMs: options.silenceMs,
      maxPayload: options.maxPayload ?? DEFAULT_MAX_PAYLOAD,
    });
  }

  /**
   * Leaves admitted upgrades of a path to a library that speaks WebSocket itself: it keeps them alive and closes them. `url` of the request is
   * without the base path.
   */
  passOn(path: string, handler: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.#passedOn.set(path, handler);
  }

  /** Takes no more upgrades, closes every socket with 1001 and cuts those that have not answered after `deadlineMs`. */
  async close(deadlineMs = 2000): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    for (const detach of this.#detach.splice(0)) detach();
    const sockets = [...this.#open.keys()];
    const ended = [...sockets, ...this.#lent].map((one) => new Promise<void>((resolve) => one.once('close', () => resolve())));
    for (const ws of sockets) ws.close(1001, 'the server is closing');
    if (ended.length === 0) return;
    const cut = setTimeout(() => {
      for (const ws of this.#open.keys()) ws.terminate();
      for (const socket of this.#lent) socket.destroy();
    }, deadlineMs);
    await Promise.all(ended);
    clearTimeout(cut);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { access, basePath, log } = this.#options;
    // Node has taken its own error listener off; a reset during the checks must not end the process.
    socket.on('error', () => socket.destroy());
    let headers: Readonly<Record<string, string>> = {};
    try {
      const url = stripBasePath(request.url ?? '/', basePath);
      const decision = access.checkUpgrade(request, url);
      headers = decision.headers;
      if (decision.kind === 'refuse') throw decision.error;
      if (decision.kind !== 'admit') throw new SluiceError('bad-request', 'This is no WebSocket upgrade.');
      if (this.#closing) throw new SluiceError('unavailable', 'The server is closing.');
      const other = this.#passedOn.get(url.split('?', 1)[0]!);
      if (other) {
        checkHandshake(request);
        this.#lent.add(socket);
        socket.once('close', () => this.#lent.delete(socket));
        request.url = url;
        request.socket.setNoDelay(true);
        return other(request, socket, head);
      }
      const { route, params, query } = this.#find(url);
      checkHandshake(request);
      await within(BEFORE_TIMEOUT_MS, route.before?.(request, params, query));
      if (socket.destroyed || this.#closing) return void socket.destroy();
      this.#server(route.maxPayload).handleUpgrade(request, socket, head, (ws) => this.#accept(ws, route, request, params, query));
    } catch (thrown) {
      const error = thrown instanceof SluiceError ? thrown : toSluiceError(thrown);
      const known = error.code !== 'internal';
      if (!known) log.error({ url: redactUrl(request.url ?? ''), cause: String(thrown) }, 'an upgrade failed for an unforeseen reason');
      const answer = known ? error : new SluiceError('internal', 'Something went wrong inside the server; its log says more.');
      socket.end(rawProblem(answer, headers), () => socket.destroy());
    }
  }

  #find(url: string): { route: Route; params: UpgradeParams; query: URLSearchParams } {
    const [path = '/', search = ''] = url.split(/\?(.*)/s, 2);
    for (const route of this.#routes) {
      const match = route.pattern.exec(path);
      if (!match) continue;
      const params: Record<string, string> = {};
      try {
        for (const [index, name] of route.names.entries()) params[name] = decodeURIComponent(match[index + 1]!);
      } catch {
        throw new SluiceError('bad-request', `${path} is not a valid address (percent-encoding).`, { received: path });
      }
      return { route, params, query: new URLSearchParams(search) };
    }
    throw new SluiceError('not-found', `There is no WebSocket under ${path}.`, { received: path });
  }

  #server(maxPayload: number): WebSocketServer {
    const known = this.#servers.get(maxPayload);
    if (known) return known;
    // perMessageDeflate off: media does not shrink, and deflate keeps memory for every socket.
    const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload });
    this.#servers.set(maxPayload, server);
    return server;
  }

  #accept(ws: WebSocket, route: Route, request: IncomingMessage, params: UpgradeParams, query: URLSearchParams): void {
    // Small messages (acks, single frames) must not wait for a full TCP segment.
    request.socket.setNoDelay(true);
    const silence = route.silenceMs?.(query);
    const life: Life = { asked: 0, every: this.#heartbeatMs, due: performance.now() + this.#heartbeatMs };
    this.#open.set(ws, life);
    const heard = () => {
      life.asked = 0;
    };
    ws.on('pong', heard);
    ws.on('message', () => {
      heard();
      if (silence === undefined || life.every <= silence / (PATIENCE + 1)) return;
      life.every = silence / (PATIENCE + 1);
      life.due = performance.now() + life.every;
    });
    ws.on('close', () => this.#open.delete(ws));
    // ws closes the socket itself (1002, 1007, 1009 …); without a listener the error would end the process.
    ws.on('error', (error) =>
      this.#options.log.debug({ path: redactUrl(request.url ?? ''), reason: error.message }, 'a socket broke the protocol'),
    );
    const fail = (thrown: unknown) => {
      const known = thrown instanceof SluiceError;
      if (!known) this.#options.log.error({ path: redactUrl(request.url ?? ''), cause: String(thrown) }, 'a socket handler failed');
      const error = known ? thrown : new SluiceError('internal', 'Something went wrong inside the server; its log says more.');
      // A problem has a member `type` of its own, so the whole document lies beside its members.
      const problem = error.toProblem();
      ws.send(JSON.stringify({ ...problem, type: 'error', problem }), () => {});
      ws.close(error.status >= 500 ? 1011 : 1008, error.code);
    };
    try {
      Promise.resolve(route.handler(ws, request, params, query)).catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  }

  #beat(): void {
    const now = performance.now();
    // Answers that came while this process did not run are read only after this.
    const away = now - this.#beatAt - 2 * TICK_MS;
    this.#beatAt = now;
    for (const [ws, life] of this.#open) {
      if (away > 0) life.due += away;
      if (now < life.due) continue;
      if (life.asked >= PATIENCE) {
        ws.terminate();
        continue;
      }
      life.asked++;
      life.due = now + life.every;
      if (ws.readyState === ws.OPEN) ws.ping(undefined, undefined, () => {});
    }
  }
}

/** RFC 6455 section 4.2.1; ws would answer in plain text. */
function checkHandshake(request: IncomingMessage): void {
  const { headers } = request;
  if (request.method !== 'GET') throw new SluiceError('bad-request', `${request.method} received; a WebSocket begins with GET.`);
  if (headers['sec-websocket-version'] !== '13') {
    throw new SluiceError('bad-request', `Sec-WebSocket-Version: ${headers['sec-websocket-version'] ?? 'nothing'} received; expected 13.`);
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw new SluiceError('bad-request', 'Sec-WebSocket-Key is missing or not 16 bytes in base64.');
  }
}

async function within(ms: number, work: void | Promise<void>): Promise<void> {
  if (!(work instanceof Promise)) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SluiceError('request-timeout', 'The server could not open the socket in time.')), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
