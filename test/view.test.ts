// How deep frames are shown: changed while it runs, at once, for every lossy output, without a new encoder.
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { decodeJpeg } from '../src/native/jpeg.ts';
import { TestPublisher } from './publisher.ts';
import { testServer } from './server.ts';

const SIDE = 64;

async function mean(jpeg: Uint8Array): Promise<number[]> {
  const { data, format } = await decodeJpeg(jpeg);
  const channels = format === 'gray' ? 1 : 3;
  const sums = new Array<number>(channels).fill(0);
  for (let i = 0; i < data.length; i++) sums[i % channels]! += data[i]!;
  return sums.map((sum) => Math.round(sum / (data.length / channels)));
}

it('window, shift and colours change for JPEG, snapshots and the running encoder', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'push' }, view: { window: { low: 0, high: 4000 } } } } });
  const publisher = await TestPublisher.open(server.url, 'cam');
  const pixels = new Uint8Array(new Uint16Array(SIDE * SIDE).fill(1000).buffer);
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?codec=jpeg&quality=95`);
  let last: { id: number; jpeg: Uint8Array } | undefined;
  socket.on('message', (data: Buffer, binary) => {
    if (binary) last = { id: readFrameHeader(data).id, jpeg: data.subarray(readFrameHeader(data).headerBytes) };
  });
  const shown = async () => {
    publisher.send(Date.now() * 1000, { format: 'gray16le', width: SIDE, height: SIDE, pixels });
    await publisher.answered();
    await expect.poll(() => last?.id, { timeout: 20_000 }).toBe(publisher.acked.at(-1)!.id);
    return await mean(last!.jpeg);
  };
  const change = (view: object) =>
    server.fetch('api/streams/cam/view', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(view),
    });
  const near = (found: number[], wanted: number) => expect(Math.abs(found[0]! - wanted)).toBeLessThanOrEqual(2);
  near(await shown(), 64);
  expect(await (await change({ window: { low: 0, high: 2000 } })).json()).toMatchObject({ window: { low: 0, high: 2000 }, gamma: 1 });
  near(await shown(), 128);
  near(await mean(new Uint8Array(await (await server.fetch('live/cam/snapshot.jpg')).arrayBuffer())), 128);
  await change({ window: { shift: 3 } });
  near(await shown(), 125);
  await change({ map: 'green' });
  const [red, green] = await shown();
  expect(red).toBeLessThan(10);
  expect(Math.abs(green! - 125)).toBeLessThanOrEqual(3);
  // One encoder from first to last.
  const stats = await server.json<StreamStats>('api/streams/cam/stats');
  expect(stats.renditions.filter(({ codec }) => codec === 'jpeg')).toHaveLength(1);

  for (const [view, text] of [
    [{ window: { low: 5, high: 5 } }, 'above low'],
    [{ gamma: 0 }, 'gamma'],
    [{ map: 'rainbow' }, 'map'],
    [{ brightness: 3 }, 'brightness'],
  ] as const) {
    const refused = await change(view);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(await refused.json())).toContain(text);
  }
  expect(await server.json('api/streams/cam/view')).toMatchObject({ window: { shift: 3 }, map: 'green' });
  socket.terminate();
  await publisher.close();
});
