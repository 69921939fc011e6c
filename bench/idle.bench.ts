// A server that nobody watches.
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, result } from './result.ts';
import { BenchServer } from './server.ts';

const STREAMS = 4;

export const idle: Bench = {
  name: 'idle',
  what: `a server with ${STREAMS} streams and no viewer`,
  run: async (options) => {
    const seconds = options.seconds ?? 20;
    const names = Array.from({ length: STREAMS }, (_, i) => `cam${i}`);
    await using server = await BenchServer.start(
      Object.fromEntries(names.map((name) => [name, { source: { type: 'pattern' as const } }])),
      options,
    );
    options.progress(`${seconds} s`);
    // What the start leaves to do is not idleness.
    await server.memory();
    await delay(Math.min(3000, seconds * 500), undefined, { signal: options.signal });
    const load = await server.load(seconds);
    const stats = await Promise.all(names.map((name) => server.stats(name)));
    const captured = stats.reduce((sum, { ledger }) => sum + ledger.captured, 0);
    const encoded = stats.flatMap(({ renditions }) => renditions).reduce((sum, rendition) => sum + rendition.encoded, 0);
    return [
      result('CPU of the whole server', load.all / 10, '% of a core', { budget: 0.2, note: `over ${seconds} s` }),
      result('frames captured', captured, '', { note: 'must be 0' }),
      result('frames encoded', encoded, '', { note: 'must be 0' }),
    ];
  },
};
