// LL-HLS to many viewers, and how many playlists one process hands out in a second.
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamConfigInput } from '../src/api/schema.ts';
import { Child } from './child.ts';
import type { PlainMethods } from './children/plain-server.ts';
import { measureFanOut } from './fan-out.ts';
import { HttpConnection } from './http.ts';
import { type Bench, type BenchOptions, type Result, result } from './result.ts';
import { BenchServer } from './server.ts';
import { Viewers } from './viewers.ts';

const CONNECTIONS = 16;
const STREAM: StreamConfigInput = { source: { type: 'pattern' } };

/** CPU time and number of requests of a `plain-server` in a window, while `client` asks it without end on connections of its own. */
async function measurePlain(
  options: BenchOptions,
  server: Child<PlainMethods>,
  how: { readonly address: string; readonly warmMs: number; readonly seconds: number; readonly clients: number },
  client: (connect: () => HttpConnection, count: () => void) => Promise<void>,
): Promise<{ cpuMs: number; requests: number }> {
  const connections: HttpConnection[] = [];
  const address = new URL(how.address);
  const connect = () => {
    const connection = new HttpConnection(address);
    connections.push(connection);
    return connection;
  };
  let requests = 0;
  const running = Array.from({ length: how.clients }, () => client(connect, () => requests++));
  // They end by being closed.
  const ended = Promise.allSettled(running);
  try {
    await delay(how.warmMs, undefined, { signal: options.signal });
    const [before, from] = [await server.call('cpu'), requests];
    await delay(how.seconds * 1000, undefined, { signal: options.signal });
    const [after, to] = [await server.call('cpu'), requests];
    return { cpuMs: after - before, requests: to - from };
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
    await ended;
  }
}

/** CPU time of a request to a Fastify route that does nothing, measured in the same way. */
async function plainRoute(options: BenchOptions): Promise<number> {
  const seconds = Math.min(3, options.seconds ?? 3);
  await using server = await Child.start<PlainMethods>('plain-server.ts', null);
  const how = { address: await server.call('url'), warmMs: Math.min(1000, seconds * 250), seconds, clients: CONNECTIONS };
  const { cpuMs, requests } = await measurePlain(options, server, how, async (connect, count) => {
    const connection = connect();
    for (;;) {
      await connection.get('/live/cam/plain');
      count();
    }
  });
  return cpuMs / requests;
}

/** CPU time of a viewer-second if `node:http` alone answered its five lists and five parts: the floor of any server in Node. */
async function floor(options: BenchOptions): Promise<Result[]> {
  const viewers = options.viewers?.at(-1) ?? 50;
  const seconds = options.seconds ?? 6;
  options.progress('the same load on bare node:http');
  await using server = await Child.start<PlainMethods>('plain-server.ts', null);
  const how = { address: await server.call('bareUrl'), warmMs: Math.min(2000, seconds * 500), seconds, clients: viewers };
  const { cpuMs, requests } = await measurePlain(options, server, how, async (connect, count) => {
    const [lists, parts] = [connect(), connect()];
    for (;;) {
      await lists.get('/list');
      count();
      await parts.get('/part');
      count();
    }
  });
  const note = `${(requests / viewers / seconds).toFixed(1)} requests/s each; no server in Node can do with less`;
  return [result(`bare node:http, ${viewers} viewers`, cpuMs / viewers / seconds, 'ms/s', { note })];
}

async function requestRate(options: BenchOptions): Promise<Result[]> {
  const seconds = options.seconds ?? 4;
  await using server = await BenchServer.start({ cam: STREAM }, options);
  await using viewers = await Viewers.start(server.url, 'cam');
  options.progress('playlists per second');
  await viewers.set('hls', 1);
  await viewers.untilMoving(options.signal);
  await delay(Math.min(2000, seconds * 500), undefined, { signal: options.signal });
  const base = await server.load(Math.min(2, seconds));
  await viewers.set('playlist', CONNECTIONS);
  await delay(Math.min(1000, seconds * 250), undefined, { signal: options.signal });
  const { value: load, delivered } = await viewers.during(() => server.load(seconds));
  const each = (load.delivery - base.delivery) / delivered.playlists;
  const plain = await plainRoute(options);
  return [
    result('playlist requests, one process', delivered.playlists, '/s', {
      note: `${CONNECTIONS} connections, clients on the same machine`,
    }),
    result('CPU per playlist request', each, 'ms', { note: `= ${Math.round(1000 / each)} /s on one core` }),
    result('the same, bare Fastify route', plain, 'ms', { note: 'a short body, no checks: what the framework takes' }),
    result('playlist request / bare route', each / plain, 'x'),
  ];
}

export const hls: Bench = {
  name: 'hls',
  what: 'LL-HLS, 720p30: what each further viewer costs, and playlist requests per second',
  run: async (options) => [
    ...(await measureFanOut(
      {
        kind: 'hls',
        stream: STREAM,
        seconds: 6,
        codec: 'avc1',
        cpuBudget: 1,
        delivered: ({ pictures, playlists }) => pictures + playlists,
        deliveredUnit: 'requests/s',
      },
      options,
    )),
    ...(await floor(options)),
    ...(await requestRate(options)),
  ],
};
