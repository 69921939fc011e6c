// Viewers that never read: what they cost the server's memory and the viewer beside them.
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, result } from './result.ts';
import { BenchServer } from './server.ts';
import { Viewers } from './viewers.ts';

/** "server memory flat (±20 MB)" */
const BUDGET_MB = 20;

export const slowViewer: Bench = {
  name: 'slow-viewer',
  what: 'one WebSocket and one MJPEG viewer that never read, beside one that does',
  run: async (options) => {
    const seconds = options.seconds ?? 20;
    await using server = await BenchServer.start({ cam: { source: { type: 'pattern' }, dvr: { mode: 'off' } } }, options);
    await using viewers = await Viewers.start(server.url, 'cam');
    await viewers.set('jpeg', 1);
    await viewers.untilMoving(options.signal);
    options.progress('one viewer that reads');
    await delay(Math.min(3000, seconds * 500), undefined, { signal: options.signal });
    const alone = await viewers.during(() => delay(Math.min(5, seconds) * 1000, undefined, { signal: options.signal }));
    const before = await server.memory();
    options.progress(`two that do not, ${seconds} s`);
    await viewers.set('stuck-jpeg', 1);
    await viewers.set('stuck-mjpeg', 1);
    const beside = await viewers.during(() => delay(seconds * 1000, undefined, { signal: options.signal }));
    const after = await server.memory();
    const { outputs } = await server.stats('cam');
    const skipped = Object.values(outputs)
      .flatMap((output) => Object.values(output.skipped))
      .reduce((sum, count) => sum + count, 0);
    return [
      result('memory growth', (after - before) / 1e6, 'MB', {
        budget: BUDGET_MB,
        note: `over ${seconds} s, resident, after garbage collection`,
      }),
      result('pictures kept from them', skipped, '', { note: 'counted in stats as skipped' }),
      result('the reading viewer: alone / beside them', alone.delivered.pictures / beside.delivered.pictures, 'x', {
        budget: 1.05,
        note: `${alone.delivered.pictures.toFixed(1)} and ${beside.delivered.pictures.toFixed(1)} fps`,
      }),
    ];
  },
};
