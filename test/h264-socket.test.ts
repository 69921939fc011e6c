// H.264 over WebSocket as a program sees it: fragments that a foreign demuxer reads, true identities, and nobody hurt by a viewer that stalls.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import { toTicks } from '../src/core/time.ts';
import { readIdentities } from '../src/formats/fmp4-read.ts';
import { isKeySample } from '../src/formats/h264.ts';
import { type TestServer, testServer } from './server.ts';
import { hasTool } from './tools.ts';

const run = promisify(execFile);
const cam = {
  source: { type: 'pattern', width: 320, height: 192, vary: [16, 61] as [number, number], drop: 0.1 },
  linger: '300ms',
} as const;

/** A viewer that keeps everything, and of each text how many fragments had come before; it acknowledges if told to. */
async function watch(server: TestServer, acks: boolean) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?codec=h264`);
  const texts: Record<string, unknown>[] = [];
  const fragments: Buffer[] = [];
  socket.on('message', (data: Buffer, binary) => {
    if (!binary) texts.push({ ...JSON.parse(String(data)), before: fragments.length });
    else {
      fragments.push(data);
      const [first] = readIdentities(data);
      if (acks && first) socket.send(JSON.stringify({ type: 'ack', id: first.identity.id }));
    }
  });
  await once(socket, 'open');
  return { socket, texts, fragments, [Symbol.dispose]: () => socket.terminate() };
}

it('each message is one frame, the first a key frame, with id and capture time inside; ffprobe reads the whole', async () => {
  await using server = await testServer({ streams: { cam } });
  using viewer = await watch(server, true);
  await expect.poll(() => viewer.fragments.length, { timeout: 30_000 }).toBeGreaterThan(60);
  const fragments = [...viewer.fragments];
  const [init] = viewer.texts;
  expect(init).toMatchObject({ type: 'init', width: 320, height: 192, codec: expect.stringMatching(/^avc1\.42/) });
  const samples = fragments.map((bytes) => {
    const found = readIdentities(bytes);
    expect(found).toHaveLength(1);
    return { ...found[0]!, key: isKeySample(bytes.subarray(found[0]!.offset)) };
  });
  expect(samples[0]!.key).toBe(true);
  let last = 0;
  for (const { identity, pts } of samples) {
    if (!identity.repeat) expect(pts).toBe(toTicks(identity.timestamp));
    expect(identity.id).toBeGreaterThanOrEqual(last);
    last = identity.id;
  }
  const stats = await server.json<StreamStats>('api/streams/cam/stats');
  expect(stats.renditions.filter(({ running }) => running)).toHaveLength(1);
  if (!hasTool('ffprobe')) return;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  try {
    const path = join(folder, 'live.mp4');
    await writeFile(path, Buffer.concat([Buffer.from(String(init!.init), 'base64'), ...fragments]));
    const { stdout, stderr } = await run('ffprobe', [
      '-v',
      'error',
      '-count_frames',
      '-show_entries',
      'stream=nb_read_frames',
      '-of',
      'csv=p=0',
      path,
    ]);
    expect(stderr).toBe('');
    expect(Number(stdout)).toBe(fragments.length);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('a viewer that does not acknowledge any more loses up to a key frame and is told; the other one loses nothing', async () => {
  await using server = await testServer({ streams: { cam } });
  using good = await watch(server, true);
  using stalls = await watch(server, true);
  await expect.poll(() => stalls.fragments.length, { timeout: 30_000 }).toBeGreaterThan(5);
  const send = stalls.socket.send;
  stalls.socket.send = () => {};
  const [before, had] = [good.fragments.length, stalls.fragments.length];
  // After 30 pictures it gets no more for a second, then 30 again: half of them at most, and it is told what it missed.
  const skipped = () => stalls.texts.some(({ type }) => type === 'skip');
  await expect.poll(() => good.fragments.length > before + 90 && skipped(), { timeout: 30_000 }).toBe(true);
  expect(stalls.fragments.length - had).toBeLessThan((good.fragments.length - before) * 0.85);
  stalls.socket.send = send;
  const newest = readIdentities(stalls.fragments.at(-1)!)[0]!.identity.id;
  stalls.socket.send(JSON.stringify({ type: 'ack', id: newest }));
  const sent = stalls.fragments.length;
  await expect.poll(() => stalls.fragments.length, { timeout: 30_000 }).toBeGreaterThan(sent + 35);
  const skip = stalls.texts.find(({ type }) => type === 'skip');
  expect(skip).toMatchObject({ reason: 'keyframe' });
  // What comes behind the hole can be decoded alone. On a busy machine that may be the last lost picture, shown again.
  const behind = stalls.fragments[Number(skip!.before)]!;
  expect(readIdentities(behind)[0]!.identity.id).toBeGreaterThanOrEqual(Number(skip!.to));
  expect(isKeySample(behind.subarray(readIdentities(behind)[0]!.offset))).toBe(true);
  expect(good.texts.filter(({ type }) => type === 'skip')).toEqual([]);
  const ids = good.fragments.map((bytes) => readIdentities(bytes)[0]!.identity.id);
  const unique = [...new Set(ids)];
  expect(unique).toEqual([...unique].sort((a, b) => a - b));
});

it('settings belong to JPEG: a set message is answered with the reason', async () => {
  await using server = await testServer({ streams: { cam } });
  using viewer = await watch(server, false);
  viewer.socket.send(JSON.stringify({ type: 'set', quality: 50 }));
  await expect.poll(() => viewer.texts.find(({ type }) => type === 'error'), { timeout: 10_000 }).toMatchObject({ code: 'bad-request' });
});
