// More viewers for a running server, by WebRTC and without browsers, until Ctrl-C:
//
//   node bench/watch.ts http://127.0.0.1:8000/live/cam/whep 20
import { setTimeout as delay } from 'node:timers/promises';
import { WhepClients } from './whep-clients.ts';

const [url = '', count = '20'] = process.argv.slice(2);
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
await using viewers = await WhepClients.start(url, Number(count));
await viewers.untilMoving();
for (let before = 0; !ended.signal.aborted; ) {
  await delay(5000, undefined, { signal: ended.signal }).catch(() => {});
  const { counts, failures } = await viewers.counts();
  const pictures = counts.reduce((sum, row) => sum + row.pictures, 0);
  const fps = (pictures - before) / 5 / Math.max(1, counts.length);
  if (before) process.stdout.write(`${counts.length} viewers, ${fps.toFixed(1)} pictures/s each ${failures.join('; ')}\n`);
  before = pictures;
}
