// The Socket.IO server of ImSwitch's clients: `/imswitch/socket.io/`, and for older ones `/socket.io/`, by WebSocket and by long polling, behind the same access rules as
// everything else.
import { createServer, type IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Server, type Socket } from 'socket.io';
import type { Logger } from '../../core/log.ts';
import type { UpgradeRoutes } from '../../outputs/output.ts';

const SOCKET_PATH = '/imswitch/socket.io/';
/** Where it was before January 2026, and where clients ask that name no path. */
const OLD_PATH = '/socket.io/';

/** Clients at a time. */
const MOST_CLIENTS = 200;
/** Largest message from a client, bytes: acknowledgements are small. */
const MAX_PAYLOAD = 16 * 1024;
/** A client is asked for a sign of life after so long, and has so long for it, ms. Its answer may stand behind pictures. */
const PING_MS = 10_000;
const PONG_MS = 15_000;
/** Whoever connects must join within so long, ms. */
const JOIN_MS = 10_000;

/** Told once, when a client has joined. */
const CAPABILITIES = { messagepack: true, binary_streaming: true, protocol_version: '1.0' };

export interface SocketsOptions {
  readonly app: FastifyInstance;
  readonly upgrades: UpgradeRoutes;
  readonly log: Logger;
  /** Ends all of them. */
  readonly signal: AbortSignal;
  readonly onClient: (socket: Socket, query: URLSearchParams) => void;
}

/** Opens the server. The library never listens on the real one: requests are handed to it once they are admitted. */
export function openSockets({ app, upgrades, log, signal, onClient }: SocketsOptions): void {
  const door = createServer();
  const io = new Server(door, {
    path: SOCKET_PATH,
    serveClient: false,
    maxHttpBufferSize: MAX_PAYLOAD,
    pingInterval: PING_MS,
    pingTimeout: PONG_MS,
    connectTimeout: JOIN_MS,
    // Media does not shrink.
    perMessageDeflate: false,
    httpCompression: false,
    allowRequest: (_request, answer) => {
      if (io.engine.clientsCount < MOST_CLIENTS) answer(null, true);
      else answer(`there are ${MOST_CLIENTS} clients already`, false);
    },
  });
  io.on('connection', (socket) => {
    socket.on('error', (error) => log.debug({ reason: error.message }, 'a Socket.IO client broke the protocol'));
    socket.emit('server_capabilities', CAPABILITIES);
    const { url = '' } = socket.request;
    onClient(socket, new URLSearchParams(url.slice(url.indexOf('?') + 1)));
  });

  /** To the library there is one address. */
  const moved = (request: IncomingMessage) => {
    if (request.url?.startsWith(OLD_PATH)) request.url = SOCKET_PATH + request.url.slice(OLD_PATH.length);
    return request;
  };
  for (const path of [SOCKET_PATH, OLD_PATH]) {
    upgrades.passOn(path, (request, socket, head) => void door.emit('upgrade', moved(request), socket, head));
  }
  app.register((scope, _options, registered) => {
    // The library reads the body itself.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const handler = (request: FastifyRequest, reply: FastifyReply) => {
      reply.hijack();
      // Headers that hooks have set (CORS, framing) would be lost with the hijacked reply.
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
      door.emit('request', moved(request.raw), reply.raw);
    };
    for (const url of [SOCKET_PATH, OLD_PATH]) scope.route({ method: ['GET', 'POST'], url, schema: { hide: true }, handler });
    registered();
  });
  signal.addEventListener('abort', () => void io.close(), { once: true });
}
