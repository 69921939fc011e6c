// LL-HLS to many viewers, and how many playlists one process hands out in a second.
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamConfigInput } from '../src/api/schema.ts';
import { measureFanOut } from './fan-out.ts';
import { type Bench, type BenchOptions, type Result, result } from './result.ts';
import { BenchServer } from './server.ts';
import { Viewers } from './viewers.ts';

const CONNECTIONS = 16;
const STREAM: StreamConfigInput = { source: { type: 'pattern' } };

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
  return [
    result('playlist requests, one process', delivered.playlists, '/s', {
      note: `${CONNECTIONS} connections, clients on the same machine`,
    }),
    result('CPU per playlist request', each, 'ms', { note: `= ${Math.round(1000 / each)} /s on one core` }),
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
    ...(await requestRate(options)),
  ],
};
