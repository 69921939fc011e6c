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

/** CPU time of a request to a Fastify route that does nothing, measured in the same way. */
async function plainRoute(options: BenchOptions): Promise<number> {
  const seconds = Math.min(3, options.seconds ?? 3);
  await using server = await Child.start<PlainMethods>('plain-server.ts', null);
  const address = new URL(await server.call('url'));
  const connections = Array.from({ length: CONNECTIONS }, () => new HttpConnection(address));
  let requests = 0;
  const running = connections.map(async (connection) => {
    for (;;) {
      await connection.get('/live/cam/plain');
      requests++;
    }
  });
  // They end by being closed.
  const ended = Promise.allSettled(running);
  try {
    await delay(Math.min(1000, seconds * 250), undefined, { signal: options.signal });
    const [before, from] = [await server.call('cpu'), requests];
    await delay(seconds * 1000, undefined, { signal: options.signal });
    const [after, to] = [await server.call('cpu'), requests];
    return (after - before) / (to - from);
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
    await ended;
  }
}

/** CPU time of a viewer-second if `node:http` alone answered its five lists and five parts: the floor of any server in Node. */
async function floor(options: BenchOptions): Promise<Result[]> {
  const viewers = options.viewers.at(-1) ?? 1;
  const seconds = options.seconds ?? 6;
  options.progress('the same load on bare node:http');
  await using server = await Child.start<PlainMethods>('plain-server.ts', null);
  const address = new URL(await server.call('bareUrl'));
  const connections = Array.from({ length: viewers }, () => [new HttpConnection(address), new HttpConnection(address)] as const);
  let requests = 0;
  const running = connections.map(async ([lists, parts]) => {
    for (;;) {
      await lists.get('/list');
      requests++;
      await parts.get('/part');
      requests++;
    }
  });
  // They end by being closed.
  const ended = Promise.allSettled(running);
  try {
    await delay(Math.min(2000, seconds * 500), undefined, { signal: options.signal });
    const [before, from] = [await server.call('cpu'), requests];
    await delay(seconds * 1000, undefined, { signal: options.signal });
    const [after, to] = [await server.call('cpu'), requests];
    const note = `${((to - from) / viewers / seconds).toFixed(1)} requests/s each; no server in Node can do with less`;
    return [result(`bare node:http, ${viewers} viewers`, (after - before) / viewers / seconds, 'ms/s', { note })];
  } finally {
    for (const pair of connections) for (const connection of pair) connection[Symbol.dispose]();
    await ended;
  }
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
