// The compatibility routes on a real server, asked as the clients of the other systems ask.
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type TestServer, testServer } from './server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(config: Parameters<typeof testServer>[0]): Promise<TestServer> {
  const server = await testServer(config);
  cleanups.push(() => server.close());
  return server;
}

const pattern = { source: { type: 'pattern', kind: 'testbars', width: 320, height: 240, fps: 30 } } as const;

describe('streamview', () => {
  const socket = async (server: TestServer, query = '') => {
    const ws = new WebSocket(new URL(`compat/streamview/ws${query}`, server.url).href.replace('http', 'ws'));
    cleanups.push(() => ws.terminate());
    const [answer] = (await Promise.race([
      once(ws, 'open').then(() => [null]),
      once(ws, 'unexpected-response').then(([, response]) => [response.statusCode]),
    ])) as [number | null];
    return { ws, status: answer };
  };
  const post = (server: TestServer, stream: string, body: unknown) =>
    server.fetch(`api/streams/${stream}/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const push = async (server: TestServer, stream: string): Promise<number> => {
    const answer = await server.json<{ id: number }>(`api/streams/${stream}/frames?width=2&height=2&format=gray`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(4),
    });
    return answer.id;
  };

  it('leads to a playlist that plays, under any path prefix', async () => {
    const server = await open({ basePath: '/lab/', streams: { bars: pattern } });
    const answer = await fetch(new URL('compat/streamview/stream/stream.m3u8', server.url), { redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('../../../live/bars/hls/index.m3u8?ll=0');
    const followed = await server.fetch('compat/streamview/stream/stream.m3u8');
    expect(followed.status).toBe(200);
    expect(followed.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    expect(await followed.text()).toMatch(/^#EXTM3U[\s\S]*video\/media\.m3u8\?/);
  });

  it('sends the numbers of the first stream that has metrics, with the id of their frame', async () => {
    const server = await open({ streams: { bars: pattern } });
    const first = await push(server, 'cells');
    expect((await post(server, 'cells', { values: { mean: 1, trace: [1, 2] } })).status).toBe(202);
    const { ws } = await socket(server);
    const id = await push(server, 'cells');
    expect(id).toBe(first + 1);
    const message = once(ws, 'message');
    await post(server, 'cells', [
      { frame: id, values: { trace: [3, 4] } },
      { frame: id, values: { mean: 57.25 } },
    ]);
    expect(JSON.parse(String((await message)[0]))).toEqual({ index: id, value: 57.25 });
    ws.send('whatever a client says is not looked at');
    const next = once(ws, 'message');
    await post(server, 'cells', { frame: id, values: { mean: 58 } });
    expect(JSON.parse(String((await next)[0]))).toEqual({ index: id + 1, value: 58 });
  });

  it('stream and metric can be chosen, in the address and in the configuration', async () => {
    const server = await open({
      compat: { streamview: { stream: 'b', metric: 'spikes' } },
      streams: { a: pattern, b: pattern, c: pattern },
    });
    const location = async (query: string) =>
      (await fetch(new URL(`compat/streamview/stream/stream.m3u8${query}`, server.url), { redirect: 'manual' })).headers.get('location');
    expect(await location('')).toContain('/live/b/');
    expect(await location('?stream=c')).toContain('/live/c/');
    const { ws } = await socket(server);
    const message = once(ws, 'message');
    await post(server, 'b', { timestamp: Date.now() * 1000, values: { mean: 1, spikes: 2 } });
    expect(JSON.parse(String((await message)[0]))).toMatchObject({ value: 2 });
    const other = await socket(server, '?stream=c&metric=mean');
    const answer = once(other.ws, 'message');
    await post(server, 'c', { timestamp: Date.now() * 1000, values: { mean: 3, spikes: 4 } });
    expect(JSON.parse(String((await answer)[0]))).toMatchObject({ value: 3 });
  });

  it('says what is missing', async () => {
    const empty = await open({});
    expect((await empty.fetch('compat/streamview/stream/stream.m3u8')).status).toBe(404);
    expect((await socket(empty)).status).toBe(404);
    const server = await open({ streams: { bars: pattern } });
    const answer = await server.fetch('compat/streamview/stream/stream.m3u8?stream=none');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'unknown-stream', detail: 'there is no stream "none"; there are: bars' });
    expect((await socket(server, '?stream=none')).status).toBe(404);
    expect((await server.fetch('compat/streamview/stream/stream0.ts')).status).toBe(404);
  });
});
