// Metrics, markers and data of the library: bound to the frame that this program pushed last.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import { createServer, type LibraryServer } from '../src/index.ts';

let dataDir: string;
let server: LibraryServer;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-library-'));
  server = await createServer({ port: 0, dataDir });
});
afterEach(async () => {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
});
const json = async <T>(path: string) => (await (await fetch(new URL(path, server.url))).json()) as T;

it('binds to the last frame of its own, not to the newest of the stream', async () => {
  const scope = server.stream('scope', { format: 'gray', width: 64, height: 48, metrics: { mean: { unit: 'counts' } } });
  const pixels = new Uint8Array(64 * 48);
  // Not awaited, as programs write it: order is enough.
  const pushed = scope.push(pixels);
  const sent = scope.metric({ mean: 1, profile: [1, Number.NaN] });
  const { id, timestamp } = await pushed;
  expect(await sent).toEqual({ accepted: 1, dropped: 0 });
  const other = await fetch(new URL('api/streams/scope/frames?width=64&height=48&format=gray', server.url), {
    method: 'POST',
    body: pixels,
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(((await other.json()) as { id: number }).id).toBeGreaterThan(id);
  expect(await scope.marker({ label: 'spike' })).toMatchObject({ frame: id, timestamp });
  expect(await scope.data({ boxes: [] })).toMatchObject({ frame: id, record: { boxes: [] } });
  await scope.metric({ mean: Number.NaN }, { timestamp: timestamp + 1000 });
  const { series } = await json<MetricAnswer>('api/streams/scope/metrics?step=0');
  expect(series.map(({ name, unit, value, frame }) => [name, unit, value, frame])).toEqual([
    ['mean', 'counts', [1, null], [id, id]],
    ['profile', null, [[1, null]], [id]],
  ]);
  expect((await json<MarkerPage>('api/streams/scope/markers?kind=event')).items).toMatchObject([{ label: 'spike', frame: id }]);
});

it('without a frame takes the present time; mistakes are told by the promise and end nothing', async () => {
  const scope = server.stream('scope');
  const marker = await scope.marker({ label: 'early' });
  expect(marker.frame).toBeNull();
  expect(Math.abs(marker.timestamp / 1000 - Date.now())).toBeLessThan(60_000);
  void scope.metric({ 'bad,name': 1 });
  await expect(scope.metric({ m: 'text' as never })).rejects.toMatchObject({ code: 'bad-value', details: { field: 'values.m' } });
  await expect(scope.marker({ label: 'x', timestamp: 12 })).rejects.toMatchObject({ code: 'bad-timestamp' });
  await expect(scope.data({ a: 1 }, { frame: 123_456_789 })).rejects.toMatchObject({ code: 'unknown-frame' });
});

it('what finds no place in the queue is counted and told, and a marker does not wait for it', async () => {
  const scope = server.stream('scope');
  await scope.marker({ label: 'first' });
  const profile = new Array<number>(1024).fill(0.5);
  const many = Array.from({ length: 1000 }, (_, i) => scope.metric({ profile }, { timestamp: Date.now() * 1000 + i }));
  await scope.marker({ label: 'second' });
  const taken = await Promise.all(many);
  const dropped = taken.reduce((sum, answer) => sum + answer.dropped, 0);
  const accepted = taken.reduce((sum, answer) => sum + answer.accepted, 0);
  expect(accepted + dropped).toBe(1000);
  expect(dropped).toBeGreaterThan(0);
  const stats = await json<{ metrics: object }>('api/streams/scope/stats');
  expect(stats.metrics).toEqual({ accepted, dropped });
});
