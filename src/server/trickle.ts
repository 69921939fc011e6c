// Trickle channels of this server, under /trickle/: their requests are answered before the framework, because bodies last for minutes and
// belong to no parser. Access is decided as for every other request.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from '../core/log.ts';
import type { TrickleChannelsOfServer } from '../outputs/output.ts';
import type { ChannelStats } from '../trickle/channel.ts';
import { TrickleChannels } from '../trickle/channels.ts';
import { type TrickleHttp, trickleHttp } from '../trickle/http.ts';
import { send, sendProblem } from '../trickle/http-answer.ts';
import { type AccessGuard, stripBasePath } from './access.ts';
import type { ResolvedConfig } from './config.ts';

/** Where channels are, below the base path of the server. */
const PREFIX = '/trickle/';

export class TrickleMount implements TrickleChannelsOfServer, AsyncDisposable {
  readonly channels: TrickleChannels;
  readonly #basePath: string;
  readonly #guard: AccessGuard;
  readonly #http: TrickleHttp;
  readonly #missing = new Set<(name: string, request: IncomingMessage) => void | Promise<void>>();
  readonly #sweep: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  constructor(config: Pick<ResolvedConfig, 'basePath' | 'trickle'>, guard: AccessGuard, log: Logger) {
    const { autocreate, changefeed, idle, ...limits } = config.trickle;
    this.#basePath = config.basePath;
    this.#guard = guard;
    this.channels = new TrickleChannels({ autocreate, changefeed, idle, limits });
    const hooks = {
      beforeRead: async (name: string, request: IncomingMessage) => {
        for (const handler of this.#missing) await handler(name, request);
      },
    };
    this.#http = trickleHttp({ channels: this.channels, hooks, log });
    this.#sweep = setInterval(
      () => {
        const names = this.channels.sweep();
        if (names.length) log.info({ channels: names }, 'idle trickle channels were removed');
      },
      Math.max(100, Math.min(60_000, idle)),
    );
    this.#sweep.unref();
  }

  onMissing(handler: (name: string, request: IncomingMessage) => void | Promise<void>): () => void {
    this.#missing.add(handler);
    return () => void this.#missing.delete(handler);
  }

  /** Listener that answers what is below /trickle/ and leaves the rest to `usual`. */
  listener(usual: RequestListener): RequestListener {
    return (request, response) => {
      const url = stripBasePath(request.url ?? '/', this.#basePath);
      if (url.startsWith(PREFIX)) this.#answer(request, response, url);
      else usual(request, response);
    };
  }

  /** Figures of all channels. */
  stats(): ChannelStats[] {
    return this.channels.stats();
  }

  #answer(request: IncomingMessage, response: ServerResponse, url: string): void {
    request.on('error', () => {});
    response.on('error', () => {});
    const decision = this.#guard.check(request, url);
    switch (decision.kind) {
      case 'admit':
        return this.#http.handle(request, response, url.split('?', 1)[0]!.slice(PREFIX.length), decision.headers);
      case 'refuse':
        this.channels.countRefused();
        return sendProblem(request, response, decision.error, decision.headers);
      case 'preflight':
        return send(request, response, 204, decision.headers);
      case 'redirect':
        return send(request, response, 303, { ...decision.headers, Location: decision.location });
    }
  }

  /** Ends all channels, so that readers see it. Idempotent. */
  close(): Promise<void> {
    clearInterval(this.#sweep);
    this.channels.close();
    this.#closing ??= this.#http.settled(500);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
