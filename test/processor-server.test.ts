// Streams of a processor server, the whole way: a publisher, a trickle server, the processor, and readers of all that it publishes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeClip, type Unit } from '../bench/pytrickle/clip.ts';
import { create, PlainPublisher, readChannel, remove, sendInTime } from '../bench/pytrickle/plain.ts';
import type { StreamInfo } from '../src/api/schema.ts';
import { Scope } from '../src/core/scope.ts';
import type { StreamProcessorOptions } from '../src/processor-server/options.ts';
import { runStreamProcessor } from '../src/processor-server/run.ts';
import { WITHHOLD } from '../src/processors/define.ts';
import { TrickleServer } from '../src/trickle/server.ts';
import { TrickleSubscriber } from '../src/trickle/subscriber.ts';
import { hasTool } from './tools.ts';

/** 200 for the measurement of the closing note. */
const STARTS = Number(process.env.STARTS ?? 5);
const PATIENCE_MS = 20_000;

let folder: string;
/** Two seconds, with a key frame each. */
let clip: Unit[];
const withFfmpeg = describe.skipIf(!hasTool('ffmpeg'));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-served-'));
  if (hasTool('ffmpeg')) clip = await makeClip(folder, 2, '400k', '320x180');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let scope: Scope;
afterEach(() => scope.close());

interface Event {
  readonly event: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly queue_event_type: string;
}

/** A trickle server and a processor server. */
async function bench(options: StreamProcessorOptions) {
  scope = new Scope();
  const trickle = scope.use(await TrickleServer.start({ autocreate: true }));
  const server = scope.use(await runStreamProcessor({ port: 0, ...options }));
  await server.loaded;
  const channel = (name: string) => `${trickle.url}${name}`;
  const call = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await fetch(new URL(path, server.url), init);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  /** All that comes in a channel, one text for each segment, until it ends. */
  const texts = (name: string, start = -2) => {
    const seen: string[] = [];
    const subscriber = new TrickleSubscriber(channel(name), { start, waitMissing: PATIENCE_MS });
    scope.use(subscriber);
    const ended = (async () => {
      for (let segment = await subscriber.next(); segment; segment = await subscriber.next()) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of segment) chunks.push(chunk);
        seen.push(Buffer.concat(chunks).toString());
      }
      return subscriber.reason;
    })();
    return { seen, ended };
  };
  const start = (id: string, urls: Record<string, string>, params: object = {}) =>
    call('stream/start', { gateway_request_id: id, ...urls, params });
  /** Sends the first second of the clip into a channel, all at once. */
  const send = (name: string) => {
    const publisher = new PlainPublisher(channel(name));
    publisher.next();
    for (const { bytes } of clip.slice(0, 30)) publisher.write(bytes);
    return publisher;
  };
  return { trickle, server, channel, call, texts, start, send };
}

async function until(done: () => unknown, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await delay(10);
  }
}

const eventsOf = (seen: readonly string[]) => seen.map((text) => JSON.parse(text) as Event);
const inputs = (server: { sessions: ReadonlyMap<string, { fps(): { ingress_video_fps: number } }> }, id: string) =>
  (server.sessions.get(id)?.fps().ingress_video_fps ?? 0) > 0;

withFfmpeg('a stream', () => {
  it('goes through the processor picture by picture; params, events and data go their ways, and its end is seen', async () => {
    const updates: unknown[] = [];
    const hooks: string[] = [];
    const told: boolean[] = [];
    const { server, channel, call, texts, start, send } = await bench({
      dataRecords: true,
      dataInterval: 0.05,
      video: (frame, { data }) => {
        if (frame.id % 20 === 1) data({ id: frame.id });
        frame.edit().fill(90);
        return frame;
      },
      onStart: ({ text }) => {
        hooks.push(`start ${text}`);
        // As an example of pytrickle does: its stream is there already.
        told.push(server.sendData('from the start'), server.setLoadingOverlay(true), server.setLoadingOverlay(false));
      },
      onStop: () => void hooks.push('stop'),
      onParams: (params) => {
        if (params.text === 'no') throw new Error('not this text');
        updates.push(params);
      },
    });
    for (const name of ['in', 'out']) await create(channel(name), 'video/mp2t');
    await create(channel('control'), 'application/json');
    const out = readChannel(channel('out'), AbortSignal.timeout(PATIENCE_MS));
    const [events, data] = [texts('events', 0), texts('data', 0)];
    const urls = Object.fromEntries(
      (['subscribe_url', 'publish_url', 'control_url', 'events_url', 'data_url'] as const).map((key, i) => [
        key,
        channel(['in', 'out', 'control', 'events', 'data'][i]!),
      ]),
    );
    expect(await start('job/1', urls, { max_framerate: 30, text: 'a' })).toMatchObject({
      status: 200,
      body: { status: 'success', message: 'Stream started successfully', request_id: 'job/1' },
    });
    // The segment at hand comes from its first picture on, however late its reader is.
    const publisher = send('in');
    await until(() => inputs(server, 'job/1'), 'the input');
    const sending = sendInTime(clip.slice(30), publisher, new Map());
    expect(await call('stream/status')).toMatchObject({ status: 200, body: { status: 'OK', client_active: true } });

    // The page shows where it comes from and where it goes.
    const name = [...server.sessions.values()][0]!.stream;
    const info = async () => (await (await fetch(new URL(`api/streams/${name}`, server.url))).json()) as StreamInfo;
    await until(async () => (await info()).trickle?.outs.some(({ state }) => state === 'live'), 'a live channel');
    expect(await info()).toMatchObject({
      trickle: {
        in: { channel: channel('in'), state: 'live' },
        outs: [{ channel: channel('out'), state: 'live', dropped: 0 }],
      },
    });

    // By REST: one that holds, one that the function refuses, one that is not allowed.
    expect(await call('stream/params', { text: 'b', strength: 2 })).toMatchObject({ status: 200 });
    expect(await call('stream/params', { text: 'no' })).toMatchObject({
      status: 500,
      body: { message: 'Parameter update failed: not this text' },
    });
    expect((await call('stream/params', { max_framerate: 99 })).status).toBe(500);
    // By the control channel: the same rules.
    const control = new PlainPublisher(channel('control'));
    for (const text of ['{"keep":"alive"}', 'no JSON', '{"width":5}', '{"text":"c"}']) {
      control.next();
      control.write(Buffer.from(text));
    }
    control.next();
    await until(() => updates.length === 2, 'params of the control channel');
    expect(server.sendData('from outside')).toBe(true);
    expect(server.sendMonitoringEvent({ mine: 1 })).toBe(true);

    await sending;
    await publisher.close();
    const { arrivals, endedAt } = await out;
    // In order, each at its time; a machine that stands still may cost a few.
    const times = arrivals.pictures.map(({ pts }) => pts);
    expect(times).toEqual(clip.map(({ pts }) => pts).filter((pts) => times.includes(pts)));
    expect(times.length).toBeGreaterThan(clip.length - 5);
    expect([arrivals.wrong, endedAt === null]).toEqual([[], false]);
    expect([await events.ended, await data.ended]).toEqual(['ended', 'ended']);
    // Further ones each ten seconds, where the machine is that busy.
    const said = eventsOf(events.seen).filter(({ event: { type } }, i) => i === 0 || type !== 'heartbeat');
    expect(said.map(({ event }) => event.type ?? 'mine').toSorted()).toEqual(
      [
        'heartbeat',
        'mine',
        'params_updated',
        'params_updated',
        'receive_first_ingest_segment',
        'send_first_processed_segment',
        'stream_stopped',
      ].toSorted(),
    );
    expect(said[0]).toMatchObject({
      queue_event_type: 'stream_heartbeat',
      event: { urls: { subscribe: channel('in'), data: channel('data') }, dimensions: { width: 0, height: 0 } },
    });
    expect(said.at(-1)!.event.type).toBe('stream_stopped');
    expect(said.find(({ event }) => event.mine)).toMatchObject({ queue_event_type: 'custom_monitoring_event' });
    expect(updates).toEqual([{ text: 'b', strength: 2 }, { text: 'c' }]);
    expect(hooks).toEqual(['start a', 'stop']);
    expect(told).toEqual([true, true, true]);
    const records = data.seen.flatMap((text) => JSON.parse(text) as string[]);
    expect(records).toEqual(expect.arrayContaining(['from the start', 'from outside']));
    expect(records.filter((text) => text.includes('"id"')).length).toBe(clip.length / 20);
    await until(async () => (await call('health')).body.status === 'IDLE', 'the end');
    expect((await call('api/streams')).body).toEqual({ items: [] });
  });

  it('shows the overlay by hand and by itself, leaves frames out, and withholds none before its time', async () => {
    let calls = 0;
    let withhold = false;
    const { server, channel, call, start, send } = await bench({
      overlay: { autoTimeoutSeconds: 0.2 },
      video: () => {
        calls++;
        return withhold ? WITHHOLD : null;
      },
    });
    await create(channel('in'), 'video/mp2t');
    const publisher = send('in');
    expect((await start('shown', { subscribe_url: channel('in') }, { show_loading: 'true' })).status).toBe(200);
    const stats = async () => {
      const { processors } = (await call('api/streams/shown/stats')).body as { processors: { passed: number; withheld: number }[] };
      return processors[0]!;
    };
    await until(async () => (await stats()).passed >= 20, 'held frames');
    expect(calls).toBe(0);
    expect((await call('stream/params', { show_loading: false })).status).toBe(200);
    withhold = true;
    server.setTargetFps(15);
    const again = sendInTime(clip.slice(30), publisher, new Map());
    await until(async () => (await stats()).withheld >= 10, 'withheld frames');
    await again;
    // Every second one, and all of them were shown as they were, or as loading.
    expect(calls).toBeLessThan(28);
    expect((await call('stream/stop', {})).body).toMatchObject({ status: 'success', message: 'Stream stopped successfully' });
    expect((await call('stream/stop', {})).status).toBe(400);
    await publisher.close();
  });

  it('makes its own pictures where it has no input, and ends when its output is deleted', async () => {
    const { channel, call, texts, start } = await bench({
      processor: {
        generate: ({ params }) => ({
          pixels: new Uint8Array(64 * 48).fill(Number((params as { level?: number }).level ?? 10)),
          width: 64,
          height: 48,
          format: 'gray' as const,
        }),
      },
    });
    await create(channel('made'), 'video/mp2t');
    const events = texts('events', 0);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const out = readChannel(channel('made'), signal);
    const urls = { publish_url: channel('made'), events_url: channel('events') };
    expect((await start('made', urls, { max_framerate: 60, level: 200 })).status).toBe(200);
    await until(() => events.seen.some((text) => text.includes('send_first_processed_segment')), 'its first segment');
    await until(async () => Number((await call('stream/status')).body.fps && 1), 'its status');
    await delay(300);
    await remove(channel('made'));
    expect(await events.ended).toBe('ended');
    expect(eventsOf(events.seen).at(-1)!.event).toMatchObject({ type: 'stream_stopped', reason: 'output-ended' });
    const { arrivals } = await out;
    expect(arrivals.pictures.length).toBeGreaterThan(3);
    await until(async () => (await call('health')).body.status === 'IDLE', 'the end');
  });

  it(`is started, changed, failed and stopped ${STARTS} times, and leaves nothing`, { timeout: 60_000 + STARTS * 5000 }, async () => {
    const { server, trickle, channel, call, start, send } = await bench({
      video: (frame) => {
        if (frame.id % 7 === 0) throw new Error('this one fails');
        return frame;
      },
      onParams: ({ fail }) => {
        if (fail) throw new Error('not these');
      },
    });
    const sizes: number[] = [];
    let before: readonly string[] = [];
    for (let i = 0; i < STARTS; i++) {
      const id = `run ${i}`;
      const names = ['in', 'out', 'events', 'data', 'control'].map((name) => `${name}-${i}`);
      const [input, output, events, data, control] = names as [string, string, string, string, string];
      await create(channel(input), 'video/mp2t');
      await create(channel(control), 'application/json');
      const publisher = send(input);
      const urls = {
        subscribe_url: channel(input),
        publish_url: channel(output),
        events_url: channel(events),
        data_url: channel(data),
        control_url: channel(control),
      };
      expect((await start(id, urls, { width: 64 })).status).toBe(400);
      // No channel: nothing of the others stays either.
      expect((await start(id, { ...urls, control_url: new URL('/', trickle.url).href })).status).toBe(400);
      expect((await start(id, urls)).status).toBe(200);
      expect((await start('another', urls)).status).toBe(503);
      expect((await call('stream/params', { strength: i })).status).toBe(200);
      expect((await call('stream/params', { fail: true })).status).toBe(500);
      await until(() => inputs(server, id), 'the input');
      // By the end of its input, by REST, or because it has none.
      if (i % 2) {
        await publisher.close();
        await until(async () => (await call('health')).body.status === 'IDLE', 'the end');
        expect((await call('stream/stop', {})).status).toBe(400);
      } else {
        expect((await call('stream/stop', {})).status).toBe(200);
        await publisher.close();
      }
      await remove(channel(control));
      expect((await start('missing', { subscribe_url: channel(`missing-${i}`), events_url: channel(events) })).status).toBe(200);
      await until(async () => (await call('health')).body.status === 'IDLE', 'the end of what has no input');
      expect((await call('stream/status')).body).toMatchObject({
        additional_info: { last_stream: { request_id: 'missing', reason: 'input-not-found' } },
      });
      expect((await call('api/streams')).body).toEqual({ items: [] });
      expect(trickle.channels.stats().map(({ name }) => name)).toEqual([]);
      // The first ones start the threads that all have in common.
      if (i === 2) before = open();
      collect();
      sizes.push(process.memoryUsage().rss);
    }
    await until(() => open().length <= before.length, `sockets and threads to go: ${before} at first, now ${open()}`);
    if (STARTS >= 50) {
      const settled = sizes[20]!;
      process.stdout.write(
        `resident ${Math.round(settled / 2 ** 20)} MB after 20, ${Math.round(sizes.at(-1)! / 2 ** 20)} MB after ${STARTS}\n`,
      );
      expect(sizes.at(-1)! - settled).toBeLessThan(150 * 2 ** 20);
    }
  });
});

/** Collects what nobody holds: rings in shared memory are otherwise given back late, and count as if they were held. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** What of this process is open: sockets, threads, timers are not. */
function open(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Worker|Message|Pipe|Process/.test(name));
}
