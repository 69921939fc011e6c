// Processors that throw, hang, end their thread or take ever more memory, on a real server: how long the picture stands still, and what another
// stream loses meanwhile. `node bench/processor-faults.ts --seconds 12`
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { silentLogger } from '../src/core/log.ts';
import { resolveConfig } from '../src/server/config.ts';
import { startServer } from '../src/server/server.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '12' } } });
const seconds = Number(values.seconds);

/** Each does its deed on every 90th frame. */
const DEEDS: Record<string, string> = {
  throws: `throw new Error('no more film');`,
  hangs: 'for (;;);',
  'never answers': 'return new Promise(() => {});',
  'ends its thread': 'process.exit(7);',
  'fills its heap': 'for (;;) kept.push(new Array(100000).fill({}));',
  'fills typed arrays': 'for (;;) kept.push(new Uint8Array(8e6).fill(1));',
};

const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
const source = { type: 'pattern', width: 1280, height: 720, fps: 30 } as const;
const streams: Record<string, object> = { calm: { source, dvr: { mode: 'off' } } };
for (const [name, deed] of Object.entries(DEEDS)) {
  const file = join(folder, `${name.replaceAll(' ', '-')}.mjs`);
  await writeFile(file, `const kept = []; let n = 0;\nexport function video() { if (++n % 90 === 0) { ${deed} } return null; }\n`);
  streams[name.replaceAll(' ', '-')] = { source, processors: [{ use: file, memory: 256, flow: 'every' }], dvr: { mode: 'off' } };
}
const server = await startServer(await resolveConfig({ port: 0, dataDir: join(folder, 'data'), streams }), { log: silentLogger });
try {
  const calm = server.streams.registry.get('calm');
  using _awake = calm.demand();
  let last = 0;
  let lost = 0;
  calm.events.on('frame', ({ info }) => {
    if (last) lost += info.id - last - 1;
    last = info.id;
  });
  process.stdout.write('a processor that ...   faults  started again  longest standstill   lost by another stream (of its frames)\n');
  for (const name of Object.keys(DEEDS)) {
    const stream = server.streams.registry.get(name.replaceAll(' ', '-'));
    const before = { lost, last };
    let longest = 0;
    let shown = 0;
    let at = 0;
    const off = stream.events.on('frame', () => {
      const now = performance.now();
      // The first frames wait for the thread to start.
      if (++shown > 30) longest = Math.max(longest, now - at);
      at = now;
    });
    {
      using _watched = stream.demand();
      await pause(seconds * 1000);
    }
    off();
    const [stats] = stream.processorStats();
    process.stdout.write(
      `${name.padEnd(22)} ${String(stats!.failed).padStart(6)} ${String(stats!.restarts).padStart(14)} ${`${(longest / 1000).toFixed(2)} s`.padStart(19)}` +
        `   ${lost - before.lost} of ${last - before.last}   ${stats!.error}\n`,
    );
  }
} finally {
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
