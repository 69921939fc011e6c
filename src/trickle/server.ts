// A trickle server of its own: channels, their HTTP and nothing else. `close()` lets readers see the end of their channels.
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { BASE_PATH } from '../core/base-path.ts';
import { openConnections } from '../core/connections.ts';
import { SluiceError } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/log.ts';
import { refusalOf, type TrickleAccess } from './access.ts';
import { type ChannelsOptions, TrickleChannels } from './channels.ts';
import { type TrickleHooks, trickleHttp } from './http.ts';
import { sendProblem, sendText } from './http-answer.ts';

export interface TrickleServerOptions extends ChannelsOptions, Partial<TrickleAccess> {
  /** 0 = any free one (default). */
  readonly port?: number;
  /** Path before the names of channels, with slashes. Default `/trickle/`. */
  readonly basePath?: string;
  /** Certificate chain and private key, PEM. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  readonly hooks?: TrickleHooks;
  /** How often a publisher that is connected and sends nothing gets `100 Continue`, ms. Default 10 s. */
  readonly keepAlive?: number;
  /** A reader that takes nothing for so long is cut off, ms. Default 30 s. */
  readonly stall?: number;
  /** How often idle channels are looked for, ms. Default 1 minute, or the idle time if that is shorter. */
  readonly sweep?: number;
  readonly log?: Logger;
}

export class TrickleServer implements AsyncDisposable {
  readonly channels: TrickleChannels;
  readonly port: number;
  /** Base of all channels; ends with `/`. */
  readonly url: string;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(channels: TrickleChannels, port: number, url: string, close: () => Promise<void>) {
    this.channels = channels;
    this.port = port;
    this.url = url;
    this.#close = close;
  }

  /** Starts listening. Throws `port-taken`, `bad-config` for a base path that is none. */
  static async start(options: TrickleServerOptions = {}): Promise<TrickleServer> {
    const { port = 0, log = silentLogger, tls } = options;
    const access: TrickleAccess = { ...options, host: options.host ?? '127.0.0.1' };
    const basePath = basePathOf(options.basePath ?? '/trickle/');
    const channels = new TrickleChannels(options);
    const http = trickleHttp({ channels, hooks: options.hooks, keepAlive: options.keepAlive, stall: options.stall, log });
    const listener: RequestListener = (request, response) => {
      request.on('error', () => {});
      response.on('error', () => {});
      const refusal = refusalOf(access, request);
      if (refusal) {
        channels.countRefused();
        const ask = refusal.code === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer realm="sluice"' } : {};
        return sendProblem(request, response, refusal, ask);
      }
      const path = (request.url ?? '/').split('?', 1)[0]!;
      if (path.startsWith(basePath)) http.handle(request, response, path.slice(basePath.length));
      else sendText(request, response, 404, '404 page not found');
    };
    // Publishers hold bodies open for as long as they like; headers must come in time.
    const settings = { requestTimeout: 0, keepAliveTimeout: 72_000 };
    const server = tls ? createTlsServer({ ...settings, ...tls }, listener) : createServer(settings, listener);
    server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else socket.destroy();
    });
    const connections = openConnections(server);
    await listen(server, access.host, port);
    const sweep = setInterval(
      () => {
        const names = channels.sweep();
        if (names.length) log.info({ channels: names }, 'idle trickle channels were removed');
      },
      options.sweep ?? Math.max(100, Math.min(60_000, channels.idle)),
    );
    sweep.unref();

    const address = server.address();
    const bound = typeof address === 'object' && address ? address.port : port;
    const name = access.host.includes(':') ? `[${access.host}]` : access.host;
    return new TrickleServer(channels, bound, `${tls ? 'https' : 'http'}://${name}:${bound}${basePath}`, async () => {
      clearInterval(sweep);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      channels.close();
      await http.settled(500);
      for (const connection of connections) connection.destroy();
      await closed;
    });
  }

  /** Ends all channels, so that readers see it, then all connections. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function basePathOf(path: string): string {
  if (BASE_PATH.test(path)) return path.endsWith('/') ? path : `${path}/`;
  throw new SluiceError('bad-config', `basePath: ${JSON.stringify(path)} received; expected a path such as / or /ai/trickle/`, {
    field: 'basePath',
  });
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `port ${port} on ${host} is in use by another program; choose another one with --port`;
      reject(error.code === 'EADDRINUSE' ? new SluiceError('port-taken', taken, { field: 'port', received: port }) : error);
    });
    server.listen({ host, port }, resolve);
  });
}
