// Params of a whole stream on a real server: random changes, valid and not, at once; each holds as a whole or not at all, exactly from the
// frame that the answer names, and again after a restart.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ParamSetInfo, ParamsChanged, Preset } from '../src/api/params.ts';
import type { StreamConfigInput, StreamInfo } from '../src/api/schema.ts';
import type { MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import type { Problem } from '../src/core/errors.ts';
import { readBarcode } from '../src/formats/barcode.ts';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { type TestServer, testServer } from './server.ts';

/** `SLUICE_TEST_PATCHES=1000` for the whole figure. */
const PATCHES = Number(process.env.SLUICE_TEST_PATCHES ?? 40);

const PAINT = fileURLToPath(new URL('./programs/paint.ts', import.meta.url));

/** Of the configuration file: only there may files of the user stand. */
const fixed = (): StreamConfigInput => ({
  source: { type: 'pattern', kind: 'testbars', width: 256, height: 64, fps: 60 },
  processors: [
    // No picture is seen that it has not painted, however busy the machine.
    { use: PAINT, flow: 'every', loading: 'withhold', onError: 'withhold', deadline: '20s' },
    { use: 'histogram', params: { bins: 4, low: 0, high: 255 } },
    { use: 'motion' },
    { id: 'other', use: 'motion' },
  ],
  dvr: { mode: 'always' },
});
const config = (): StreamConfigInput => ({
  source: { type: 'pattern', kind: 'checkerboard', width: 64, height: 64, fps: 60, barcode: false },
  processors: [{ use: 'histogram', params: { bins: 4, low: 0, high: 255 } }, { use: 'motion' }, { id: 'other', use: 'motion' }],
  dvr: { mode: 'always' },
});

const json = (method: string, body?: unknown) => ({
  method,
  ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
});
const patch = async (server: TestServer, body: unknown, stream = 'cam') => {
  const response = await server.fetch(`api/streams/${stream}/params`, json('PATCH', body));
  return { status: response.status, answer: (await response.json()) as unknown };
};

async function until<T>(what: () => Promise<T | null | undefined | false>, timeoutMs = 40_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Mulberry32: the same changes in every run, others with another seed. */
function seededRandom(
  seed = Number(process.env.SLUICE_TEST_SEED) || Math.floor(Math.random() * (process.env.SLUICE_TEST_SEED === 'random' ? 2 ** 32 : 1)),
) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A change, and the addresses that are wrong in it. */
function randomPatch(random: () => number): { values: Record<string, unknown>; wrong: string[] } {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const good: (() => [string, unknown])[] = [
    () => ['level', Math.floor(random() * 100)],
    () => ['limit', 100 + Math.floor(random() * 100)],
    () => ['bins', 2 + Math.floor(random() * 30)],
    () => ['low', Math.floor(random() * 100)],
    () => ['high', 100 + Math.floor(random() * 100)],
    () => ['motion.sensitivity', Math.round(1 + random() * 98) / 100],
    () => ['other.sensitivity', Math.round(1 + random() * 98) / 100],
    () => ['other.label', pick(['a', 'b', 'c'])],
  ];
  const bad: (() => [string, unknown])[] = [
    () => ['bins', pick([0, 1.5, 'many', null, [], 1e9])],
    () => ['level', pick([-1, 300, 'x'])],
    () => ['level', 250],
    () => ['sensitivity', 0.5],
    () => ['motion.sensitivity', pick([0, 2, '0.5'])],
    () => ['other.region', { x: 1 }],
    () => ['nothing', 1],
    () => ['motion.nothing', 1],
  ];
  const entries = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(good)());
  const wrong: string[] = [];
  if (random() < 0.4) {
    for (let count = 1 + Math.floor(random() * 2); count > 0; count--) {
      const [address, value] = pick(bad)();
      // Null is the way back to the default.
      if (value === null) continue;
      entries.push([address, value]);
      wrong.push(address);
    }
  }
  const values = Object.fromEntries(entries);
  // Wrong only beside the other.
  if (values.level === 250) values.limit = 200;
  return { values, wrong: [...new Set(wrong)] };
}

/** Sees every picture: its id, the id in its barcode, and the level of its last sample. */
async function viewer(server: TestServer, stream: string) {
  const pictures: { id: number; barcode: number | undefined; level: number }[] = [];
  const socket = new WebSocket(new URL(`live/${stream}/ws?codec=raw`, server.url));
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (!binary) return;
    const { id, headerBytes, width } = readFrameHeader(data);
    const samples = data.subarray(headerBytes);
    pictures.push({ id, barcode: readBarcode(samples, width, 3)?.frame, level: samples.at(-1)! });
    socket.send(JSON.stringify({ type: 'ack', id }));
  });
  await once(socket, 'open');
  return {
    pictures,
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

describe('params of a stream', () => {
  let dataDir = '';
  let server: TestServer;
  let last: ParamSetInfo;
  const start = () => testServer({ dataDir, streams: { fixed: fixed() } });
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sluice-params-'));
    server = await start();
    expect((await server.fetch('api/streams/cam', json('PUT', { ...config(), dvr: { mode: 'off' } }))).status).toBe(201);
  }, 60_000);
  afterAll(async () => {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it(`${PATCHES} random changes, several at a time: none by half, each exactly from its frame on`, { timeout: 600_000 }, async () => {
    await until(async () => (await server.json<StreamInfo>('api/streams/fixed')).state === 'live');
    const random = seededRandom();
    await using seen = await viewer(server, 'fixed');
    // On a busy machine a user's file takes longer to load than an answer waits for it.
    const first = await until(async () => {
      const info = await server.json<ParamSetInfo>('api/streams/fixed/params');
      return info.waiting.length === 0 && info;
    });
    expect(Object.keys(first.values)).toEqual(expect.arrayContaining(['fps', 'bins', 'low', 'motion.sensitivity', 'other.sensitivity']));
    expect(first.from.low).toMatchObject({ part: 'histogram', use: 'histogram', name: 'low', live: true });
    expect(first.from.level).toMatchObject({ part: 'paint', use: 'paint.ts', name: 'level', live: true, set: 'default' });
    expect(first.schema).toMatchObject({ properties: { level: { title: 'Level', group: 'Paint', maximum: 255 } } });
    const held: ParamsChanged[] = [];
    let refused = 0;
    for (let done = 0; done < PATCHES; done += 4) {
      const batch = Array.from({ length: 4 }, () => randomPatch(random));
      const results = await Promise.all(batch.map(async (one) => ({ ...one, ...(await patch(server, one.values, 'fixed')) })));
      const valid: (ParamsChanged & { asked: Record<string, unknown> })[] = [];
      for (const { values, wrong, status, answer } of results) {
        if (!wrong.length) {
          expect(status, JSON.stringify(answer)).toBe(200);
          valid.push({ ...(answer as ParamsChanged), asked: values });
          continue;
        }
        refused++;
        expect(status).toBe(400);
        const { problems } = answer as Problem & { problems: { field: string; allowed?: string }[] };
        for (const address of wrong) {
          const named = problems.filter(({ field }) => field === address || field.startsWith(`${address}.`));
          expect(named.length, `${address} in ${JSON.stringify(problems)}`).toBeGreaterThan(0);
          for (const problem of named) expect(problem).toMatchObject({ allowed: expect.any(String) });
        }
      }
      valid.sort((a, b) => a.revision - b.revision);
      for (const { asked, ...answer } of valid) {
        expect(answer.values).toEqual({ ...(held.at(-1) ?? first).values, ...asked });
        held.push(answer);
      }
      const now = await server.json<ParamSetInfo>('api/streams/fixed/params');
      expect(now).toMatchObject({ values: (held.at(-1) ?? first).values, revision: (held.at(-1) ?? first).revision });
    }
    expect(refused).toBeGreaterThan(PATCHES / 10);
    // The lower end of the histogram is a metric of every frame: it tells with which params the frame was looked at.
    const changes = held.filter(({ changed }) => changed.includes('low'));
    expect(changes.length).toBeGreaterThan(2);
    const end = changes.at(-1)!.frames.histogram!;
    const { series } = await until(async () => {
      const answer = await server.json<MetricAnswer>('api/streams/fixed/metrics?names=histogram.low&step=0');
      return (answer.series[0]?.frame?.at(-1) ?? 0) > end && answer;
    });
    const { frame: ids = [], value: lows = [] } = series[0]!;
    expect(ids.length).toBeGreaterThan(10);
    for (const [index, id] of ids.entries()) {
      const change = changes.findLast(({ frames }) => frames.histogram! <= id!);
      expect([id, lows[index]]).toEqual([id, (change ?? first).values.low]);
    }
    // What the processor in the way of the picture has drawn, read off the pixels, with the id out of the barcode.
    const painted = held.filter(({ changed }) => changed.includes('level'));
    expect(painted.length).toBeGreaterThan(2);
    const lastPaint = painted.at(-1)!.frames.paint!;
    await until(async () => (seen.pictures.at(-1)?.id ?? 0) > lastPaint + 2);
    expect(seen.pictures.length).toBeGreaterThan(10);
    for (const { id, barcode, level } of seen.pictures) {
      expect(barcode).toBe(id);
      const change = painted.findLast(({ frames }) => frames.paint! <= id);
      expect([id, level]).toEqual([id, (change ?? first).values.level]);
    }
    // Many at once are one note on the timeline.
    const { items } = await server.json<MarkerPage>('api/streams/fixed/markers?kind=params');
    expect(items[0]).toMatchObject({ kind: 'params', label: expect.stringContaining('→') });
  });

  it('presets bring all back at once', { timeout: 60_000 }, async () => {
    const before = await server.json<ParamSetInfo>('api/streams/cam/params');
    const saved = await server.fetch('api/streams/cam/presets/at%20rest', json('PUT'));
    expect(saved.status).toBe(201);
    expect((await patch(server, { bins: 99, 'other.threshold': 0.5, fps: 30 })).status).toBe(200);
    expect((await server.fetch('api/streams/cam/presets/some', json('PUT', { values: { bins: 7 } }))).status).toBe(201);
    const wrong = await server.fetch('api/streams/cam/presets/wrong', json('PUT', { values: { bins: 1 } }));
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { code: 'bad-value', field: 'bins', received: 1 }]);
    const applied = await server.json<ParamsChanged>('api/streams/cam/presets/at%20rest/apply', json('POST'));
    expect([...applied.changed].sort()).toEqual(['bins', 'fps', 'other.threshold']);
    expect(applied.values).toEqual(before.values);
    const missing = await server.fetch('api/streams/cam/presets/others');
    expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'unknown-preset', allowed: ['at rest', 'some'] }]);
    last = applied;
  });

  it('of a stream of the configuration file: those of processors can be changed, all or none', { timeout: 60_000 }, async () => {
    expect(await server.json('api/streams/fixed/params')).toMatchObject({ from: { fps: { readOnly: true } } });
    const set = { level: 77, limit: 200, bins: 8 };
    expect(await patch(server, set, 'fixed')).toMatchObject({ status: 200, answer: { values: set } });
    const both = await patch(server, { bins: 16, level: 1, fps: 5 }, 'fixed');
    expect(both).toMatchObject({ status: 409, answer: { code: 'read-only' } });
    expect(await server.json('api/streams/fixed/params')).toMatchObject({ values: set, from: { level: { set: 'live' } } });
  });

  it('a trigger is let go by itself, once a frame has seen it', { timeout: 60_000 }, async () => {
    const pressed = await patch(server, { pressed: true }, 'fixed');
    expect(pressed).toMatchObject({ status: 200, answer: { changed: ['pressed'] } });
    await until(async () => (await server.json<ParamSetInfo>('api/streams/fixed/params')).values.pressed === false);
    const { series } = await until(async () => {
      const answer = await server.json<MetricAnswer>('api/streams/fixed/metrics?names=paint:pressed,pressed&step=0');
      return answer.series[0]?.value?.includes(1) && answer.series[0].value.at(-1) === 0 && answer;
    });
    const { frame = [], value = [] } = series[0]!;
    expect(frame[value.indexOf(1)]).toBe((pressed.answer as ParamsChanged).frame);
  });

  it('of a processor that makes its pictures: exact to the picture, with ids of the stream', { timeout: 60_000 }, async () => {
    const makes = { use: 'generate', fps: 40, params: { kind: 'plain', color: '#000020', width: 256, height: 32 } };
    const made = { source: { type: 'generate' }, processors: [makes], dvr: { mode: 'off' } };
    expect((await server.fetch('api/streams/made', json('PUT', made))).status).toBe(201);
    await using seen = await viewer(server, 'made');
    await until(async () => seen.pictures.length > 3);
    const changes: { frame: number; level: number }[] = [{ frame: 0, level: 0x20 }];
    for (const level of [0x40, 0x60, 0x80]) {
      await until(async () => (await server.json<ParamSetInfo>('api/streams/made/params')).waiting.length === 0);
      const { status, answer } = await patch(server, { color: `#0000${level.toString(16)}` }, 'made');
      expect(status).toBe(200);
      const { frame } = answer as ParamsChanged;
      changes.push({ frame, level });
      await until(async () => (seen.pictures.at(-1)?.id ?? 0) > frame + 1);
    }
    for (const { id, level } of seen.pictures) expect([id, level]).toEqual([id, changes.findLast(({ frame }) => frame <= id)!.level]);
    expect(await server.json('api/streams/made')).toMatchObject({ state: 'live', width: 256 });
  });

  it('outlive a restart of the server', { timeout: 60_000 }, async () => {
    await server.close();
    server = await start();
    expect((await server.json<ParamSetInfo>('api/streams/cam/params')).values).toEqual(last.values);
    await until(async () => (await server.json<ParamSetInfo>('api/streams/fixed/params')).waiting.length === 0);
    expect(await server.json('api/streams/fixed/params')).toMatchObject({
      values: { bins: 8, level: 77, pressed: false },
      from: { bins: { set: 'live' }, level: { set: 'live' } },
    });
    const { items } = await server.json<{ items: Preset[] }>('api/streams/cam/presets');
    expect(items.map(({ name }) => name)).toEqual(['at rest', 'some']);
    // A preset of a processor that is gone: nothing of it is applied.
    await server.fetch('api/streams/cam', json('PUT', { ...config(), processors: [] }));
    const gone = await server.fetch('api/streams/cam/presets/at%20rest/apply', json('POST'));
    expect([gone.status, await gone.json()]).toMatchObject([400, { code: 'unknown-key', problems: expect.any(Array) }]);
    expect((await server.fetch('api/streams/cam/presets/some', { method: 'DELETE' })).status).toBe(204);
  });
});
