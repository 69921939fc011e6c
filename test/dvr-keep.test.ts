// The surroundings of markers stay when the window has moved on, over a restart too, until the marker goes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import type { Marker, MarkerPage } from '../src/api/timeline.ts';
import { HlsClient } from './hls-client.ts';
import { TestPublisher } from './publisher.ts';
import { type TestServer, testServer } from './server.ts';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-keep-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const dvr = { window: '10s', keep: { kinds: ['alarm'], before: '1s', after: '1s' } };
const config = () => ({ dataDir, streams: { cam: { dvr } } });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const SPAN = 10_000_000;
const START = Math.floor((Date.now() * 1000 - 120_000_000) / 2_000_000) * 2_000_000 + 300_000;

/** Ten frames a second of capture time, faster than they were captured. */
async function push(server: TestServer, from: number, to: number): Promise<TestPublisher> {
  const publisher = await TestPublisher.open(server.url, 'cam');
  for (let at = from; at < to; at += 100_000) {
    publisher.send(at, { fill: at / 100_000 });
    await pause(8);
  }
  await publisher.answered();
  return publisher;
}

const brief = (server: TestServer) => server.json<Timeline>('live/cam/timeline.json?frames=0');
const mark = (server: TestServer, body: object) =>
  server.json<Marker>('api/streams/cam/markers', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const holds = ({ segments }: Timeline, time: number) => segments.some(({ start, end }) => start <= time && time < end);

test('what a marker protects stays beyond the window and over a restart, and goes with the marker', { timeout: 60_000 }, async () => {
  let server = await testServer(config());
  try {
    const publisher = await push(server, START, START + SPAN);
    const frame = publisher.acked[40]!;
    await mark(server, { id: 'a', label: 'door', kind: 'alarm', frame: frame.id });
    await mark(server, { id: 'b', label: 'nothing', kind: 'other', frame: 5 });
    await publisher.close();
    await (await push(server, START + SPAN, START + 4 * SPAN)).close();
    // The window holds the last 10 s, and the marker's surroundings stand alone before them.
    await vi.waitUntil(async () => !holds(await brief(server), START + 1.5 * SPAN), { timeout: 10_000, interval: 100 });
    const check = async () => {
      const timeline = await brief(server);
      for (const time of [frame.timestamp - 1_000_000, frame.timestamp, frame.timestamp + 1_000_000])
        expect(holds(timeline, time)).toBe(true);
      for (const time of [START + 500_000, START + SPAN - 1_000_000]) expect(holds(timeline, time)).toBe(false);
      const hole = timeline.gaps.find(({ reason }) => reason === 'no longer kept')!;
      expect(hole.start).toBeGreaterThan(frame.timestamp + 1_000_000);
      expect(hole.end).toBeGreaterThan(START + 2 * SPAN);
      // Live players have the window only, without a break.
      const playlist = await new HlsClient(server.fetch, 'cam').playlist();
      expect(playlist.gaps).not.toContain(true);
      expect(playlist.mediaSequence * 2e6).toBeGreaterThan(START + 2 * SPAN);
      const picture = await server.fetch(`live/cam/snapshot.jpg?frame=${frame.id}`);
      expect(picture.headers.get('x-sluice-frame')).toBe(String(frame.id));
    };
    await check();
    await server.close();
    server = await testServer(config());
    await check();
    const next = await push(server, START + 4 * SPAN, START + 5 * SPAN);
    await check();
    expect((await server.fetch('api/streams/cam/markers/a', { method: 'DELETE' })).ok).toBe(true);
    await next.close();
    await (await push(server, START + 5 * SPAN, START + 6 * SPAN)).close();
    await vi.waitUntil(async () => !holds(await brief(server), frame.timestamp), { timeout: 10_000, interval: 100 });
  } finally {
    await server.close();
  }
});

test('a clock that was set and a takeover are markers, each once', { timeout: 30_000 }, async () => {
  await using server = await testServer({});
  const publisher = await TestPublisher.open(server.url, 'cam');
  const now = () => server.clock.now();
  for (let i = 0; i < 5; i++, await pause(20)) publisher.send(now());
  for (let i = 0; i < 6; i++, await pause(20)) publisher.send(now() - 60_000_000);
  await publisher.answered();
  const second = await TestPublisher.open(server.url, 'cam');
  const markers = async () => (await server.json<MarkerPage>('api/streams/cam/markers')).items;
  await vi.waitUntil(async () => (await markers()).length >= 2, { timeout: 10_000, interval: 50 });
  expect((await markers()).map(({ kind, label }) => `${kind}: ${label}`).sort()).toEqual([
    'clock: capture clock set back by 60.0 s',
    'source: a program on a WebSocket took over',
  ]);
  await second.close();
  await publisher.close();
});

test('an encoder that fails is a marker', { timeout: 30_000 }, async () => {
  await using server = await testServer({ streams: { cam: { encode: { encoder: 'no_such_encoder' } } } });
  const publisher = await TestPublisher.open(server.url, 'cam');
  const markers = async () => (await server.json<MarkerPage>('api/streams/cam/markers')).items;
  await vi.waitUntil(
    async () => {
      publisher.send(server.clock.now());
      return (await markers()).length > 0;
    },
    { timeout: 15_000, interval: 100 },
  );
  expect(await markers()).toMatchObject([{ kind: 'source', label: expect.stringMatching(/^the encoder failed: .*no_such_encoder/) }]);
  await publisher.close();
});
