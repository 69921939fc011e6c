// A live input that is not there, comes, goes, comes again, and is let go when nobody watches: a camera in the net, as far as FFmpeg sees it.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamInfo } from '../src/api/schema.ts';
import { testServer } from './server.ts';

const CLIP = readFileSync(join(import.meta.dirname, 'media/midgop.mpegts'));
/** Length of the clip. */
const CLIP_MS = 600;

/** Sends the clip again and again to whoever connects; a break in its times is like that of a camera that starts again. */
async function camera(port = 0) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let at = 0;
    const timer = setInterval(
      () => {
        socket.write(CLIP.subarray(at, at + 376));
        at = (at + 376) % CLIP.length;
      },
      CLIP_MS / (CLIP.length / 376),
    );
    socket.once('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as { port: number }).port, viewers: () => sockets.size, close, [Symbol.asyncDispose]: close };
}

it('a live input is waited for, found, lost, found again, and let go when idle', { timeout: 180_000 }, async () => {
  const first = await camera();
  const { port } = first;
  await first.close();
  const source = { type: 'ffmpeg', url: `tcp://127.0.0.1:${port}` } as const;
  await using server = await testServer({ streams: { cam: { source, linger: '500ms', dvr: { mode: 'off' } } } });
  const info = async () => await server.json<StreamInfo>('api/streams/cam');
  const state = async () => {
    const { state, reason } = await info();
    return `${state}: ${reason}`;
  };
  const wait = { timeout: 60_000, interval: 100 };
  let pictures = 0;
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?codec=jpeg`);
  socket.on('message', (_data, binary) => {
    if (binary) pictures++;
  });
  await once(socket, 'open');

  await expect.poll(state, wait).toMatch(/^failed: tcp:.*connection refused; trying again in \d+ s$/);
  const second = await camera(port);
  await expect.poll(state, wait).toBe('live: null');
  await expect.poll(() => pictures, wait).toBeGreaterThan(10);

  await second.close();
  await expect.poll(state, wait).toMatch(/^failed: tcp:.*(the connection was lost|connection refused).*; next attempt in [\d.]+ s$/);
  await using third = await camera(port);
  const before = pictures;
  await expect.poll(state, wait).toBe('live: null');
  await expect.poll(() => pictures, wait).toBeGreaterThan(before);
  expect(third.viewers()).toBe(1);

  socket.close();
  await expect.poll(async () => (await info()).state, wait).toBe('asleep');
  await expect.poll(() => third.viewers(), wait).toBe(0);
});
