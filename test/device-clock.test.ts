// A camera's own clock, by every way in: POST, many frames in one request, WebSocket and the library.
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import { writeFrameHeader } from '../src/formats/frame-header.ts';
import { createServer } from '../src/server/library.ts';
import { testServer } from './server.ts';

const FRAME = { width: 16, height: 16, format: 'gray' } as const;
const PIXELS = new Uint8Array(256);

function frameOf(deviceTimestamp: unknown): Buffer {
  const header = writeFrameHeader({ ...FRAME, payloadBytes: PIXELS.length, timestamp: 0, metadata: { deviceTimestamp } });
  return Buffer.concat([header, PIXELS]);
}

test('POST: the steps of the device clock are those of the capture times, over separate connections', async () => {
  await using server = await testServer({});
  const post = (query: string, headers: Record<string, string> = {}) =>
    server.json<{ id: number; timestamp: number; dropped?: string; code?: string; detail?: string }>(
      `api/streams/scope/frames?width=16&height=16&format=gray${query}`,
      { method: 'POST', body: PIXELS, headers: { 'content-type': 'application/octet-stream', connection: 'close', ...headers } },
    );
  const before = server.clock.now();
  const first = await post('&deviceTimestamp=1000000');
  expect(first.timestamp).toBeGreaterThanOrEqual(before);
  expect(first.timestamp).toBeLessThanOrEqual(server.clock.now());
  const second = await post('', { 'x-sluice-device-timestamp': '1400000' });
  expect(second.timestamp - first.timestamp).toBeGreaterThan(250_000);
  expect(await post('&deviceTimestamp=1400000')).toMatchObject({
    id: 0,
    dropped: 'not-rising',
    detail: expect.stringContaining('must rise'),
  });
  expect(await post('&deviceTimestamp=1.5')).toMatchObject({
    code: 'bad-timestamp',
    detail: expect.stringContaining('integer number of µs'),
  });
  // A capture time of its own goes before.
  const third = await post(`&deviceTimestamp=1500000&timestamp=${second.timestamp + 17}`);
  expect(third.timestamp).toBe(second.timestamp + 17);
  const { clock } = await server.json<StreamStats>('api/streams/scope/stats');
  expect(clock).toMatchObject({ steps: 0, frames: 2, driftPpm: null });
});

test('WebSocket and x-sluice-frames: a new connection is a new clock; a set clock is a step', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'push', clock: 'device' } } } });
  const ws = new WebSocket(new URL('api/streams/cam/frames', server.url.replace(/^http/, 'ws')));
  await new Promise((resolve) => ws.once('open', resolve));
  const ask = (data: Buffer) =>
    new Promise<Record<string, unknown>>((resolve) => {
      ws.once('message', (text) => resolve(JSON.parse(String(text))));
      ws.send(data);
    });
  const first = await ask(frameOf(77_000_000));
  expect(first).toMatchObject({ type: 'ack', id: 1 });
  expect(await ask(frameOf(77_033_000))).toMatchObject({ type: 'ack', id: 2 });
  // Set back by a minute.
  const stepped = await ask(frameOf(17_066_000));
  expect(stepped).toMatchObject({ type: 'ack', id: 3 });
  expect(Number(stepped.timestamp)).toBeGreaterThan(Number(first.timestamp));
  expect((await server.json<StreamStats>('api/streams/cam/stats')).clock).toMatchObject({ steps: 1, frames: 1 });
  expect(await ask(frameOf('soon'))).toMatchObject({ type: 'error', code: 'bad-timestamp' });
  expect(await ask(frameOf(undefined))).toMatchObject({
    type: 'error',
    code: 'bad-value',
    detail: expect.stringContaining('clock: device'),
  });
  ws.close();

  const answer = await server.fetch('api/streams/cam/frames', {
    method: 'POST',
    headers: { 'content-type': 'application/x-sluice-frames' },
    body: Buffer.concat([frameOf(-5_000_000), frameOf(-4_600_000)]),
  });
  const lines = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; timestamp: number });
  expect(lines.map(({ type }) => type)).toEqual(['ack', 'ack']);
  expect(lines[1]!.timestamp - lines[0]!.timestamp).toBeGreaterThan(250_000);
  expect((await server.json<StreamStats>('api/streams/cam/stats')).clock).toMatchObject({ steps: 1, frames: 2 });
});

test('library: push with deviceTimestamp', async () => {
  await using own = await testServer({});
  await using server = await createServer({ port: 0, dataDir: `${own.config.dataDir}/library` });
  const stream = server.stream('cam', FRAME);
  const first = await stream.push(PIXELS, { deviceTimestamp: 12 });
  const second = await stream.push(PIXELS, { deviceTimestamp: 400_012 });
  expect(second.timestamp - first.timestamp).toBeGreaterThan(250_000);
  await expect(stream.push(PIXELS, { deviceTimestamp: 0.5 })).rejects.toMatchObject({ code: 'bad-timestamp' });
});
