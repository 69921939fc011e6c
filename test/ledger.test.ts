// One viewer that never reads costs the others nothing, and every frame has a fate.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import { testServer } from './server.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Every sum that DESIGN 6 "Ledger" and CONTRACT promise. */
function checkSums(stats: StreamStats): void {
  const { ledger } = stats;
  expect(ledger.captured).toBe(ledger.published + total(ledger.refused) + total(ledger.dropped));
  for (const rendition of stats.renditions) {
    expect(rendition.offered).toBe(total(rendition.dropped) + rendition.encoded + rendition.failed + rendition.inFlight);
    // Its queue, and what the busy main thread has not yet heard of.
    expect(rendition.inFlight).toBeLessThanOrEqual(30);
    // No encoder sees a frame that never was (the ring is ahead of the messages while frames flow).
    if (stats.state === 'asleep') expect(rendition.offered).toBeLessThanOrEqual(ledger.published + 1);
  }
  for (const output of Object.values(stats.outputs)) {
    expect(output.offered).toBe(output.sent + total(output.skipped) + output.inFlight);
    expect(output.inFlight).toBeGreaterThanOrEqual(0);
    for (const queue of output.queues) {
      expect(queue.offered).toBe(queue.taken + queue.dropped + queue.depth);
      expect(queue.depth).toBeLessThanOrEqual(queue.limit);
    }
  }
}

/** Opens a WebSocket by hand and then never reads a byte. */
async function stalledViewer(port: number, path: string) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await once(socket, 'readable');
  expect(String(socket.read(12))).toBe('HTTP/1.1 101');
  socket.pause();
  return socket;
}

it('a viewer that never reads loses its own pictures, nobody else does, and all sums hold', async () => {
  const source = { type: 'pattern', kind: 'noise', width: 960, height: 540, fps: 20 } as const;
  await using server = await testServer({ streams: { cam: { source, linger: '300ms' } } });
  const path = '/live/cam/ws?codec=jpeg&quality=95';
  const good = new WebSocket(`ws://127.0.0.1:${server.port}${path}`);
  let received = 0;
  good.on('message', (_data, binary) => {
    if (binary) received++;
  });
  await once(good, 'open');
  await expect.poll(() => received, { timeout: 10_000 }).toBeGreaterThan(10);

  const stats = () => server.json<StreamStats>('api/streams/cam/stats');
  const stalled = await stalledViewer(server.port, path);
  try {
    // Until the buffers of the system are full and its queue drops.
    await expect
      .poll(async () => total((await stats()).outputs['ws-jpeg']?.skipped ?? {}), { timeout: 25_000, interval: 250 })
      .toBeGreaterThan(5);
    const [from, before] = [received, await stats()];
    await pause(4000);
    const [to, after] = [received, await stats()];
    checkSums(after);
    const own = (each: StreamStats) => each.outputs['ws-jpeg']!;
    const rendition = (each: StreamStats) => each.renditions.find((one) => one.codec === 'jpeg')!;
    // One encoder for both; the good viewer has had (nearly) every picture that was made, the stalled one none.
    expect(after.renditions.filter((one) => one.codec === 'jpeg')).toHaveLength(1);
    expect(rendition(after).readers).toBe(2);
    const made = rendition(after).encoded - rendition(before).encoded;
    expect(made).toBeGreaterThan(10);
    expect(to - from).toBeGreaterThanOrEqual(made * 0.8 - 4);
    expect(total(own(after).skipped) - total(own(before).skipped)).toBeGreaterThanOrEqual(made * 0.8 - 4);
    // Its queue holds one picture, however long it stalls.
    expect(Math.max(...own(after).queues.map((queue) => queue.depth))).toBe(1);
    // Nothing more was put into its socket: what the server holds for it does not grow. Each picture that was sent is one of the good viewer's.
    expect(own(after).sent - own(before).sent).toBeLessThanOrEqual(made + 4);
  } finally {
    stalled.destroy();
  }
  good.close();
  // All gone: what was on its way is counted, nothing is in flight, nobody encodes.
  await expect.poll(async () => (await stats()).state, { timeout: 10_000 }).toBe('asleep');
  const end = await stats();
  checkSums(end);
  expect(end.outputs['ws-jpeg']).toMatchObject({ viewers: 0, inFlight: 0, queues: [] });
});

it('pushed frames that are refused and dropped are counted by reason', async () => {
  await using server = await testServer({});
  const push = (timestamp: number) =>
    server.json<{ id: number; dropped?: string; detail?: string }>(
      `api/streams/p/frames?width=64&height=48&format=gray&timestamp=${timestamp}`,
      { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(64 * 48) },
    );
  const now = server.clock.now() as number;
  expect(await push(now)).toMatchObject({ id: 1 });
  expect(await push(now)).toMatchObject({ id: 0, dropped: 'not-rising' });
  expect(await push(now - 100)).toMatchObject({ dropped: 'not-rising' });
  expect(await push(now + 60_000_000)).toMatchObject({ dropped: 'future', detail: expect.stringContaining('ahead of the server') });
  expect(await push(now + 40_000)).toMatchObject({ id: 2 });
  const stats = await server.json<StreamStats>('api/streams/p/stats');
  checkSums(stats);
  expect(stats.ledger).toMatchObject({ captured: 5, published: 2, refused: { 'not-rising': 2, future: 1 } });
});

it('a publisher whose times leap by years harms no other stream', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'pattern', width: 160, height: 90, fps: 30 } } } });
  const push = (timestamp: number) =>
    server.fetch(`api/streams/odd/frames?width=64&height=48&format=gray&timestamp=${timestamp}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(64 * 48),
    });
  await push(1_000_000_000_000_000);
  await push(server.clock.now());
  await pause(300);
  await push(server.clock.now());
  const playlist = await server.fetch('live/odd/hls/index.m3u8');
  expect(playlist.status).toBe(200);
  const media = await server.fetch('live/odd/hls/video/media.m3u8');
  expect((await media.text()).length).toBeLessThan(100_000);
  const started = performance.now();
  expect((await server.fetch('live/cam/hls/index.m3u8')).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(8000);
});
