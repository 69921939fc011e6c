// What viewers get of live views: params that change while they watch, one protocol at a time, and sources that come and go.
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { StreamDiagnostics } from '../src/api/live-views.ts';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { createServer, defineSource } from '../src/index.ts';
import type { ServerConfigInput } from '../src/server/config.ts';
import { TestPublisher } from './publisher.ts';
import { type TestServer, testServer } from './server.ts';

const SOON = { timeout: 20_000 };
const microscope = { source: { type: 'pattern', kind: 'microscope', width: 128, height: 96, fps: 20 }, linger: '200ms' } as const;

async function serve(config: ServerConfigInput = { streams: { cam: microscope } }): Promise<TestServer> {
  const server = await testServer(config);
  onTestFinished(() => server.close());
  return server;
}

const api = async (server: TestServer, method: string, path: string, body: object) => {
  const answer = await server.fetch(`api/${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

function watch(server: TestServer, query: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?${query}`);
  onTestFinished(() => socket.terminate());
  const texts: Record<string, unknown>[] = [];
  const sizes: string[] = [];
  socket.on('message', (data: Buffer, binary) => {
    if (!binary) return void texts.push(JSON.parse(String(data)));
    if (!query.includes('h264')) sizes.push(`${readFrameHeader(data).width} ${readFrameHeader(data).encoding}`);
  });
  socket.on('error', () => {});
  return { socket, texts, sizes, size: () => sizes.at(-1), init: () => texts.findLast(({ type }) => type === 'init') };
}

it('running viewers take over params at once, except what they say themselves', async () => {
  const server = await serve();
  const lossless = watch(server, 'codec=lossless');
  const own = watch(server, 'codec=lossless&compression=lz4');
  const jpeg = watch(server, 'codec=jpeg');
  const h264 = watch(server, 'codec=h264');
  const mjpeg = await server.fetch('live/cam/mjpeg');
  const reader = mjpeg.body!.getReader();
  onTestFinished(() => reader.cancel());
  await expect
    .poll(() => [lossless.size(), own.size(), jpeg.size(), h264.init()?.width], SOON)
    .toEqual(['128 zstd', '128 lz4', '128 jpeg', 128]);

  const { items } = await server.json<{ items: StreamDiagnostics[] }>('api/live-views/diagnostics?stream=cam');
  expect(items[0]!.capture.ageMs.max).toBeGreaterThanOrEqual(items[0]!.capture.ageMs.mean!);
  expect(items[0]!.encode.map(({ key }) => key.split(',')[0])).toEqual(expect.arrayContaining(['lossless', 'jpeg', 'h264']));
  const sent = items[0]!.send.find(({ output }) => output === 'ws-lossless')!;
  expect(sent).toMatchObject({ viewers: 2 });
  expect(sent.ageMs.mean).toBeGreaterThan(0);

  await api(server, 'PATCH', 'live-views/params?protocol=lossless', { subsample: 2, compression: 'none' });
  await expect.poll(() => [lossless.size(), own.size()], SOON).toEqual(['64 raw', '64 lz4']);
  // What it says later counts as its own too, and `null` gives it back.
  own.socket.send(JSON.stringify({ type: 'set', subsample: 4 }));
  await expect.poll(own.size, SOON).toBe('32 lz4');
  await api(server, 'PATCH', 'live-views/params?protocol=lossless&stream=cam', { subsample: 1 });
  await expect.poll(lossless.size, SOON).toBe('128 raw');
  expect(own.size()).toBe('32 lz4');

  await api(server, 'PATCH', 'live-views/params?protocol=jpeg', { width: 64, quality: 30 });
  await expect.poll(jpeg.size, SOON).toBe('64 jpeg');
  expect(jpeg.texts.at(-1)).toMatchObject({ quality: 30, width: 64 });
  await api(server, 'PATCH', 'live-views/params?protocol=h264', { width: 64 });
  await expect.poll(() => h264.init(), SOON).toMatchObject({ width: 64, height: 48 });
  await api(server, 'PATCH', 'live-views/params?protocol=mjpeg', { width: 48, quality: 40 });
  const running = () =>
    server.streams.registry
      .get('cam')
      .renditions.filter((rendition) => rendition.running)
      .map(({ key }) => key);
  await expect.poll(running, SOON).toContain('jpeg,quality=40,width=48');
  for (;;) {
    const { value } = await reader.read();
    // SOF0 names height and width.
    const at = Buffer.from(value!).indexOf(Buffer.from([0xff, 0xc0]));
    if (at > 0 && Buffer.from(value!).readUInt16BE(at + 7) === 48) break;
  }
});

it('in exclusive mode a viewer of another protocol is refused before its socket opens', async () => {
  const server = await serve({ streams: { cam: microscope }, liveViews: { mode: 'exclusive' } });
  await api(server, 'POST', 'live-views/start', { protocol: 'lossless' });
  const first = watch(server, 'codec=lossless');
  await expect.poll(first.size, SOON).toBe('128 zstd');
  const second = watch(server, 'codec=jpeg');
  const [, answer] = (await once(second.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(answer.statusCode).toBe(409);
  const mjpeg = await server.fetch('live/cam/mjpeg');
  expect([mjpeg.status, ((await mjpeg.json()) as { running: string }).running]).toEqual([409, 'lossless']);
  // A viewer holds its protocol as a view does.
  await api(server, 'POST', 'live-views/stop', {});
  expect((await server.fetch('live/cam/mjpeg')).status).toBe(409);
  expect((await api(server, 'POST', 'live-views/start', { protocol: 'jpeg' })).body).toMatchObject({ running: 'lossless' });
  first.socket.terminate();
  await expect.poll(async () => (await api(server, 'POST', 'live-views/start', { protocol: 'jpeg' })).status, SOON).toBe(200);
});

it('a program announces acquisition: its live view starts and stops with it, fails when the program is gone, and comes back', async () => {
  const server = await serve({ liveViews: { longExposure: '500ms' } });
  const { liveViews } = server;
  const events: string[] = [];
  for (const action of ['started', 'stopped', 'failed'] as const)
    liveViews.events.on(action, ({ protocol }) => events.push(`${action} ${protocol}`));
  // Before the first frame: the stream is made by it.
  expect((await api(server, 'POST', 'streams/cam/acquisition', { on: true, exposure: 20 })).body).toMatchObject({
    items: [{ stream: 'cam', protocol: 'lossless', by: 'source', state: 'waiting' }],
  });
  const publisher = await TestPublisher.open(server.url, 'cam');
  publisher.send(Date.now() * 1000);
  await publisher.answered();
  expect(liveViews.active()).toMatchObject([{ stream: 'cam', state: 'live' }]);
  expect(liveViews.longExposure()).toMatchObject({ exposure: 20, long: false, from: 'frame' });

  // Unplugged: told within seconds, not listed as active, and back with the next frame.
  await publisher.close();
  await expect.poll(() => events, SOON).toContain('failed lossless');
  expect(liveViews.active()).toEqual([]);
  expect(liveViews.all()).toMatchObject([{ state: 'failed', reason: 'its program has gone' }]);
  const again = await TestPublisher.open(server.url, 'cam');
  again.send(Date.now() * 1000);
  await again.answered();
  expect(liveViews.active()).toMatchObject([{ stream: 'cam', state: 'live', reason: null }]);

  again.say({ type: 'acquisition', on: false });
  await expect.poll(() => liveViews.all(), SOON).toEqual([]);
  // With a long exposure none is started, and people are told why.
  again.say({ type: 'acquisition', on: true, exposure: 900 });
  await expect
    .poll(() => events, SOON)
    .toEqual(['started lossless', 'failed lossless', 'started lossless', 'stopped lossless', 'failed lossless']);
  expect(liveViews.all()).toEqual([]);
  again.say({ type: 'acquisition', on: 'yes' });
  await expect.poll(() => again.messages.at(-1), SOON).toMatchObject({ type: 'error', code: 'bad-value', field: 'on' });
  await again.close();
});

it('a source that cannot be read is reported with its reason, and its view is not active', async () => {
  const server = await serve({ streams: { cam: { source: { type: 'ffmpeg', url: '/nowhere/at/all.mp4' } } } });
  const failed: string[] = [];
  server.liveViews.events.on('failed', ({ stream, reason }) => failed.push(`${stream}: ${reason}`));
  await api(server, 'POST', 'live-views/start', { protocol: 'jpeg' });
  await expect.poll(() => failed.length, SOON).toBe(1);
  expect(failed[0]).toMatch(/^cam: .*nowhere/);
  expect(server.liveViews.active()).toEqual([]);
  const { items } = await server.json<{ items: object[] }>('api/live-views');
  expect(items).toMatchObject([{ stream: 'cam', state: 'failed' }]);
});

it('a node announces acquisition', async () => {
  await using server = await createServer({ port: 0, dataDir: join((await serve()).config.dataDir, 'node') });
  const camera = defineSource({
    width: 16,
    height: 16,
    async *run({ signal }) {
      for (let turn = 0; !signal.aborted; turn++) {
        yield { acquisition: turn % 20 < 10 };
        yield new Uint16Array(256);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
  });
  server.stream('cells', { source: camera });
  const events = new WebSocket(`${server.url.replace('http', 'ws')}api/events?types=liveview`);
  onTestFinished(() => events.terminate());
  const got: string[] = [];
  events.on('message', (data) => got.push(String((JSON.parse(String(data)) as { action?: string }).action)));
  await expect.poll(() => got.slice(1).join(), SOON).toMatch(/started,stopped,started|stopped,started,stopped/);
});
