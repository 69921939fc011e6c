// From the first request on a sleeping stream to its first picture.
import { WebSocket } from 'ws';
import type { StreamConfigInput } from '../src/api/schema.ts';
import { HlsClient } from './hls-client.ts';
import { type Bench, percentile, type Result, result } from './result.ts';
import { BenchServer } from './server.ts';

const TIMES = 10;
/** "woken in well under a second" */
const BUDGET_MS = 1000;
const TIMEOUT_MS = 15_000;

const KINDS: Record<string, (url: string, stream: string) => Promise<void>> = {
  'first HLS part': async (url, stream) => {
    using client = new HlsClient(new URL(`live/${stream}/hls/index.m3u8`, url));
    await client.begin();
  },
  'first JPEG': (url, stream) =>
    new Promise((resolve, reject) => {
      const address = new URL(`live/${stream}/ws?codec=jpeg`, url);
      address.protocol = 'ws:';
      const ws = new WebSocket(address, { perMessageDeflate: false, handshakeTimeout: TIMEOUT_MS });
      const timer = setTimeout(() => reject(new Error(`no picture of ${stream} within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      ws.on('error', reject);
      ws.on('message', (_data, binary) => {
        if (!binary) return;
        clearTimeout(timer);
        ws.terminate();
        resolve();
      });
    }),
};

export const wake: Bench = {
  name: 'wake',
  what: 'from the first request on a sleeping 720p30 stream to its first picture',
  run: async (options) => {
    const times = options.seconds === null ? TIMES : Math.max(2, Math.min(TIMES, Math.round(options.seconds * 2)));
    const results: Result[] = [];
    for (const [what, first] of Object.entries(KINDS)) {
      options.progress(what);
      // A stream of its own for each time: each is asleep and has never been asked.
      const names = Array.from({ length: times }, (_, i) => `cam${i}`);
      const stream: StreamConfigInput = { source: { type: 'pattern' }, linger: 0 };
      await using server = await BenchServer.start(Object.fromEntries(names.map((name) => [name, stream])), options);
      const taken: number[] = [];
      for (const name of names) {
        options.signal.throwIfAborted();
        const { state } = await server.info(name);
        if (state !== 'asleep') throw new Error(`${name} is ${state}, not asleep`);
        const started = performance.now();
        await first(server.url, name);
        taken.push(performance.now() - started);
        // Otherwise it would go on for its linger beside the next one.
        await server.stopStream(name);
      }
      const note = `n = ${taken.length}; the very first, which loads the encoder, ${Math.round(taken[0]!)}`;
      results.push(
        result(`${what}, p50`, percentile(taken, 0.5), 'ms', { budget: BUDGET_MS, note }),
        result(`${what}, p95`, percentile(taken, 0.95), 'ms', { budget: BUDGET_MS }),
      );
    }
    return results;
  },
};
