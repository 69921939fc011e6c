// Nodes on a real server: user code that only yields, watched over HTTP and WebSocket.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { z } from 'zod';
import type { StreamInfo } from '../src/api/schema.ts';
import type { DataPage, Marker, MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import { readNpy } from '../src/formats/npy.ts';
import { createServer, defineSource, frame, type LibraryServer, runNodes } from '../src/index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(): Promise<LibraryServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-nodes-'));
  const server = await createServer({ port: 0, dataDir });
  cleanups.push(async () => {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return server;
}

const info = async (server: LibraryServer, stream: string): Promise<StreamInfo> =>
  (await (await fetch(new URL(`api/streams/${stream}`, server.url))).json()) as StreamInfo;

/** Asks until something holds; the test's own time-out is the limit. */
async function until<T>(ask: () => Promise<T> | T, done: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const pixels = new Uint8Array(64 * 48);
const ticking = (fps = 50) =>
  defineSource({
    fps,
    width: 64,
    height: 48,
    run: async function* () {
      for (;;) yield pixels;
    },
  });

/** Opens a viewer that takes JPEGs. */
async function watch(server: LibraryServer, stream: string): Promise<{ close: () => void; stall: () => void; pictures: () => number }> {
  const socket = new WebSocket(new URL(`live/${stream}/ws?codec=jpeg`, server.url).href.replace('http', 'ws'));
  let pictures = 0;
  socket.on('message', (_data, binary) => {
    if (binary) pictures++;
  });
  socket.on('error', () => {});
  cleanups.push(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return { close: () => socket.terminate(), stall: () => socket.pause(), pictures: () => pictures };
}

describe('a source of your own', () => {
  it('shows exactly the pixels that it yields', async () => {
    const server = await open();
    const values = Uint16Array.from({ length: 20 * 10 }, (_, i) => i * 300);
    const source = defineSource({
      params: z.object({ gain: z.number().default(1) }),
      run: async function* ({ params, signal }) {
        yield frame(
          values.map((value) => value * params.gain),
          { width: 20, height: 10, significantBits: 12 },
        );
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    server.stream('scope', { source, node: { params: { gain: 2 } }, title: 'My scope' });
    const shown = await until(
      () => info(server, 'scope'),
      (stream) => stream.state === 'live',
    );
    expect(shown).toMatchObject({ title: 'My scope', dtype: 'uint16', shape: [10, 20] });
    const npy = readNpy(new Uint8Array(await (await fetch(new URL('live/scope/snapshot.npy', server.url))).arrayBuffer()));
    expect(Buffer.from(npy.data)).toEqual(Buffer.from(values.map((value) => value * 2).buffer));
  });

  it('refuses wrong options before anything runs', async () => {
    const server = await open();
    const source = defineSource({ params: z.object({ gain: z.number() }), run: async function* () {} });
    const refused = (node: object) => runNodes(server, { nodes: [{ stream: 'a', source, params: { gain: 1 }, ...node }] });
    await expect(refused({ params: { gain: 'high' } })).rejects.toThrow(/a: params: gain/);
    await expect(refused({ stream: 'a b' })).rejects.toMatchObject({ code: 'bad-name' });
    await expect(refused({ fps: 0 })).rejects.toThrow('a: fps: 0 received; expected a number above 0');
    await expect(refused({ restart: 'sometimes' })).rejects.toThrow('a: restart: "sometimes" received; expected always, on-failure, never');
    await expect(refused({ backoff: { first: 100, longest: 50 } })).rejects.toThrow('backoff.longest: 50 received');
    await expect(refused({ source: { run: async function* () {} } })).rejects.toThrow('expected what defineSource gives');
    expect(() => server.stream('b', { source, node: { params: {} } })).toThrow(/b: params: gain/);
  });

  it('lets no other program push into its stream', async () => {
    const server = await open();
    server.stream('cells', { source: ticking() });
    await until(
      () => info(server, 'cells'),
      (stream) => stream.state === 'live',
    );
    const answer = await fetch(new URL('api/streams/cells/frames?width=2&height=2&format=gray', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(4),
    });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: 'conflict',
      detail: "cells gets its frames from node cells in the server's own program",
    });
    await expect(server.stream('cells').push(new Uint8Array(4))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('maps the clock of a camera', async () => {
    const server = await open();
    const source = defineSource({
      run: async function* ({ signal }) {
        for (let n = 1; n <= 3; n++) yield [frame(pixels, { width: 64, height: 48, deviceTimestamp: n * 1000 }), { metrics: { n } }];
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const before = Date.now() * 1000;
    await using runner = await runNodes(server, { nodes: [{ stream: 'cells', source }] });
    await until(
      () => runner.nodes[0]!.frames,
      (frames) => frames === 3,
    );
    const { lastFrame } = await info(server, 'cells');
    expect(Math.abs(lastFrame!.timestamp - before)).toBeLessThan(60_000_000);
  });

  it('does not fight with a source that somebody sets over REST, and sleeps when its stream is removed', async () => {
    const server = await open();
    await using runner = await runNodes(server, {
      nodes: [
        { stream: 'cells', source: ticking() },
        { stream: 'gone', source: ticking() },
      ],
    });
    await until(
      () => runner.nodes.map((node) => node.frames),
      (frames) => frames.every((count) => count > 0),
    );
    const put = await fetch(new URL('api/streams/cells', server.url), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: { type: 'pattern' } }),
    });
    expect(put.status).toBe(200);
    const [node] = await until(
      () => runner.nodes,
      ([first]) => first!.state === 'failed',
    );
    expect(node!.reason).toMatch(/^node cells failed: cells has a source of its own \(pattern\)/);
    expect((await fetch(new URL('api/streams/gone', server.url), { method: 'DELETE' })).status).toBe(204);
    await until(
      () => runner.nodes[1]!.state,
      (state) => state === 'asleep',
    );
  });

  it('sleeps for good when its stream is removed under its viewers', async () => {
    const server = await open();
    await using runner = await runNodes(server, { nodes: [{ stream: 'cells', source: ticking() }] });
    const viewer = await watch(server, 'cells');
    await until(viewer.pictures, (count) => count > 3);
    expect((await fetch(new URL('api/streams/cells', server.url), { method: 'DELETE' })).status).toBe(204);
    await until(
      () => runner.nodes[0]!.state,
      (state) => state === 'asleep',
    );
    const { starts } = runner.nodes[0]!;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(runner.nodes[0]).toMatchObject({ state: 'asleep', starts });
  });

  it('is stopped and started over REST', async () => {
    const server = await open();
    await using runner = await runNodes(server, { nodes: [{ stream: 'cells', source: ticking() }] });
    const state = async (wanted: string) =>
      await until(
        () => info(server, 'cells'),
        (stream) => stream.state === wanted,
      );
    await state('live');
    await fetch(new URL('api/streams/cells/stop', server.url), { method: 'POST' });
    await state('stopped');
    await until(
      () => runner.nodes[0]!.state,
      (now) => now === 'asleep',
    );
    await fetch(new URL('api/streams/cells/start', server.url), { method: 'POST' });
    await state('live');
    expect(runner.nodes[0]!.starts).toBe(2);
  });
});

describe('numbers and events', () => {
  it('lie on the timeline at the very frame that they were yielded with', async () => {
    const server = await open();
    const source = defineSource({
      fps: 40,
      width: 64,
      height: 48,
      run: async function* ({ signal }) {
        for (let n = 1; n <= 20; n++) {
          yield [pixels, { metrics: { n, trace: Float32Array.of(n, n + 1) } }];
          if (n % 5 === 0) yield { marker: { label: `at ${n}`, kind: 'spike' }, data: { n, boxes: [{ x: 1, y: 2, w: 3, h: 4 }] } };
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    await using runner = await runNodes(server, { nodes: [{ stream: 'cells', source, config: { metrics: { n: { unit: 'cells' } } } }] });
    await until(
      () => runner.nodes[0]!.frames,
      (frames) => frames === 20,
    );
    const get = async <T>(path: string): Promise<T> => (await (await fetch(new URL(`api/streams/cells/${path}`, server.url))).json()) as T;
    const markers = await until(
      () => get<MarkerPage>('markers'),
      ({ items }) => items.length === 4,
    );
    expect(markers.items.map(({ label, kind, frame: id }) => [label, kind, id])).toEqual(
      [5, 10, 15, 20].map((n) => [`at ${n}`, 'spike', n]),
    );
    const data = await until(
      () => get<DataPage>('data'),
      ({ items }) => items.length === 4,
    );
    expect(data.items.map(({ frame: id, record }) => [id, record.n])).toEqual([5, 10, 15, 20].map((n) => [n, n]));
    const { series } = await until(
      () => get<MetricAnswer>('metrics?step=0'),
      (answer) => answer.series.find(({ name }) => name === 'n')?.timestamp.length === 20,
    );
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(series.find(({ name }) => name === 'n')).toMatchObject({ unit: 'cells', width: 1, frame: numbers, value: numbers });
    expect(series.find(({ name }) => name === 'trace')).toMatchObject({ width: 2, value: numbers.map((n) => [n, n + 1]) });
  });

  it('from a node without frames belong to the newest frame of the stream', async () => {
    const server = await open();
    const scope = server.stream('scope', { width: 2, height: 2 });
    const { id } = await scope.push(new Uint8Array(4));
    const source = defineSource({
      run: async function* () {
        yield { marker: { id: 'm', label: 'now' } };
      },
    });
    await using runner = await runNodes(server, { nodes: [{ stream: 'scope', source, name: 'events' }] });
    await runner.ended;
    const marker = (await (await fetch(new URL('api/streams/scope/markers/m', server.url))).json()) as Marker;
    expect(marker.frame).toBe(id);
    // The program that pushes is not disturbed.
    expect((await scope.push(new Uint8Array(4))).dropped).toBeUndefined();
  });

  it('that cannot be taken are a failure of the node, in words', async () => {
    const server = await open();
    const failing = async (item: object) => {
      const source = defineSource({
        run: async function* () {
          yield item as never;
        },
      });
      await using runner = await runNodes(server, { nodes: [{ stream: 'bad', source }], restart: 'never' });
      await runner.ended;
      return runner.nodes[0]!.reason;
    };
    expect(await failing({ marker: { kind: 'a' } })).toMatch(/^node bad failed: .*label/);
    expect(await failing({ metrics: { 'a|b': 1 } })).toMatch(/^node bad failed: .*a\|b/);
    expect(await failing({ data: { frame: -1 } })).toMatch(/^node bad failed: .*frame/);
  });
});

describe('one run for all pages', () => {
  it('20 reloads and 10 viewers, one of them stalled, are one run that misses no frame', async () => {
    const server = await open();
    let runs = 0;
    const source = defineSource({
      fps: 30,
      width: 64,
      height: 48,
      run: async function* ({ run }) {
        runs = run;
        for (;;) yield pixels;
      },
    });
    await using runner = await runNodes(server, { nodes: [{ stream: 'cells', source }] });
    await until(
      () => info(server, 'cells'),
      (stream) => stream.state === 'live',
    );
    const viewers = await Promise.all(Array.from({ length: 10 }, () => watch(server, 'cells')));
    viewers.pop()!.stall();
    for (let reload = 0; reload < 20; reload++) {
      const page = await watch(server, 'cells');
      await until(page.pictures, (count) => count > 0);
      page.close();
    }
    await until(
      () => viewers.map((viewer) => viewer.pictures()),
      (counts) => counts.every((count) => count > 10),
    );
    expect(runs).toBe(1);
    expect(runner.nodes[0]).toMatchObject({ state: 'running', starts: 1, dropped: 0 });
  });

  it('on demand it runs only while somebody watches', async () => {
    const server = await open();
    await using runner = await runNodes(server, {
      nodes: [{ stream: 'cells', source: ticking(), demand: true, config: { linger: '50ms' } }],
    });
    expect(runner.nodes[0]).toMatchObject({ state: 'asleep', starts: 0 });
    expect(await info(server, 'cells')).toMatchObject({ state: 'asleep' });
    const viewer = await watch(server, 'cells');
    await until(viewer.pictures, (count) => count > 2);
    expect(await info(server, 'cells')).toMatchObject({ state: 'live' });
    viewer.close();
    await until(
      () => runner.nodes[0]!.state,
      (state) => state === 'asleep',
    );
    await until(
      () => info(server, 'cells'),
      (stream) => stream.state === 'asleep',
    );
    const again = await watch(server, 'cells');
    await until(again.pictures, (count) => count > 2);
    expect(runner.nodes[0]!.starts).toBe(2);
  });
});

describe('several nodes', () => {
  it('one that throws is told by name and started again; the other goes on', async () => {
    const server = await open();
    let broken = true;
    const shaky = defineSource({
      fps: 50,
      width: 64,
      height: 48,
      run: async function* () {
        for (let n = 0; ; n++) {
          yield pixels;
          if (broken && n === 3) throw new Error('the laser is off');
        }
      },
    });
    await using runner = await runNodes(server, {
      nodes: [
        { stream: 'steady', source: ticking() },
        { stream: 'shaky', source: shaky },
      ],
      backoff: { first: 400, longest: 400 },
    });
    const failed = await until(
      () => info(server, 'shaky'),
      (stream) => stream.state === 'failed',
    );
    expect(failed.reason).toMatch(/^node shaky failed: the laser is off; it starts again in \d+ ms$/);
    const before = runner.nodes[0]!.frames;
    await until(
      () => runner.nodes[0]!.frames,
      (frames) => frames > before + 5,
    );
    expect(runner.nodes[0]).toMatchObject({ starts: 1, state: 'running' });
    broken = false;
    await until(
      () => info(server, 'shaky'),
      (stream) => stream.state === 'live',
    );
    await until(
      () => runner.nodes[1]!.frames,
      (frames) => frames > 12,
    );
    expect((await info(server, 'shaky')).reason).toBe(null);
  });

  it('two that make frames of one stream: the second is refused in words', async () => {
    const server = await open();
    await using runner = await runNodes(server, {
      nodes: [
        { stream: 'cells', source: ticking() },
        { stream: 'cells', source: ticking(), name: 'other' },
      ],
      restart: 'never',
    });
    await until(
      () => runner.nodes[1]!.state,
      (state) => state === 'failed',
    );
    expect(runner.nodes[1]!.reason).toMatch(/^node other failed: node cells publishes into cells/);
    const frames = runner.nodes[0]!.frames;
    await until(
      () => runner.nodes[0]!.frames,
      (now) => now > frames,
    );
  });

  it('all stop with the server; who does not is left behind and named', async () => {
    const server = await open();
    let cleaned = false;
    const deaf = Promise.withResolvers<void>();
    const obedient = defineSource({
      fps: 50,
      width: 64,
      height: 48,
      run: async function* () {
        try {
          for (;;) yield pixels;
        } finally {
          cleaned = true;
        }
      },
    });
    const stubborn = defineSource({
      run: async function* () {
        yield frame(pixels, { width: 64, height: 48 });
        deaf.resolve();
        await new Promise(() => {});
      },
    });
    const runner = await runNodes(server, {
      nodes: [
        { stream: 'a', source: obedient },
        { stream: 'b', source: stubborn },
      ],
      deadline: 50,
    });
    await deaf.promise;
    await server.close();
    expect(cleaned).toBe(true);
    expect(await runner.close()).toEqual(['b']);
    expect(runner.nodes.map(({ state }) => state)).toEqual(['stopped', 'stuck']);
    await runner.ended;
  });
});
