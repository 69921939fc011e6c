import { createServer, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ownTime } from '../../test/own-time.ts';
import { SluiceError } from '../core/errors.ts';
import { silentLogger } from '../core/log.ts';
import { access } from './access.ts';
import { UpgradeDispatcher, type UpgradeOptions } from './upgrade.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

const CONFIG = {
  host: '127.0.0.1',
  basePath: '/base/',
  token: null,
  viewToken: null,
  tokenGiven: false,
  anonymous: 'none',
  allowHosts: [],
  origins: [],
  frameAncestors: [],
  trustedProxies: [],
} as const;

async function start(options: Partial<UpgradeOptions> = {}) {
  const server = createServer((_, response) => response.end('plain'));
  const dispatcher = new UpgradeDispatcher({ access: access(CONFIG, silentLogger), basePath: '/base/', log: silentLogger, ...options });
  dispatcher.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    await dispatcher.close(100);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { dispatcher, server, port: (server.address() as AddressInfo).port };
}

function open(port: number, path: string, headers: Record<string, string> = {}): WebSocket {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  closers.push(() => ws.terminate());
  return ws;
}

const opened = (ws: WebSocket) => new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject));
const message = (ws: WebSocket) => new Promise<string>((resolve) => ws.once('message', (data) => resolve(String(data))));
const closed = (ws: WebSocket) =>
  new Promise<[number, string]>((resolve) => ws.once('close', (code, reason) => resolve([code, String(reason)])));

/** The HTTP answer to an upgrade that is refused. */
function refusal(
  port: number,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: unknown }> {
  return new Promise((resolve, reject) => {
    const handshake = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    const asked = httpRequest({ host: '127.0.0.1', port, path, headers: { ...handshake, ...headers } });
    asked.on('response', (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: JSON.parse(text) }));
    });
    asked.on('upgrade', () => reject(new Error('upgraded')));
    asked.on('error', reject);
    asked.end();
  });
}

describe('UpgradeDispatcher', () => {
  it('gives the socket to the route, with parameters and query, below and without the base path', async () => {
    const { dispatcher, port } = await start();
    dispatcher.route('/live/:stream/ws', (ws, _request, params, query) => ws.send(`${params.stream} ${query.get('codec')}`));
    for (const base of ['', '/base']) {
      const ws = open(port, `${base}/live/a%20b/ws?codec=jpeg`);
      expect(await message(ws)).toBe('a b jpeg');
    }
    expect(dispatcher.open).toBe(2);
  });

  it('counts sockets that end', async () => {
    const { dispatcher, port } = await start();
    dispatcher.route('/x', () => {});
    const ws = open(port, '/x');
    await opened(ws);
    expect(dispatcher.open).toBe(1);
    const gone = closed(ws);
    ws.close();
    await gone;
    await vi.waitFor(() => expect(dispatcher.open).toBe(0), { timeout: 10_000 });
  });

  it('answers refusals with problem documents', async () => {
    const { dispatcher, port } = await start();
    dispatcher.route('/live/:stream/ws', () => {}, {
      before: async (_, params) => {
        if (params.stream !== 'cam') throw new SluiceError('unknown-stream', `There is no stream ${params.stream}.`);
      },
    });
    const cases: [path: string, headers: OutgoingHttpHeaders, status: number, code: string][] = [
      ['/nowhere', {}, 404, 'not-found'],
      ['/live/dog/ws', {}, 404, 'unknown-stream'],
      ['/live/%ff/ws', {}, 400, 'bad-request'],
      ['/live/cam/ws', { origin: 'http://evil.test' }, 403, 'bad-origin'],
      ['/live/cam/ws', { host: 'evil.test' }, 403, 'bad-host'],
      ['/live/cam/ws', { 'x-forwarded-for': '10.0.0.1' }, 401, 'unauthorized'],
      ['/live/cam/ws', { 'sec-websocket-version': '8' }, 400, 'bad-request'],
      ['/live/cam/ws', { 'sec-websocket-key': 'short' }, 400, 'bad-request'],
    ];
    for (const [path, headers, status, code] of cases) {
      const answer = await refusal(port, path, headers);
      expect(answer).toMatchObject({ status, body: { status, code } });
      expect(answer.headers['content-type']).toContain('application/problem+json');
    }
    expect(dispatcher.open).toBe(0);
  });

  it('says nothing about unforeseen errors but logs them', async () => {
    const error = vi.fn();
    const { dispatcher, port } = await start({ log: { ...silentLogger, error } });
    dispatcher.route('/before', () => {}, {
      before: () => {
        throw new Error('secret');
      },
    });
    dispatcher.route('/handler', async () => {
      throw new Error('secret');
    });
    dispatcher.route('/known', () => {
      throw new SluiceError('bad-value', 'x: 5 received; expected 6');
    });
    expect(JSON.stringify((await refusal(port, '/before')).body)).not.toContain('secret');
    const internal = open(port, '/handler');
    const [text, end] = await Promise.all([message(internal), closed(internal)]);
    expect(JSON.parse(text)).toMatchObject({ type: 'error', code: 'internal', problem: { type: 'urn:sluice:error:internal' } });
    expect(text).not.toContain('secret');
    expect(end).toEqual([1011, 'internal']);
    expect(error).toHaveBeenCalledTimes(2);
    const known = open(port, '/known');
    expect(await closed(known)).toEqual([1008, 'bad-value']);
  });

  it('leaves upgrades to other protocols to the server', async () => {
    const { port } = await start();
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(
          'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n',
        );
      });
      socket.once('data', (data) => {
        socket.destroy();
        resolve(String(data));
      });
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('closes a socket whose message is too large, without harm to others', async () => {
    const { dispatcher, port } = await start();
    const echo = (ws: WebSocket) => void ws.on('message', (data) => ws.send(data));
    dispatcher.route('/echo', echo, { maxPayload: 1000 });
    const [good, bad] = [open(port, '/echo'), open(port, '/echo')];
    await Promise.all([opened(good), opened(bad)]);
    bad.send(new Uint8Array(1001));
    expect((await closed(bad))[0]).toBe(1009);
    good.send('still here');
    expect(await message(good)).toBe('still here');
  });

  it('survives a client that goes away during the checks', async () => {
    const { dispatcher, port } = await start();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const entered = new Promise<void>((resolve) => {
      dispatcher.route('/slow', () => expect.unreachable(), {
        before: () => {
          resolve();
          return held;
        },
      });
    });
    const ws = open(port, '/slow');
    ws.on('error', () => {});
    await entered;
    ws.terminate();
    await new Promise((resolve) => setTimeout(resolve, 30));
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(dispatcher.open).toBe(0);
  });

  it('ends sockets that do not answer pings, and keeps those that do', async () => {
    const { dispatcher, port } = await start({ heartbeatMs: 40 });
    dispatcher.route('/x', () => {});
    const alive = open(port, '/x');
    // A raw client that shakes hands and then never answers.
    const dead = connect(port, '127.0.0.1', () => {
      dead.write(
        'GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
    });
    dead.resume();
    dead.on('error', () => {});
    await opened(alive);
    await new Promise((resolve) => dead.once('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(dispatcher.open).toBe(1);
    expect(alive.readyState).toBe(WebSocket.OPEN);
  });

  it('closes all with 1001, cuts those that do not answer, and refuses new ones', async () => {
    const { dispatcher, port } = await start();
    dispatcher.route('/x', () => {});
    const polite = open(port, '/x');
    await opened(polite);
    const deaf = connect(port, '127.0.0.1', () => {
      deaf.write(
        'GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
    });
    deaf.resume();
    deaf.on('error', () => {});
    await vi.waitFor(() => expect(dispatcher.open).toBe(2), { timeout: 10_000 });
    const gone = closed(polite);
    using time = ownTime();
    await dispatcher.close(150);
    expect(time.ms()).toBeLessThan(1500);
    expect(await gone).toEqual([1001, 'the server is closing']);
    expect(dispatcher.open).toBe(0);
  });
});
