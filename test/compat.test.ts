// The compatibility routes on a real server, asked as the clients of the other systems ask.
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { readIdentities } from '../src/formats/fmp4-read.ts';
import { type TestServer, testServer } from './server.ts';
import { shapedRelay } from './shaped-relay.ts';

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
    // Numbers are told some tens of times a second: that of the frame before may come only now.
    const told: unknown[] = [];
    ws.on('message', (data) => told.push(JSON.parse(String(data))));
    await post(server, 'cells', [
      { frame: id, values: { trace: [3, 4] } },
      { frame: id, values: { mean: 57.25 } },
    ]);
    await expect.poll(() => told.at(-1), { timeout: 10_000 }).toEqual({ index: id, value: 57.25 });
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

describe('python-hls-stream', () => {
  const markersOf = async (server: TestServer, query = ''): Promise<{ time: number; text: string }[]> => {
    const answer = await server.fetch(`compat/hls-stream/markers${query}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    // The page parses it twice.
    return JSON.parse((await answer.json()) as string).markers;
  };
  const entries = (playlist: string) => playlist.split('\n').filter((line) => line && !line.startsWith('#'));
  const tag = (playlist: string, name: string) => Number(new RegExp(`^#${name}:(.*)$`, 'm').exec(playlist)?.[1]);

  /** What the page does with its first playlist. */
  const openPage = async (server: TestServer, query = '') => {
    const first = await (await server.fetch(`compat/hls-stream/video/chessboard.m3u8${query}`)).text();
    const [address] = entries(first);
    const media = async () => await (await server.fetch(`compat/hls-stream/video/${address}`)).text();
    return { first, media };
  };

  it('segments lie exactly on the clock that the page reckons: target duration times media sequence is Unix time', {
    timeout: 60_000,
  }, async () => {
    const server = await open({
      streams: {
        other: { source: { type: 'push' }, dvr: { mode: 'off' } },
        board: { source: { ...pattern.source, fps: 23.7, vary: [16, 61] }, dvr: { mode: 'always' } },
      },
    });
    const { first, media } = await openPage(server);
    expect(first).toMatch(/^#EXTM3U[\s\S]*CODECS="avc1/);
    let playlist = await media();
    const sequence = tag(playlist, 'EXT-X-MEDIA-SEQUENCE');
    while (entries(playlist).length < 3) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      playlist = await media();
    }
    // A page that looks later still reckons the same.
    expect(tag(playlist, 'EXT-X-MEDIA-SEQUENCE')).toBe(sequence);
    expect(tag(playlist, 'EXT-X-TARGETDURATION')).toBe(2);
    for (const [, duration] of playlist.matchAll(/#EXTINF:([\d.]+)/g)) expect(Number(duration)).toBe(2);
    expect(playlist).not.toMatch(/EXT-X-(GAP|PART|DISCONTINUITY|SERVER-CONTROL)/);
    const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)![1]!;
    expect((await server.fetch(`compat/hls-stream/video/${init}`)).headers.get('content-type')).toBe('video/mp4');
    for (const [i, uri] of entries(playlist).entries()) {
      const answer = await server.fetch(`compat/hls-stream/video/${uri}`);
      expect(answer.status).toBe(200);
      const samples = readIdentities(new Uint8Array(await answer.arrayBuffer()));
      const start = (sequence + i) * 2 * 90_000;
      expect(samples[0]!.pts).toBe(start);
      expect(samples.at(-1)!.pts + samples.at(-1)!.duration).toBe(start + 2 * 90_000);
      // All but the first stand where they were captured.
      for (const sample of samples.slice(1)) if (!sample.identity.repeat) expect(sample.pts).toBe(sample.identity.pts);
      for (const [k, sample] of samples.entries()) {
        if (samples[k + 1]) expect(sample.pts + sample.duration).toBe(samples[k + 1]!.pts);
      }
    }
  });

  it('markers come twice encoded, in order of time, only those after ts_start, and lead into their frame', {
    timeout: 60_000,
  }, async () => {
    const server = await open({ streams: { board: { ...pattern, dvr: { mode: 'always' } } } });
    const { media } = await openPage(server);
    await media();
    expect(await markersOf(server)).toEqual([]);
    const sums = (steps: number[]) => {
      let sum = 0;
      return steps.map((step) => (sum += step));
    };
    // A busy machine takes its time for the frames behind the first whole segment.
    let [ids, times, at]: [number[], number[], number] = [[], [], -1];
    while (at < 0 || times.length <= at + 20) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { frames } = await server.json<{ frames: { id: number[]; timestamp: number[] } }>('live/board/timeline.json');
      [ids, times] = [sums(frames.id), sums(frames.timestamp)];
      at = times.findIndex((time) => time % 2_000_000 < 100_000 && time > times[0]! + 200_000);
    }
    const wanted = [at + 9, at + 3, at + 20].map((i) => ({ id: ids[i]!, time: times[i]! }));
    for (const [i, { id }] of wanted.entries()) {
      const answer = await server.fetch('api/streams/board/markers', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ label: `Marker ${i}`, frame: id, ...(i === 1 ? { open: true } : {}) }),
      });
      expect(answer.ok).toBe(true);
    }
    const markers = await markersOf(server);
    expect(markers.map((marker) => marker.text)).toEqual(['Marker 1', 'Marker 0', 'Marker 2']);
    for (const [i, marker] of markers.entries()) {
      const frame = wanted[[1, 0, 2][i]!]!;
      expect(marker.time).toBeGreaterThan(frame.time / 1e6);
      expect(marker.time - frame.time / 1e6).toBeLessThan(0.005);
    }
    expect(await markersOf(server, `?ts_start=${markers[0]!.time}`)).toEqual(markers.slice(1));
    expect(await markersOf(server, `?ts_start=${markers[2]!.time}`)).toEqual([]);
    expect(await markersOf(server, '?ts_start=-1.0')).toEqual(markers);
    expect((await server.fetch('compat/hls-stream/markers?ts_start=soon')).status).toBe(400);
  });

  it('takes the stream that is asked for, else that of the configuration, and carries the choice and the token along', {
    timeout: 60_000,
  }, async () => {
    const server = await open({
      token: 'all-of-it-1234567',
      viewToken: 'only-watch-1234567',
      streams: { a: pattern, b: { ...pattern, dvr: { mode: 'always' } } },
      compat: { hlsStream: { stream: 'b' } },
    });
    const { first, media } = await openPage(server, '?token=only-watch-1234567');
    expect(first).toContain('token=only-watch-1234567');
    const playlist = await media();
    const [uri] = entries(playlist);
    const body = await (await server.fetch(`compat/hls-stream/video/${uri}`)).arrayBuffer();
    const direct = await server.fetch(`live/b/hls/video/${uri}`);
    expect(direct.status).toBe(200);
    expect(body.byteLength).toBe((await direct.arrayBuffer()).byteLength);
    expect((await server.fetch('compat/hls-stream/video/x.m3u8?stream=none&token=only-watch-1234567')).status).toBe(404);
    expect((await server.fetch('compat/hls-stream/video/x.m3u8')).status).toBe(401);
    expect((await server.fetch('compat/hls-stream/video/chessboard0.ts?token=only-watch-1234567')).status).toBe(404);
  });
});

describe('ReRo-CCTV', () => {
  const camera = { source: { type: 'pattern', width: 320, height: 192, fps: 20 } } as const;

  const watch = async (server: TestServer, path: string, port = server.port) => {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/${path}`);
    cleanups.push(() => ws.terminate());
    const pictures: Buffer[] = [];
    ws.on('message', (data: Buffer) => pictures.push(data));
    await once(ws, 'open');
    return { ws, pictures };
  };

  it('sends whole JPEGs and nothing else; the same quality is encoded once', async () => {
    const server = await open({ streams: { camera } });
    const viewers = [
      await watch(server, 'websocket/80'),
      await watch(server, 'websocket/80'),
      await watch(server, 'websocket/40?stream=camera'),
    ];
    for (const { pictures } of viewers) await expect.poll(() => pictures.length, { timeout: 20_000 }).toBeGreaterThan(5);
    for (const { pictures } of viewers) {
      for (const picture of pictures) {
        expect([...picture.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
        expect([...picture.subarray(-2)]).toEqual([0xff, 0xd9]);
      }
    }
    expect(viewers[2]!.pictures[0]!.length).toBeLessThan(viewers[0]!.pictures[0]!.length);
    const { renditions } = await server.json<{ renditions: { codec: string; running: boolean }[] }>('api/streams/camera/stats');
    expect(renditions.filter(({ codec, running }) => codec === 'jpeg' && running)).toHaveLength(2);
  });

  it('gives a viewer behind a narrow way a lower quality, though it acknowledges nothing, and nobody else', async () => {
    const noise = { source: { type: 'pattern', kind: 'noise', width: 320, height: 192, fps: 20 } } as const;
    const server = await open({ streams: { noise } });
    const running = async () => {
      const { renditions } = await server.json<{ renditions: { key: string; readers: number }[] }>('api/streams/noise/stats');
      return renditions.flatMap(({ key, readers }) => (readers > 0 ? (/^jpeg.*quality=(\d+)/.exec(key)?.slice(1).map(Number) ?? []) : []));
    };
    const free = await watch(server, 'websocket/95');
    const [first] = (await once(free.ws, 'message')) as [Buffer];
    const relay = await shapedRelay(server.port, first.length * 8 * 4);
    cleanups.push(() => relay[Symbol.asyncDispose]());
    const narrow = await watch(server, 'websocket/95', relay.port);
    // A machine that is busy beyond measure is a narrow way for both: the other one's pictures are better all the same.
    const seen = async () => ({
      qualities: (await running()).length,
      better: free.pictures.at(-1)!.length > (narrow.pictures.at(-1)?.length ?? Number.POSITIVE_INFINITY) * 1.2,
    });
    await expect.poll(seen, { timeout: 90_000, interval: 250 }).toEqual({ qualities: 2, better: true });
  }, 120_000);

  it('says why a quality is refused', async () => {
    const server = await open({ streams: { camera } });
    for (const quality of ['29', '96', 'best', '8e1']) {
      const { ws } = await watch(server, `websocket/${quality}`);
      const [code, reason] = await once(ws, 'close');
      expect([code, String(reason)]).toEqual([1003, `quality ${quality} received; allowed are whole numbers from 30 to 95`]);
    }
  });
});
