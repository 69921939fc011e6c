// Detectors on the streams of a real server: what they find is on the timeline, bound to the frame, and survives a kill.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StreamConfigInput, StreamStats } from '../src/api/schema.ts';
import type { DataPage, Marker, MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import { type TestServer, testServer } from './server.ts';

/** Its first mint squares begin after 1.5 s, 3.9 s and 9.8 s. */
const SOON = 191;

const checkerboard = (more: object = {}): StreamConfigInput => ({
  source: { type: 'pattern', kind: 'checkerboard', width: 320, height: 180, fps: 30, seed: SOON },
  processors: [{ use: 'color-patch', params: { boxes: true } }, { use: 'brightness' }],
  dvr: { mode: 'always' },
  ...more,
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until<T>(what: () => Promise<T | null | undefined | false>, timeoutMs = 40_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (performance.now() > end) throw new Error('waited in vain');
    await pause(50);
  }
}

const markersOf = async (url: string) =>
  ((await (await fetch(new URL('api/streams/board/markers', url))).json()) as MarkerPage).items.filter((marker) => marker.kind === 'patch');

const statsOf = (server: TestServer) => server.json<StreamStats>('api/streams/board/stats');

describe('processors of a stream', () => {
  it('write markers and metrics that belong to the frame', { timeout: 90_000 }, async () => {
    await using server = await testServer({ streams: { board: checkerboard() } });
    const open = await until(async () => (await markersOf(server.url)).find((marker) => marker.open));
    expect(open).toMatchObject({ id: `patch-${open.frame}`, end: null, endFrame: null, data: { processor: 'color-patch' } });
    const ended = await until(async () => (await markersOf(server.url)).find((marker) => marker.id === open.id && !marker.open));
    // 2 s of 30 frames a second, less what a busy machine loses.
    expect((ended.end! - ended.timestamp) / 1e6).toBeGreaterThan(0.3);
    expect((ended.end! - ended.timestamp) / 1e6).toBeLessThan(2.001);
    expect(ended.endFrame! - ended.frame!).toBeGreaterThan(3);

    const path = `api/streams/board/metrics?names=brightness&start=${open.timestamp}&end=${ended.end}&step=0`;
    const [series] = (await server.json<MetricAnswer>(path)).series;
    // A busy machine may lose a frame; none is bound to another one.
    expect(series!.frame!.length).toBeGreaterThan(3);
    for (const frame of series!.frame!) {
      expect(frame).toBeGreaterThanOrEqual(open.frame!);
      expect(frame).toBeLessThanOrEqual(ended.endFrame!);
    }

    const { items } = await server.json<DataPage>(`api/streams/board/data?start=${open.timestamp}&end=${ended.end}&limit=1000`);
    expect(items.length).toBeGreaterThan(3);
    expect(items[0]).toMatchObject({
      frame: open.frame,
      timestamp: open.timestamp,
      record: { boxes: [{ w: expect.any(Number), label: 'patch' }] },
    });

    const stats = await until(async () => {
      const { processors } = await statsOf(server);
      return processors.every((one) => one.inFlight === 0) && processors;
    });
    for (const { offered, processed, dropped, failed, error } of stats) {
      expect(processed + failed + Object.values(dropped).reduce((sum, count) => sum + count, 0)).toBe(offered);
      expect(processed).toBeGreaterThan(30);
      expect(error).toBeNull();
    }
    const figures = await (await server.fetch('metrics')).text();
    expect(figures).toMatch(/sluice_frames_total\{stream="board",stage="processor:color-patch",fate="processed"\} \d+/);
  });

  it('run only while frames come, end their spans then, and keep no source awake', { timeout: 90_000 }, async () => {
    await using server = await testServer({ streams: { board: checkerboard({ dvr: { mode: 'watched' }, linger: 0.1 }) } });
    await pause(300);
    const asleep = await statsOf(server);
    expect(asleep.state).toBe('asleep');
    expect(asleep.processors.map((one) => [one.running, one.offered])).toEqual([
      [false, 0],
      [false, 0],
    ]);
    const viewer = new AbortController();
    const watching = server.fetch('live/board/mjpeg?width=64', { signal: viewer.signal });
    const answer = await watching;
    void answer.body!.pipeTo(new WritableStream()).catch(() => {});
    const open = await until(async () => (await markersOf(server.url)).find((marker) => marker.open));
    viewer.abort();
    const ended = await until(async () => (await markersOf(server.url)).find((marker) => marker.id === open.id && !marker.open));
    expect(ended.endFrame).toBeGreaterThanOrEqual(ended.frame!);
    await until(async () => (await statsOf(server)).processors.every((one) => !one.running));
    expect((await statsOf(server)).state).toBe('asleep');
  });

  it('end what is open when the server closes', { timeout: 90_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-findings-'));
    try {
      let open: Marker;
      {
        await using server = await testServer({ dataDir, streams: { board: checkerboard() } });
        open = await until(async () => (await markersOf(server.url)).find((marker) => marker.open));
        const seen = (await statsOf(server)).processors[0]!.processed;
        await until(async () => (await statsOf(server)).processors[0]!.processed > seen + 5);
      }
      await using server = await testServer({ dataDir, streams: { board: checkerboard({ processors: [], dvr: {} }) } });
      const [marker] = await markersOf(server.url);
      expect(marker).toMatchObject({ id: open.id, frame: open.frame, open: false });
      expect(marker!.endFrame).toBeGreaterThan(open.frame!);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it('after kill -9 what was open ends with the last frame that is known, at the next start', { timeout: 90_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-findings-'));
    try {
      const program = fileURLToPath(new URL('programs/serve.ts', import.meta.url));
      const child = spawn(process.execPath, [program, dataDir, JSON.stringify({ streams: { board: checkerboard() } })]);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const url = String(line).trim();
      const open = await until(async () => (await markersOf(url)).find((marker) => marker.open));
      // Until some of it is in the recording, in parts that are whole: what was captured later is not known to anybody any more.
      await until(async () => {
        const timeline = (await (await fetch(new URL('live/board/timeline.json?frames=0', url))).json()) as { end: number | null };
        return (timeline.end ?? 0) > open.timestamp + 500_000;
      });
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      await using server = await testServer({ dataDir, streams: { board: checkerboard({ processors: [], dvr: {} }) } });
      const ended = await until(async () => (await markersOf(server.url)).find((marker) => marker.id === open.id && !marker.open));
      expect(ended).toMatchObject({ frame: open.frame, timestamp: open.timestamp });
      expect(ended.endFrame).toBeGreaterThanOrEqual(open.frame!);
      const { lastFrame } = server.streams.info(server.streams.registry.get('board'));
      expect(lastFrame).toBeNull();
      const timeline = await server.json<{ end: number }>('live/board/timeline.json');
      expect(ended.end).toBeLessThanOrEqual(timeline.end);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it('come and go with the configuration; those that are unchanged go on', { timeout: 90_000 }, async () => {
    await using server = await testServer();
    const put = async (processors: object[]) => {
      const body = JSON.stringify({ ...checkerboard(), processors });
      const headers = { 'content-type': 'application/json' };
      expect((await server.fetch('api/streams/board', { method: 'PUT', body, headers })).ok).toBe(true);
    };
    await put([{ use: 'brightness' }]);
    await until(async () => (await statsOf(server)).processors[0]!.processed > 5);
    await put([{ use: 'motion' }, { use: 'brightness' }]);
    const { processors } = await until(async () => {
      const stats = await statsOf(server);
      return stats.processors[0]!.processed > 5 && stats;
    });
    expect(processors.map((one) => one.id)).toEqual(['motion', 'brightness']);
    expect(processors[1]!.processed).toBeGreaterThan(processors[0]!.processed);
    const refused = await server.fetch('api/streams/board', {
      method: 'PUT',
      body: JSON.stringify({ processors: [{ use: 'magic' }] }),
      headers: { 'content-type': 'application/json' },
    });
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
      400,
      expect.stringMatching(
        /processors.*use: "magic" received; expected one of color-patch, motion, brightness, focus, histogram, onnx, pass, /,
      ),
    ]);
  });
});
