// Figures for Prometheus: their format, and what players add to them.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { readExposition, seriesValue } from './exposition.ts';
import { missingTool, pythonWith } from './python.ts';
import { type TestServer, testServer } from './server.ts';

const cam = { source: { type: 'pattern', width: 320, height: 180, fps: 25 } } as const;

const report = {
  type: 'report',
  stream: 'cam',
  transport: 'jpeg',
  seconds: 5,
  latencyMs: [12, 48, 700],
  fps: 24.8,
  bitrate: 2_400_000,
  width: 320,
  quality: 90,
  dropped: 3,
  freezes: 1,
  frozenSeconds: 0.4,
  lost: null,
  resends: null,
  jitterBufferMs: null,
};

const figures = async (server: TestServer) => readExposition(await (await server.fetch('metrics')).text());

/** A socket that has been opened, and what came over it as text. */
async function open(server: TestServer, path: string): Promise<{ ws: WebSocket; texts: { type: string }[]; pictures: () => number }> {
  const ws = new WebSocket(new URL(path, server.url.replace('http', 'ws')));
  const texts: { type: string }[] = [];
  let pictures = 0;
  ws.on('message', (data, binary) => {
    if (binary) pictures++;
    else texts.push(JSON.parse(String(data)) as { type: string });
  });
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject));
  return { ws, texts, pictures: () => pictures };
}

/** The judge: the parser of Prometheus' own client for Python. */
const judge = pythonWith('prometheus_client');
if (!judge) missingTool('python3-prometheus-client');

const JUDGE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps({f.name: [f.type, len(f.samples)] for f in text_string_to_metric_families(sys.stdin.read())}))
`;

it.skipIf(!judge)('the parser of Prometheus reads the same families as ours', async () => {
  await using server = await testServer({ streams: { cam, other: cam } });
  const viewer = await open(server, 'live/cam/ws?codec=jpeg');
  await expect.poll(viewer.pictures, { timeout: 20_000 }).toBeGreaterThan(2);
  const text = await (await server.fetch('metrics')).text();
  const run = spawnSync(judge!, ['-c', JUDGE], { input: text, encoding: 'utf8' });
  expect(run.stderr).toBe('');
  const read = JSON.parse(run.stdout) as Record<string, [string, number]>;
  // The client leaves the ending of counters out.
  const ours = [...readExposition(text)].map(([name, { type, samples }]) => [
    type === 'counter' ? name.replace(/_total$/, '') : name,
    [type, samples.length],
  ]);
  expect(read).toEqual(Object.fromEntries(ours));
  viewer.ws.close();
});

it('times of encoding and sending are there without any report', async () => {
  await using server = await testServer({ streams: { cam } });
  const viewer = await open(server, 'live/cam/ws?codec=jpeg');
  await expect.poll(viewer.pictures, { timeout: 20_000 }).toBeGreaterThan(10);
  const found = await figures(server);
  for (const [name, labels] of [
    ['sluice_encode_seconds', { stream: 'cam', codec: 'jpeg' }],
    ['sluice_capture_to_encoded_seconds', { stream: 'cam', codec: 'jpeg' }],
    ['sluice_capture_to_sent_seconds', { stream: 'cam', output: 'ws-jpeg' }],
  ] as const) {
    expect(seriesValue(found, `${name}_count`, labels), name).toBeGreaterThan(10);
    const mean = seriesValue(found, `${name}_sum`, labels)! / seriesValue(found, `${name}_count`, labels)!;
    expect(mean, name).toBeGreaterThan(0);
    expect(mean, name).toBeLessThan(10);
  }
  expect(seriesValue(found, 'sluice_glass_to_glass_seconds_count', { stream: 'cam' })).toBeUndefined();
  viewer.ws.close();
});

it('reports of players are counted by stream and output; wrong, hasty and foreign ones are not', async () => {
  await using server = await testServer({ streams: { cam } });
  const events = await open(server, 'api/events');
  const viewer = await open(server, 'live/cam/ws?codec=jpeg');
  await expect.poll(viewer.pictures, { timeout: 20_000 }).toBeGreaterThan(0);
  const send = (change: object) => events.ws.send(JSON.stringify({ ...report, ...change }));
  const labels = { stream: 'cam', output: 'ws-jpeg' };
  send({});
  // Sooner than a player would.
  send({ latencyMs: [1] });
  // Nobody watches that way, and there is no such stream.
  send({ transport: 'webrtc' });
  send({ stream: 'nobody' });
  const wrong = [
    { latencyMs: [-1] },
    { latencyMs: [1e12] },
    { latencyMs: new Array(21).fill(5) },
    { fps: Number.MAX_VALUE },
    { lost: 2 },
    { transport: 'smoke' },
    { stream: '../cam' },
    { seconds: 0 },
    { who: 'me' },
  ];
  for (const change of wrong) send(change);
  await expect.poll(() => events.texts.filter(({ type }) => type === 'error').length, { timeout: 10_000 }).toBe(wrong.length);
  const found = await figures(server);
  expect(seriesValue(found, 'sluice_glass_to_glass_seconds_count', labels)).toBe(3);
  expect(seriesValue(found, 'sluice_glass_to_glass_seconds_sum', labels)).toBeCloseTo(0.76);
  expect(seriesValue(found, 'sluice_glass_to_glass_seconds_bucket', { ...labels, le: '0.05' })).toBe(2);
  expect(seriesValue(found, 'sluice_viewer_fps_count', labels)).toBe(1);
  expect(seriesValue(found, 'sluice_viewer_freezes_total', labels)).toBe(1);
  expect(seriesValue(found, 'sluice_viewer_frozen_seconds_total', labels)).toBeCloseTo(0.4);
  expect(seriesValue(found, 'sluice_viewer_dropped_frames_total', labels)).toBe(3);
  expect(seriesValue(found, 'sluice_viewer_watched_seconds_total', labels)).toBe(5);
  expect(seriesValue(found, 'sluice_viewer_loss_ratio_count', labels)).toBe(0);
  const outputs = new Set(found.get('sluice_viewer_fps')!.samples.map((sample) => `${sample.labels.stream} ${sample.labels.output}`));
  expect([...outputs]).toEqual(['cam ws-jpeg']);
  events.ws.close();
  viewer.ws.close();
});

it('with viewerReports off players are told so, and nothing is counted', async () => {
  await using server = await testServer({ streams: { cam }, viewerReports: false });
  const events = await open(server, 'api/events');
  await expect.poll(() => events.texts.find(({ type }) => type === 'hello')).toMatchObject({ reports: false });
  const viewer = await open(server, 'live/cam/ws?codec=jpeg');
  await expect.poll(viewer.pictures, { timeout: 20_000 }).toBeGreaterThan(0);
  events.ws.send(JSON.stringify(report));
  events.ws.send(JSON.stringify({ type: 'ping', t: 1 }));
  await expect.poll(() => events.texts.some(({ type }) => type === 'pong')).toBe(true);
  expect((await figures(server)).has('sluice_viewer_fps')).toBe(false);
  events.ws.close();
  viewer.ws.close();
});
