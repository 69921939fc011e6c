// The server as a library, inside somebody's program: two at once, and started and stopped again and again without a trace. STARTS=20 for
// more rounds.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { createServer, type LibraryServer } from '../src/index.ts';
import { type WhepClient, whepClient } from './whep-client.ts';

const STARTS = Number(process.env.STARTS ?? 8);
const streams = { cam: { source: { type: 'pattern', width: 160, height: 96, fps: 20 } } } as const;

/** Watches by WebRTC, JPEG and HLS at once; gives the UDP port. */
async function watchAll(server: LibraryServer): Promise<{ udp: number; viewer: WhepClient }> {
  let viewer = await whepClient(`${server.url}live/cam/whep`);
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}live/cam/ws?codec=jpeg`);
  const picture = new Promise((resolve, reject) => {
    socket.on('message', (_data, binary) => binary && resolve(null));
    socket.once('error', reject);
  });
  expect((await fetch(`${server.url}live/cam/hls/index.m3u8`)).status).toBe(200);
  await picture;
  // On a busy machine it may be taken for dead, and comes again as players do.
  for (let tries = 0, seen = -1; viewer.pictures < 3; ) {
    if (viewer.pictures === seen) {
      if (++tries > 5) throw new Error('no pictures by WebRTC');
      await viewer[Symbol.asyncDispose]();
      viewer = await whepClient(`${server.url}live/cam/whep`);
    }
    seen = viewer.pictures;
    for (let waited = 0; viewer.pictures < 3 && waited < 10_000; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // The socket stays open: ending it is the server's work.
  socket.on('error', () => {});
  return { udp: Number(/ 127\.0\.0\.1 (\d+) typ host/.exec(viewer.answer)![1]), viewer };
}

const children = () =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((row) => Number(row.trim().split(/\s+/)[1]) === process.pid && !/\bps -A\b/.test(row)).length;

const threads = () => Number(execFileSync('ps', ['-o', 'nlwp=', '-p', String(process.pid)], { encoding: 'utf8' }));

/** What a program holds, by kind. */
async function held(dataDir: string) {
  // Ends what has been let go of and is only waiting for its turn.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const kinds = process.getActiveResourcesInfo().filter((kind) => /TCP|UDP|MessagePort|Worker|FSEvent|Process/.test(kind));
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return {
    children: children(),
    resources: kinds.sort().join(),
    listeners,
    threads: threads(),
    locks: (await readdir(dataDir))
      .filter((name) => /lock|wal|shm|tmp/.test(name))
      .sort()
      .join(),
  };
}

const udpFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });

const tcpFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createTcp();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

it(`started and stopped ${STARTS} times: no process, port, thread, file or listener is left`, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-starts-'));
  let first: Awaited<ReturnType<typeof held>> | null = null;
  let last = 0;
  for (let i = 0; i < STARTS; i++) {
    const server = await createServer({ port: 0, dataDir, streams });
    const port = Number(new URL(server.url).port);
    const { udp, viewer } = await watchAll(server);
    await server.close();
    await viewer[Symbol.asyncDispose]();
    expect(await tcpFree(port), `TCP ${port}`).toBe(true);
    expect(await udpFree(udp), `UDP ${udp}`).toBe(true);
    const now = await held(dataDir);
    expect(now.children).toBe(0);
    // What Node, the client above and FFmpeg make once and keep comes with the first rounds.
    if (i === 1) first = now;
    else if (first) expect(now).toEqual({ ...first, threads: expect.any(Number) });
    if (i === 1) last = now.threads;
    else if (i === STARTS - 1) expect(now.threads).toBeLessThanOrEqual(last + 2);
  }
  await rm(dataDir, { recursive: true, force: true });
}, 400_000);

it('two servers in one program: one ends, the other goes on', async () => {
  const folders = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'sluice-two-'))));
  const [one, two] = await Promise.all(folders.map((dataDir) => createServer({ port: 0, dataDir, streams })));
  const [a, b] = await Promise.all([watchAll(one!), watchAll(two!)]);
  expect(a.udp).not.toBe(b.udp);
  expect(children()).toBe(2);
  await one!.close();
  const before = b.viewer.pictures;
  await expect.poll(() => b.viewer.pictures, { timeout: 30_000 }).toBeGreaterThan(before + 10);
  expect(children()).toBe(1);
  await two!.close();
  expect(children()).toBe(0);
  for (const { viewer } of [a, b]) await viewer[Symbol.asyncDispose]();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}, 200_000);
