// Nothing is captured and encoded for nobody, and once for all who ask for the same.
import { once } from 'node:events';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamInfo, StreamStats } from '../src/api/schema.ts';
import { ownTime } from './own-time.ts';
import { type TestServer, testServer } from './server.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const cam = (linger: string) => ({ source: { type: 'pattern', width: 320, height: 180, fps: 30 } as const, linger });
const stats = (server: TestServer) => server.json<StreamStats>('api/streams/cam/stats');

/** A viewer with its first picture, and how long that took, ms of this process. */
async function watch(server: TestServer, query = 'quality=80') {
  using time = ownTime();
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?codec=jpeg&${query}`);
  let pictures = 0;
  const first = new Promise<number>((resolve, reject) => {
    ws.on('message', (_data, binary) => {
      if (binary && ++pictures === 1) resolve(time.ms());
    });
    ws.once('close', () => reject(new Error('closed before the first picture')));
    setTimeout(() => reject(new Error(`no picture for ${query}`)), 20_000).unref();
  });
  const ms = await first;
  const leave = async () => {
    const closed = once(ws, 'close');
    ws.close();
    await closed;
  };
  return { ms, leave, pictures: () => pictures };
}

it('a source sleeps until somebody watches, wakes within a second, and sleeps again after the linger', async () => {
  await using server = await testServer({ streams: { cam: cam('600ms') } });
  await pause(300);
  expect((await server.json<StreamInfo>('api/streams/cam')).state).toBe('asleep');
  expect((await stats(server)).ledger.captured).toBe(0);

  await (await watch(server)).leave();
  await expect.poll(async () => (await stats(server)).state, { timeout: 20_000 }).toBe('asleep');
  // Now that everything is loaded, waking takes well under a second.
  const viewer = await watch(server);
  expect(viewer.ms).toBeLessThan(1000);
  const left = performance.now();
  using since = ownTime();
  await viewer.leave();
  await expect.poll(async () => (await stats(server)).state, { timeout: 20_000, interval: 50 }).toBe('asleep');
  expect(performance.now() - left).toBeGreaterThanOrEqual(590);
  expect(since.ms()).toBeLessThan(3000);
  const { captured } = (await stats(server)).ledger;
  await pause(400);
  const end = await stats(server);
  expect(end.ledger.captured).toBe(captured);
  expect(end.renditions.filter((rendition) => rendition.readers > 0)).toEqual([]);
});

it('five viewers of one quality share one encoder; another quality is another one', async () => {
  await using server = await testServer({ streams: { cam: cam('200ms') } });
  const same = await Promise.all([1, 2, 3, 4, 5].map(() => watch(server)));
  let jpeg = (await stats(server)).renditions.filter((rendition) => rendition.codec === 'jpeg');
  expect(jpeg.map((rendition) => rendition.readers)).toEqual([5]);
  const other = await watch(server, 'quality=40&width=160');
  jpeg = (await stats(server)).renditions.filter((rendition) => rendition.codec === 'jpeg');
  expect(jpeg.map((rendition) => rendition.readers).sort()).toEqual([1, 5]);
  // Each frame was encoded once per quality.
  const { ledger, renditions } = await stats(server);
  for (const rendition of renditions) expect(rendition.encoded).toBeLessThanOrEqual(ledger.published + 1);
  await other.leave();
  await Promise.all(same.map((viewer) => viewer.leave()));
  await expect.poll(async () => (await stats(server)).state, { timeout: 20_000 }).toBe('asleep');
  expect((await stats(server)).renditions.filter((rendition) => rendition.codec === 'jpeg')).toEqual([]);
});

it('a viewer that comes just when the encoder or the source stops gets its picture', async () => {
  await using server = await testServer({ streams: { cam: cam('0ms') } });
  for (let i = 0; i < 24; i++) {
    const viewer = await watch(server);
    await viewer.leave();
    // From "has not begun to stop" to "has stopped": source and encoder go one after the other.
    await pause(i * 4);
  }
  await expect.poll(async () => (await stats(server)).state, { timeout: 20_000 }).toBe('asleep');
});

it('dvr always keeps the source awake; stop puts it to sleep whoever watches, start wakes it again', async () => {
  await using server = await testServer({ streams: { cam: { ...cam('200ms'), dvr: { mode: 'always' } } } });
  await expect.poll(async () => (await stats(server)).state, { timeout: 20_000 }).toBe('live');
  expect((await server.fetch('api/streams/cam/stop', { method: 'POST' })).ok).toBe(true);
  await expect.poll(async () => (await stats(server)).state, { timeout: 20_000 }).toBe('stopped');
  await pause(300);
  const { captured } = (await stats(server)).ledger;
  await pause(300);
  expect((await stats(server)).ledger.captured).toBe(captured);
  expect((await server.fetch('api/streams/cam/start', { method: 'POST' })).ok).toBe(true);
  await expect.poll(async () => (await stats(server)).ledger.captured, { timeout: 20_000 }).toBeGreaterThan(captured);
});
