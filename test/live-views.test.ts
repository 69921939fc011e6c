// Live views over REST: who starts and stops what, which params hold, what is refused and in which words.
import { expect, it, onTestFinished } from 'vitest';
import type { EffectiveParams, LiveView } from '../src/api/live-views.ts';
import type { ServerEvent } from '../src/api/schema.ts';
import type { ServerConfigInput } from '../src/server/config.ts';
import { testServer } from './server.ts';

const microscope = { source: { type: 'pattern', kind: 'microscope', width: 64, height: 48, fps: 20 }, linger: 0 } as const;

async function bench(
  liveViews: ServerConfigInput['liveViews'] = {},
  streams: ServerConfigInput['streams'] = { left: microscope, right: microscope },
) {
  const server = await testServer({ liveViews, streams });
  onTestFinished(() => server.close());
  const call = async <T>(method: string, path: string, body?: object) => {
    const init = body ? { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : { method };
    const answer = await server.fetch(`api/live-views${path}`, init);
    return { status: answer.status, body: (await answer.json()) as T & { code?: string; detail?: string } };
  };
  const list = async () => (await call<{ items: LiveView[] }>('GET', '')).body.items;
  return { server, call, list };
}

it('a live view wakes its source without viewers, and lets it sleep when it is stopped', async () => {
  const { server, call, list } = await bench();
  const stream = server.streams.registry.get('left');
  const events: string[] = [];
  server.liveViews.events.on('started', ({ stream: name, protocol }) => events.push(`started ${name} ${protocol}`));
  server.liveViews.events.on('stopped', ({ stream: name, protocol }) => events.push(`stopped ${name} ${protocol}`));

  // None is named: the first detector.
  const { status, body } = await call<LiveView>('POST', '/start', { protocol: 'jpeg' });
  expect({ status, ...body }).toMatchObject({ status: 200, stream: 'left', protocol: 'jpeg', by: 'request', viewers: 0 });
  await expect.poll(() => stream.state, { timeout: 20_000 }).toBe('live');
  // A second one holds the same source; it goes on while one of them holds it.
  await call('POST', '/start', { stream: 'left', protocol: 'lossless' });
  expect(await list()).toMatchObject([
    { stream: 'left', protocol: 'jpeg', state: 'live' },
    { stream: 'left', protocol: 'lossless', state: 'live' },
  ]);
  await call('POST', '/stop', { protocol: 'jpeg' });
  const { id } = stream.lastFrame!;
  await expect.poll(() => stream.lastFrame!.id, { timeout: 20_000 }).toBeGreaterThan(id + 5);
  // None is named: the first active one.
  expect((await call<{ items: LiveView[] }>('POST', '/stop', {})).body.items).toMatchObject([{ stream: 'left', protocol: 'lossless' }]);
  await expect.poll(() => stream.state, { timeout: 20_000 }).toBe('asleep');
  expect(await list()).toEqual([]);
  expect(events).toEqual(['started left jpeg', 'started left lossless', 'stopped left jpeg', 'stopped left lossless']);
  expect((await call('POST', '/stop', {})).body).toMatchObject({ code: 'not-running', status: 409 });
});

it('in exclusive mode the second protocol is told which one runs; another detector has its own', async () => {
  const { call } = await bench({ mode: 'exclusive' });
  await call('POST', '/start', { stream: 'left', protocol: 'lossless' });
  const refused = await call('POST', '/start', { stream: 'left', protocol: 'webrtc' });
  expect(refused.body).toMatchObject({ code: 'protocol-busy', status: 409, running: 'lossless', received: 'webrtc' });
  expect(refused.body.detail).toContain('left is viewed by lossless');
  expect((await call('POST', '/start', { stream: 'right', protocol: 'webrtc' })).status).toBe(200);
  await call('POST', '/stop', { stream: 'left' });
  expect((await call('POST', '/start', { stream: 'left', protocol: 'webrtc' })).status).toBe(200);
});

it('params hold for a protocol or one detector, and say where they come from', async () => {
  const { call } = await bench({ params: { lossless: { compression: 'lz4' } } });
  const params = (query: string, patch?: object) =>
    call<EffectiveParams & { changed: string[] }>(patch ? 'PATCH' : 'GET', `/params?${query}`, patch);
  expect((await params('protocol=lossless')).body).toMatchObject({
    values: { fps: null, compression: 'lz4', subsample: 1 },
    from: { fps: 'default', compression: 'config' },
  });
  expect((await params('protocol=lossless', { fps: 10, subsample: 2 })).body.changed).toEqual(['left', 'right']);
  const own = await params('protocol=lossless&stream=left', { subsample: 4 });
  expect(own.body).toMatchObject({ changed: ['left'], values: { fps: 10, subsample: 4 }, from: { fps: 'protocol', subsample: 'stream' } });
  expect((await params('protocol=lossless&stream=right')).body.values).toMatchObject({ fps: 10, subsample: 2 });
  expect((await params('protocol=lossless&stream=left', { subsample: null })).body).toMatchObject({
    values: { subsample: 2 },
    from: { subsample: 'protocol' },
  });
  // Refused whole: what is right in it holds no more than what is wrong.
  const strange = await params('protocol=lossless', { fps: 5, throttle_ms: 50 });
  expect(strange.body).toMatchObject({ code: 'unknown-key', status: 400, field: 'throttle_ms', received: 50 });
  expect(strange.body.detail).toBe('throttle_ms: 50 received; lossless takes fps, compression, level, filter, crop, subsample, binning');
  const far = await params('protocol=jpeg', { quality: 101 });
  expect(far.body).toMatchObject({ code: 'bad-value', field: 'quality', received: 101 });
  expect(far.body.detail).toContain('100');
  expect((await params('protocol=jpeg', { compression: 'zstd' })).body.code).toBe('unknown-key');
  expect((await params('protocol=lossless')).body.values).toMatchObject({ fps: 10 });
  expect((await params('protocol=tape')).status).toBe(400);
  expect((await params('protocol=jpeg&stream=nobody')).body.code).toBe('unknown-stream');
});

it('a long exposure is refused with a word about snapshots, and force overrides', async () => {
  const { server, call } = await bench(
    { longExposure: '500ms' },
    { scope: { ...microscope, exposure: 800 }, fast: { ...microscope, exposure: 20 } },
  );
  expect((await call('GET', '/long-exposure?stream=scope')).body).toMatchObject({ exposure: 800, limit: 500, long: true, from: 'config' });
  const refused = await call('POST', '/start', { stream: 'scope', protocol: 'lossless' });
  expect(refused.body).toMatchObject({
    code: 'long-exposure',
    status: 409,
    exposure: 800,
    limit: 500,
    snap: '/live/scope/snapshot.tiff?new=1',
  });
  expect(server.liveViews.active()).toEqual([]);
  expect((await call('POST', '/start', { stream: 'scope', protocol: 'lossless', force: true })).status).toBe(200);
  expect((await call('POST', '/start', { stream: 'fast', protocol: 'lossless' })).status).toBe(200);
});

it('events tell what was started and stopped', async () => {
  const { server, call } = await bench();
  const got: ServerEvent[] = [];
  const socket = new WebSocket(new URL('api/events?types=liveview&streams=left', server.url.replace('http', 'ws')));
  onTestFinished(() => socket.close());
  socket.onmessage = ({ data }) => got.push(JSON.parse(String(data)) as ServerEvent);
  await expect.poll(() => got.length, { timeout: 10_000 }).toBe(1);
  await call('POST', '/start', { stream: 'right', protocol: 'jpeg' });
  await call('POST', '/start', { stream: 'left', protocol: 'jpeg' });
  await call('POST', '/stop', { stream: 'left' });
  const seen = () => got.slice(1).map((event) => event.type === 'liveview' && `${event.action} ${event.stream} ${event.protocol}`);
  await expect.poll(seen, { timeout: 10_000 }).toEqual(['started left jpeg', 'stopped left jpeg']);
});
