// Recordings: every frame of a deep stream in a file that a foreign reader opens, while somebody watches; played back as a stream; whole
// again after the server was killed, and readable when the disk was full. `RECORD_SECONDS=60 npx vitest run test/recording.test.ts` prints
// the figures of a long one of 1024x1024.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Recording } from '../src/api/recordings.ts';
import type { Marker } from '../src/api/timeline.ts';
import { TiffRecording } from '../src/pipeline/recording/tiff-recording.ts';
import { kill, serve } from './child-server.ts';
import { ownTime } from './own-time.ts';
import { TestPublisher } from './publisher.ts';
import { missingTool } from './python.ts';
import { type TestServer, testServer } from './server.ts';
import { look, python } from './tifffile.ts';
import { hasTool } from './tools.ts';

const SECONDS = Number(process.env.RECORD_SECONDS ?? 2);
const LONG = SECONDS > 10;
const [WIDTH, HEIGHT] = LONG ? [1024, 1024] : [320, 240];
const SOON = { timeout: 60_000 };

const VIEWER = fileURLToPath(new URL('programs/lossless-viewer.ts', import.meta.url));

/** A viewer of lossless pictures in a process of its own: capture time and hash of each, by frame id. */
class Viewer {
  readonly child: ChildProcess;
  readonly seen = new Map<number, { readonly timestamp: number; readonly hash: string; readonly at: number }>();

  constructor(url: string, stream: string) {
    const child = spawn(process.execPath, [VIEWER, url, stream], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    createInterface(child.stdout).on('line', (line) => {
      const [id, timestamp, hash] = line.split(' ');
      this.seen.set(Number(id), { timestamp: Number(timestamp), hash: hash!, at: performance.now() });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.child);
  }
}

const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const microscope = (width: number, height: number, fps = 30) => ({
  source: { type: 'pattern' as const, kind: 'microscope' as const, width, height, fps },
  pixelSize: 0.65,
  linger: '300ms',
});

/** A camera that costs next to nothing, for long runs: two seconds of noise at exactly 30 fps, played in a loop. */
async function cheapCamera(folder: string) {
  const file = join(folder, 'camera.tiff');
  const clip = await TiffRecording.create(file, { name: 'camera', pixelSize: null });
  const shape = { format: 'gray16le', width: WIDTH, height: HEIGHT, significantBits: 12 } as const;
  for (let id = 1; id <= 60; id++) {
    const samples = new Uint16Array(WIDTH * HEIGHT).map(() => 400 + 20 * (Math.random() + Math.random() + Math.random()));
    const identity = { id, timestamp: 1_763_640_000_000_000 + Math.round((id * 1e6) / 30), format: shape.format, significantBits: 12 };
    await clip.append([{ identity, shape, bytes: new Uint8Array(samples.buffer), deflated: false }]);
  }
  await clip.finish();
  return { source: { type: 'recording' as const, file }, pixelSize: 0.65, linger: '300ms' };
}

async function ended(server: TestServer, stream: string, id: string): Promise<Recording> {
  const one = () => server.json<Recording>(`/api/streams/${stream}/recordings/${id}`);
  await expect.poll(async () => (await one()).state, { timeout: SECONDS * 1000 + 60_000, interval: 100 }).toMatch(/finished|failed/);
  return await one();
}

it('every frame is in the file, while a viewer watches lossless; it is played back as a stream', {
  timeout: 180_000 + SECONDS * 5000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'camera-'));
  const scope = LONG ? await cheapCamera(folder) : microscope(WIDTH, HEIGHT);
  await using server = await testServer({ streams: { scope }, dvr: { mode: 'off' } });
  await using viewer = new Viewer(server.url, 'scope');
  await expect.poll(() => viewer.seen.size, SOON).toBeGreaterThan(3);
  const ids: number[] = [];
  const off = server.streams.registry.get('scope').events.on('frame', ({ info }) => ids.push(info.id));
  const cpu = process.cpuUsage();
  using time = ownTime();
  const begun = performance.now();
  const started = await server.json<Recording>('/api/streams/scope/recordings', post({ duration: SECONDS, name: 'cells & <more>' }));
  expect(started).toMatchObject({ state: 'recording', stream: 'scope', format: 'ome-tiff', limits: { duration: SECONDS } });
  const recording = await ended(server, 'scope', started.id);
  const took = performance.now() - begun;
  const used = process.cpuUsage(cpu);
  // Others have the processors.
  const busy = time.ms() < took * 0.6;
  off();
  expect(recording).toMatchObject({
    state: 'finished',
    reason: `${SECONDS} s were asked for`,
    width: WIDTH,
    height: HEIGHT,
    pixelFormat: 'gray16le',
  });
  const [first, last] = [recording.start!.frame, recording.end!.frame];
  const { dropped, gaps } = recording;
  const all = ids.filter((id) => id >= first && id <= last);
  // A machine that stood still may cost a frame: then it is told, and nothing else is missing.
  const captured = all.filter((id) => !gaps.some(({ after, before }) => id > (after ?? 0) && id < (before ?? Number.POSITIVE_INFINITY)));
  expect(dropped).toBe(all.length - captured.length);
  expect(dropped).toBeLessThanOrEqual(LONG ? 0 : all.length / (busy ? 2 : 10));
  expect(server.streams.registry.get('scope').hub.dropped.counts).toEqual({});
  expect(recording.frames).toBe(captured.length);
  expect(recording.frames).toBeGreaterThan(SECONDS * 3);
  const watched = [...viewer.seen.values()].filter(({ at }) => at >= begun && at <= begun + took).length;
  if (LONG) {
    console.log(
      `${recording.frames} frames, ${captured.length - recording.frames} missing, ${(recording.bytes / 1e6 / SECONDS).toFixed(1)} MB/s, ` +
        `CPU of the whole server with its viewer ${((used.user + used.system) / 1000 / took).toFixed(2)} cores, viewer ${((watched * 1000) / took).toFixed(1)} fps`,
    );
  }

  // The span lies on the timeline, with its ends at the frames.
  const { items } = await server.json<{ items: Marker[] }>('/api/streams/scope/markers?kind=recording');
  expect(items).toMatchObject([{ id: recording.id, frame: first, endFrame: last, open: false, data: { recording: recording.id } }]);

  const file = await server.fetch(`/api/streams/scope/recordings/${recording.id}/file`, { method: 'HEAD' });
  expect(file.headers.get('content-length')).toBe(String(recording.bytes));
  expect(file.headers.get('content-disposition')).toBe(`attachment; filename="${recording.file}"`);
  const part = await server.fetch(`/api/streams/scope/recordings/${recording.id}/file`, { headers: { range: 'bytes=0-3' } });
  expect([part.status, Buffer.from(await part.arrayBuffer()).toString('hex')]).toEqual([206, '49492b00']);

  const path = join(server.config.recordingsDir, 'scope', recording.file);
  if (python) {
    const seen = await look(path);
    expect(seen).toMatchObject({
      ome: true,
      big: true,
      axes: 'TYX',
      shape: [recording.frames, HEIGHT, WIDTH],
      dtype: 'uint16',
      planes: recording.frames,
    });
    expect(seen.xml).toContain('PhysicalSizeX="0.65"');
    expect(seen.frames.map(([id]) => id)).toEqual(captured);
    const both = seen.frames.filter(([id]) => viewer.seen.has(id));
    expect(both.length).toBeGreaterThan(recording.frames / 4);
    for (const [id, timestamp, hash] of both) {
      expect(viewer.seen.get(id), `frame ${id}`).toMatchObject({ timestamp, hash });
    }

    // Played back: the frames are new, what they were is said with them, and the pixels are the same.
    const originals = new Map<number, { id: number; timestamp: number }>();
    const put = await server.fetch('/api/streams/again', {
      ...post({ source: { type: 'recording', recording: recording.id, loop: false }, linger: '300ms' }),
      method: 'PUT',
    });
    expect(put.status).toBe(201);
    const again = server.streams.registry.get('again');
    again.events.on('frame', ({ info, metadata }) => originals.set(info.id, metadata!.original as { id: number; timestamp: number }));
    await using player = new Viewer(server.url, 'again');
    const known = new Map(seen.frames.map(([id, timestamp, hash]) => [id, { timestamp, hash }]));
    await expect.poll(() => again.state, { timeout: SECONDS * 2000 + 60_000 }).toBe('lost');
    expect(again.reason).toBe('the source has come to its end');
    expect([...originals.values()].map(({ id }) => id)).toEqual(captured);
    await expect.poll(() => player.seen.has(originals.size), SOON).toBe(true);
    for (const [id, original] of originals) {
      expect(original.timestamp).toBe(known.get(original.id)!.timestamp);
      if (player.seen.has(id)) expect(player.seen.get(id)!.hash, `frame ${id}, once ${original.id}`).toBe(known.get(original.id)!.hash);
    }
    expect(player.seen.size).toBeGreaterThan(captured.length / 4);
    if (LONG) console.log(`opened by tifffile: ${both.length} of ${seen.frames.length} pages compared with what the viewer saw`);
    if (LONG) console.log(`played back: ${originals.size} frames, ${player.seen.size} compared pixel by pixel at the far end`);
  }

  await rm(folder, { recursive: true });
  const gone = await server.fetch(`/api/streams/scope/recordings/${recording.id}`, { method: 'DELETE' });
  expect(gone.status).toBe(204);
  expect(await readdir(join(server.config.recordingsDir, 'scope'))).toEqual([]);
  expect((await server.json<{ items: Marker[] }>('/api/streams/scope/markers?kind=recording')).items).toEqual([]);
});

it.skipIf(python)('tifffile is missing: recordings were not opened by a foreign reader', () => missingTool('python3-tifffile'));

it('an MP4 holds the pictures that viewers get, with their ids, and is played back; both formats at once', {
  timeout: 120_000,
}, async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'pattern', width: 320, height: 240 }, linger: '300ms' } } });
  const start = (body: object) => server.json<Recording>('/api/streams/cam/recordings', post(body));
  // Begun long before its first picture, as where an encoder is loaded for seconds: it lasts from that picture on.
  await server.openStream('late', { source: { type: 'push' } });
  const before = performance.now();
  const late = await server.json<Recording>('/api/streams/late/recordings', post({ format: 'mp4', duration: 0.1 }));
  const [mp4, tiff] = [await start({ format: 'mp4', frames: 25 }), await start({ format: 'ome-tiff', compression: 'deflate' })];
  const third = await server.fetch('/api/streams/cam/recordings', post({}));
  expect([third.status, await third.json()]).toMatchObject([409, { code: 'conflict', detail: expect.stringContaining(mp4.id) }]);
  const done = await ended(server, 'cam', mp4.id);
  expect(done).toMatchObject({ state: 'finished', reason: '25 frames were asked for', frames: 25 });
  const stopped = await server.json<Recording>(`/api/streams/cam/recordings/${tiff.id}/stop`, { method: 'POST' });
  expect(stopped).toMatchObject({ state: 'finished', reason: 'it was stopped', pixelFormat: 'rgb24' });
  expect(stopped.frames).toBeGreaterThan(10);
  const list = await server.json<{ items: Recording[] }>('/api/streams/cam/recordings');
  expect(list.items.map(({ id }) => id)).toEqual([tiff.id, mp4.id]);

  if (hasTool('ffprobe')) {
    const path = join(server.config.recordingsDir, 'cam', mp4.file);
    const entries = 'stream=codec_name,width,nb_read_frames,start_time';
    const args = ['-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', path];
    const [probed] = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })).streams;
    expect(probed).toMatchObject({ codec_name: 'h264', width: 320, start_time: '0.000000' });
    // Pictures that were shown once more count too.
    expect(Number(probed.nb_read_frames)).toBeGreaterThanOrEqual(25);
  }

  await server.openStream('again', { source: { type: 'recording', recording: mp4.id, times: 'original', speed: 4 } });
  const again = server.streams.registry.get('again');
  const originals: { id: number; timestamp: number; now: number }[] = [];
  again.events.on('frame', ({ info, metadata }) => {
    originals.push({ ...(metadata!.original as { id: number; timestamp: number }), now: info.timestamp });
  });
  using _awake = again.demand();
  await expect.poll(() => again.state, SOON).toBe('lost');
  expect(originals.length).toBe(25);
  expect([originals[0]!.id, originals.at(-1)!.id]).toEqual([done.start!.frame, done.end!.frame]);
  expect([originals[0]!.timestamp, originals.at(-1)!.timestamp]).toEqual([done.start!.timestamp, done.end!.timestamp]);
  for (const { timestamp, now } of originals) expect(now).toBe(timestamp);

  await delay(Math.max(0, before + 3300 - performance.now()));
  const publisher = await TestPublisher.open(server.url, 'late');
  const lasts = async () => {
    publisher.send(server.clock.now());
    return (await server.json<Recording>(`/api/streams/late/recordings/${late.id}`)).state;
  };
  await expect.poll(lasts, SOON).toMatch(/finished|failed/);
  await publisher.close();
  expect(await ended(server, 'late', late.id)).toMatchObject({ state: 'finished', reason: '0.1 s were asked for' });
});

it('killed in the middle, both files end behind their last whole frame at the next start, and stay in the list', {
  timeout: 120_000,
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'recording-'));
  try {
    const { child, url } = await serve(dataDir, { streams: { cam: { source: { type: 'pattern', width: 320, height: 240 } } } });
    const ask = async (path: string, init?: RequestInit) => (await (await fetch(new URL(path, url), init)).json()) as unknown;
    const ids: string[] = [];
    for (const format of ['ome-tiff', 'mp4']) ids.push(((await ask('/api/streams/cam/recordings', post({ format }))) as Recording).id);
    const list = async () => ((await ask('/api/streams/cam/recordings')) as { items: Recording[] }).items;
    await expect.poll(async () => Math.min(...(await list()).map(({ frames }) => frames)), SOON).toBeGreaterThan(15);
    const before = await list();
    await kill(child);

    await using server = await testServer({ dataDir, streams: { cam: { source: { type: 'pattern', width: 320, height: 240 } } } });
    const after = (await server.json<{ items: Recording[] }>('/api/streams/cam/recordings')).items;
    expect(after.map(({ id }) => id).sort()).toEqual(ids.sort());
    for (const recording of after) {
      const known = before.find(({ id }) => id === recording.id)!;
      expect(recording).toMatchObject({ state: 'finished', start: known.start, reason: expect.stringContaining('the server ended') });
      expect(recording.frames).toBeGreaterThanOrEqual(known.frames);
      const size = (await server.fetch(`/api/streams/cam/recordings/${recording.id}/file`, { method: 'HEAD' })).headers.get(
        'content-length',
      );
      expect(size).toBe(String(recording.bytes));
      if (recording.format === 'mp4' || !python) continue;
      const seen = await look(join(server.config.recordingsDir, 'cam', recording.file));
      expect(seen).toMatchObject({ ome: true, axes: 'TYXS', shape: [recording.frames, 240, 320, 3], planes: recording.frames });
      expect(seen.frames.at(-1)![0]).toBe(recording.end!.frame);
    }
    const { items } = await server.json<{ items: Marker[] }>('/api/streams/cam/markers?kind=recording');
    expect(items.map(({ open, frame }) => [open, frame])).toEqual(
      after.map(({ start }) => [false, start!.frame]).sort((a, b) => Number(a[1]) - Number(b[1])),
    );
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

it('a disk that takes no more ends the recording with a reason and a file that can be read', { timeout: 120_000 }, async () => {
  await using server = await testServer({ streams: { cam: microscope(320, 240) }, recordingsMinFree: Number.MAX_SAFE_INTEGER });
  const { id } = await server.json<Recording>('/api/streams/cam/recordings', post({}));
  expect(await ended(server, 'cam', id)).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(/^no frame was recorded: the disk has only [\d.]+ .B left; .* must stay free \(recordingsMinFree\)$/),
  });

  if (process.platform === 'win32') return;
  // The system itself takes no more in the middle of a page.
  const dataDir = await mkdtemp(join(tmpdir(), 'recording-'));
  const config = { streams: { cam: microscope(320, 240) }, dvr: { mode: 'off' as const } };
  const limited = await serve(dataDir, config, { fileBlocks: 4000 });
  try {
    const ask = async (path: string, init?: RequestInit) => (await (await fetch(new URL(path, limited.url), init)).json()) as Recording;
    const begun = await ask('/api/streams/cam/recordings', post({}));
    const now = () => ask(`/api/streams/cam/recordings/${begun.id}`);
    await expect.poll(async () => (await now()).state, SOON).toBe('finished');
    const recording = await now();
    expect(recording.reason).toBe('the system allows no larger file');
    expect(recording.frames).toBeGreaterThan(5);
    if (!python) return;
    const seen = await look(join(dataDir, 'recordings', 'cam', recording.file));
    expect(seen).toMatchObject({ ome: true, shape: [recording.frames, 240, 320] });
    expect(seen.frames.at(-1)![0]).toBe(recording.end!.frame);
  } finally {
    await kill(limited.child);
    await rm(dataDir, { recursive: true, force: true });
  }
});
