// JPEG over a narrow way: the viewer behind it gets what fits, fluently, and nobody else notices.
import { once } from 'node:events';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { testServer } from './server.ts';
import { shapedRelay } from './shaped-relay.ts';

async function watch(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live/cam/ws?codec=jpeg&quality=90&adapt=auto`);
  const viewer = { socket, count: 0, quality: 90, width: 0, changes: 0, [Symbol.dispose]: () => socket.terminate() };
  socket.on('message', (data: Buffer, binary) => {
    if (binary) {
      const header = readFrameHeader(data);
      viewer.count++;
      viewer.width = header.width;
      socket.send(JSON.stringify({ type: 'ack', id: header.id }));
    } else {
      const message = JSON.parse(String(data)) as { type: string; quality: number };
      if (message.type !== 'settings') return;
      viewer.quality = message.quality;
      viewer.changes++;
    }
  });
  await once(socket, 'open');
  return viewer;
}

it('quality follows the way of one viewer down and up again; the other one keeps better ones', { timeout: 240_000 }, async () => {
  const source = { type: 'pattern', kind: 'noise', width: 480, height: 272, fps: 20 } as const;
  await using server = await testServer({ streams: { cam: { source } } });
  await using relay = await shapedRelay(server.port, 100_000_000);
  using free = await watch(server.port);
  using narrow = await watch(relay.port);
  await expect.poll(() => narrow.count, { timeout: 30_000 }).toBeGreaterThan(40);
  const bitrate = async () => {
    const stats = await server.json<StreamStats>('api/streams/cam/stats');
    return stats.renditions.find(({ codec }) => codec === 'jpeg')!.bitrate;
  };
  // A quarter of what the best takes.
  relay.rate = (await bitrate()) / 4;
  const share = ({ quality, width }: typeof narrow) => quality * (width / 480);
  await expect.poll(() => share(narrow), { timeout: 30_000 }).toBeLessThan(75);
  // Fluent again.
  await expect
    .poll(
      async () => {
        const before = [narrow.count, free.count];
        await new Promise((resolve) => setTimeout(resolve, 2000));
        return (narrow.count - before[0]!) / Math.max(1, free.count - before[1]!);
      },
      { timeout: 40_000 },
    )
    .toBeGreaterThan(0.8);
  const low = share(narrow);
  // A machine that is busy beyond measure is late for both; then the other one comes back to better pictures, this one does not.
  const apart = async () => {
    const { renditions } = await server.json<StreamStats>('api/streams/cam/stats');
    const read = renditions.filter(({ running, codec, readers }) => running && codec === 'jpeg' && readers > 0);
    return { encoders: read.length, better: share(free) > share(narrow) };
  };
  await expect.poll(apart, { timeout: 60_000 }).toEqual({ encoders: 2, better: true });
  relay.rate = 200_000_000;
  await expect.poll(() => share(narrow), { timeout: 60_000 }).toBeGreaterThan(low);
});
