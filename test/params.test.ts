// Params of a whole stream on a real server: random changes, valid and not, at once; each holds as a whole or not at all, exactly from the
// frame that the answer names, and again after a restart.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParamSetInfo, ParamsChanged, Preset } from '../src/api/params.ts';
import type { StreamConfigInput, StreamInfo } from '../src/api/schema.ts';
import type { MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import type { Problem } from '../src/core/errors.ts';
import { type TestServer, testServer } from './server.ts';

/** `SLUICE_TEST_PATCHES=1000` for the whole figure. */
const PATCHES = Number(process.env.SLUICE_TEST_PATCHES ?? 40);

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
    () => ['bins', 2 + Math.floor(random() * 30)],
    () => ['low', Math.floor(random() * 100)],
    () => ['high', 100 + Math.floor(random() * 100)],
    () => ['motion.sensitivity', Math.round(1 + random() * 98) / 100],
    () => ['other.sensitivity', Math.round(1 + random() * 98) / 100],
    () => ['other.label', pick(['a', 'b', 'c'])],
  ];
  const bad: (() => [string, unknown])[] = [
    () => ['bins', pick([0, 1.5, 'many', null, [], 1e9])],
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
  return { values, wrong: [...new Set(wrong)] };
}

describe('params of a stream', () => {
  let dataDir = '';
  let server: TestServer;
  let last: ParamSetInfo;
  const start = () =>
    testServer({
      dataDir,
      streams: { fixed: { ...config(), processors: [{ use: 'histogram', params: { bins: 4 } }], dvr: { mode: 'off' } } },
    });
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sluice-params-'));
    server = await start();
    expect((await server.fetch('api/streams/cam', json('PUT', config()))).status).toBe(201);
  }, 60_000);
  afterAll(async () => {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it(`${PATCHES} random changes, several at a time: none by half, each exactly from its frame on`, { timeout: 600_000 }, async () => {
    await until(async () => (await server.json<StreamInfo>('api/streams/cam')).state === 'live');
    const random = seededRandom();
    const first = await server.json<ParamSetInfo>('api/streams/cam/params');
    expect(Object.keys(first.values)).toEqual(expect.arrayContaining(['fps', 'bins', 'low', 'motion.sensitivity', 'other.sensitivity']));
    expect(first.from.low).toMatchObject({ part: 'histogram', use: 'histogram', name: 'low', live: true });
    const held: ParamsChanged[] = [];
    let refused = 0;
    for (let done = 0; done < PATCHES; done += 4) {
      const batch = Array.from({ length: 4 }, () => randomPatch(random));
      const results = await Promise.all(batch.map(async (one) => ({ ...one, ...(await patch(server, one.values)) })));
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
      const now = await server.json<ParamSetInfo>('api/streams/cam/params');
      expect(now).toMatchObject({ values: (held.at(-1) ?? first).values, revision: (held.at(-1) ?? first).revision });
    }
    expect(refused).toBeGreaterThan(PATCHES / 10);
    // The lower end of the histogram is a metric of every frame: it tells with which params the frame was looked at.
    const changes = held.filter(({ changed }) => changed.includes('low'));
    expect(changes.length).toBeGreaterThan(2);
    const end = changes.at(-1)!.frames.histogram!;
    const { series } = await until(async () => {
      const answer = await server.json<MetricAnswer>('api/streams/cam/metrics?names=histogram.low&step=0');
      return (answer.series[0]?.frame?.at(-1) ?? 0) > end && answer;
    });
    const { frame: ids = [], value: lows = [] } = series[0]!;
    expect(ids.length).toBeGreaterThan(10);
    for (const [index, id] of ids.entries()) {
      const change = changes.findLast(({ frames }) => frames.histogram! <= id!);
      expect([id, lows[index]]).toEqual([id, (change ?? first).values.low]);
    }
    // Many at once are one note on the timeline.
    const { items } = await server.json<MarkerPage>('api/streams/cam/markers?kind=params');
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

  it('of a stream of the configuration file: those of processors can be changed', { timeout: 60_000 }, async () => {
    expect(await server.json('api/streams/fixed/params')).toMatchObject({
      values: { bins: 4 },
      from: { bins: { set: 'config' }, fps: { readOnly: true } },
    });
    expect((await patch(server, { bins: 8 }, 'fixed')).status).toBe(200);
    const both = await patch(server, { bins: 16, fps: 5 }, 'fixed');
    expect(both).toMatchObject({ status: 409, answer: { code: 'read-only' } });
  });

  it('outlive a restart of the server', { timeout: 60_000 }, async () => {
    await server.close();
    server = await start();
    expect((await server.json<ParamSetInfo>('api/streams/cam/params')).values).toEqual(last.values);
    expect(await server.json('api/streams/fixed/params')).toMatchObject({ values: { bins: 8 }, from: { bins: { set: 'live' } } });
    const { items } = await server.json<{ items: Preset[] }>('api/streams/cam/presets');
    expect(items.map(({ name }) => name)).toEqual(['at rest', 'some']);
    // A preset of a processor that is gone: nothing of it is applied.
    await server.fetch('api/streams/cam', json('PUT', { ...config(), processors: [] }));
    const gone = await server.fetch('api/streams/cam/presets/at%20rest/apply', json('POST'));
    expect([gone.status, await gone.json()]).toMatchObject([400, { code: 'unknown-key', problems: expect.any(Array) }]);
    expect((await server.fetch('api/streams/cam/presets/some', { method: 'DELETE' })).status).toBe(204);
  });
});
