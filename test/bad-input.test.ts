// Whatever comes in from outside: the answer says what was received and what is allowed, the server lives, other streams go on.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { readFrameHeader, writeFrameHeader } from '../src/formats/frame-header.ts';
import { npy } from './pictures.ts';
import { type TestServer, testServer } from './server.ts';

const MAX_FRAME = 1_000_000;

let server: TestServer;
/** A viewer of a stream that nobody disturbs. */
let watcher: WebSocket;
let newest = 0;

beforeAll(async () => {
  server = await testServer({
    maxFrameBytes: MAX_FRAME,
    dvr: { mode: 'off' },
    streams: {
      healthy: { source: { type: 'pattern', width: 160, height: 120, fps: 20 } },
      fixed: { source: { type: 'push' } },
    },
  });
  watcher = new WebSocket(new URL('/live/healthy/ws?codec=jpeg', server.url));
  watcher.on('message', (data: Buffer, binary: boolean) => {
    if (!binary) return;
    newest = readFrameHeader(data).id;
    watcher.emit('picture');
  });
  await once(watcher, 'picture', { signal: AbortSignal.timeout(20_000) });
});

afterEach(async () => {
  const before = newest;
  while (newest <= before) await once(watcher, 'picture', { signal: AbortSignal.timeout(10_000) });
  expect((await server.fetch('/healthz')).status).toBe(200);
});

afterAll(async () => {
  watcher?.close();
  await server?.close();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** A request whose path goes out letter by letter: fetch would tidy it up. */
function send(path: string, sent: Sent = {}): Promise<Answer> {
  const { port } = server;
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method: sent.method ?? 'GET', headers: sent.headers ?? {} }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data) => {
        text += data;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', text }));
    });
    call.once('error', reject);
    call.end(sent.body);
  });
}

/** The answer is a problem document of this status and code, and its sentence holds each text. */
function expectProblem(answer: Answer, status: number, code: string, ...texts: string[]): void {
  expect(answer, answer.text.slice(0, 300)).toMatchObject({ status, type: expect.stringContaining('application/problem+json') });
  const problem = JSON.parse(answer.text) as Record<string, unknown>;
  expect(problem).toMatchObject({ code, status, title: expect.any(String), type: expect.any(String), detail: expect.any(String) });
  for (const text of texts) expect(problem.detail).toContain(text);
  expect(answer.text).not.toMatch(/\bat .*\.(ts|js):\d+|node_modules/);
}

const post = (query: string, body: string | Uint8Array = new Uint8Array(16), type = 'application/octet-stream') =>
  send(`/api/streams/bad/frames${query}`, { method: 'POST', headers: { 'content-type': type }, body });
const raw = '?width=4&height=4&format=gray';
const array = (descr: string, shape: number[], bytes: number) => npy('', descr, shape, new Uint8Array(bytes)).data;

describe('a pushed frame', () => {
  it.each<[name: string, query: string, body: string | Uint8Array, type: string, status: number, code: string, ...texts: string[]]>([
    ['one byte too few', raw, new Uint8Array(15), 'application/octet-stream', 400, 'bad-frame', 'expected 16 bytes', 'received 15'],
    ['one byte too many', raw, new Uint8Array(17), 'application/octet-stream', 400, 'bad-frame', 'expected 16 bytes', 'received 17'],
    ['no body', raw, '', 'application/octet-stream', 400, 'bad-frame', 'empty body'],
    ['width 0', '?width=0&height=4&format=gray', '0', 'application/octet-stream', 400, 'bad-value', 'width: "0"', '1 to 16384'],
    ['width too large', '?width=16385&height=1&format=gray', '0', '', 400, 'bad-value', '16385', '1 to 16384'],
    ['height NaN', '?width=4&height=NaN&format=gray', '0', '', 400, 'bad-value', 'height: "NaN"', '1 to 16384'],
    ['height negative', '?width=4&height=-4&format=gray', '0', '', 400, 'bad-value', '-4'],
    ['width 1.5', '?width=1.5&height=4&format=gray', '0', '', 400, 'bad-value', '1.5'],
    ['no width', '?height=4&format=gray', '0', '', 400, 'bad-value', 'width: nothing received'],
    ['unknown format', '?width=4&height=4&format=yuv', '0', '', 400, 'bad-value', '"yuv"', 'rgb24', 'grayf32le'],
    ['stride below a row', `${raw}&stride=3`, new Uint8Array(12), '', 400, 'bad-frame', 'stride: 3', 'at least 4'],
    ['stride NaN', `${raw}&stride=NaN`, new Uint8Array(16), '', 400, 'bad-value', 'stride: NaN'],
    ['larger than allowed', raw, new Uint8Array(MAX_FRAME + 1), '', 413, 'too-large', String(MAX_FRAME + 1), String(MAX_FRAME)],
    ['a text', '', 'hello', 'text/plain', 415, 'unsupported-media-type', 'text/plain', 'image/jpeg'],
    ['a JPEG that is none', '', 'hello', 'image/jpeg', 400, 'bad-picture', 'not a JPEG'],
    ['a JPEG that breaks off', '', new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16]), 'image/jpeg', 400, 'bad-picture'],
    ['a PNG that is none', '', 'hello', 'image/png', 400, 'bad-picture', 'not a PNG'],
    ['npy, one dimension', '', array('|u1', [16], 16), '', 400, 'bad-frame', 'shape (16,)', '(H, W)'],
    ['npy, channels first', '', array('|u1', [3, 4, 5], 60), '', 400, 'bad-frame', '(3, 4, 5)', 'channels come last'],
    ['npy, no pixels', '', array('|u1', [0, 4], 0), '', 400, 'bad-frame', '(0, 4)'],
    ['npy, int64', '', array('<i8', [2, 2], 32), '', 400, 'bad-frame', '<i8', 'uint16'],
    ['npy, objects', '', array('|O', [2, 2], 32), '', 400, 'bad-frame', '|O'],
    ['npy, cut off', '', array('<u2', [4, 4], 31), '', 400, 'bad-frame', 'expected 32 bytes', 'received 31'],
    [
      'time in seconds',
      `${raw}&timestamp=1763640000.12`,
      new Uint8Array(16),
      '',
      400,
      'bad-timestamp',
      'looks like seconds; expected 1763640000120000',
    ],
    [
      'time in milliseconds',
      `${raw}&timestamp=1763640000120`,
      new Uint8Array(16),
      '',
      400,
      'bad-timestamp',
      'looks like milliseconds; expected 1763640000120000',
    ],
    [
      'time in nanoseconds',
      `${raw}&timestamp=1763640000120000000`,
      new Uint8Array(16),
      '',
      400,
      'bad-timestamp',
      'looks like nanoseconds; expected 1763640000120000',
    ],
    ['time NaN', `${raw}&timestamp=NaN`, new Uint8Array(16), '', 400, 'bad-timestamp', 'NaN', 'RFC 3339'],
    ['no such day', `${raw}&timestamp=2026-02-30T25:00:00Z`, new Uint8Array(16), '', 400, 'bad-timestamp', '2026-02-30'],
    ['metadata that is no JSON', `${raw}&metadata={`, new Uint8Array(16), '', 400, 'bad-value', 'metadata', 'JSON object'],
    ['metadata that is no object', `${raw}&metadata=[1]`, new Uint8Array(16), '', 400, 'bad-value', 'metadata', 'JSON object'],
  ])('%s', async (_name, query, body, type, status, code, ...texts) => {
    expectProblem(await post(query, body, type || 'application/octet-stream'), status, code, ...texts);
  });

  it('goes into a stream with a source of its own', async () => {
    const answer = await send(`/api/streams/healthy/frames${raw}`, { method: 'POST', body: new Uint8Array(16) });
    expectProblem(answer, 409, 'conflict', 'healthy', 'pattern');
  });

  it('repeats a time, goes back, or comes from the future: 202 with the reason', async () => {
    const at = async (timestamp: number) => JSON.parse((await post(`${raw}&timestamp=${timestamp}`)).text) as Record<string, unknown>;
    const now = Date.now() * 1000;
    expect(await at(now)).toMatchObject({ timestamp: now, id: expect.any(Number) });
    for (const [time, dropped] of [
      [now, 'not-rising'],
      [now - 1, 'not-rising'],
      [now + 60_000_000, 'future'],
    ] as const) {
      expect(await at(time)).toMatchObject({ id: 0, timestamp: time, dropped });
    }
    const stats = await server.json<{ ledger: { refused: Record<string, number> } }>('/api/streams/bad/stats');
    expect(stats.ledger.refused).toMatchObject({ 'not-rising': 2, future: 1 });
  });
});

describe('a publishing socket', () => {
  const header = (change: (view: DataView) => void): Uint8Array => {
    const bytes = writeFrameHeader({ format: 'gray', width: 4, height: 4, payloadBytes: 16 });
    change(new DataView(bytes.buffer));
    return Buffer.concat([bytes, new Uint8Array(16)]);
  };

  it('answers each broken message and takes the next frame', async () => {
    const socket = new WebSocket(new URL('/api/streams/bad-socket/frames', server.url));
    await once(socket, 'open');
    const ask = async (message: string | Uint8Array) => {
      socket.send(message);
      const [data] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
      return JSON.parse(String(data)) as Record<string, unknown>;
    };
    for (const [name, message, code, text] of [
      ['text', '{}', 'bad-request', 'binary'],
      ['empty', new Uint8Array(), 'bad-frame', 'at least 48'],
      ['half a header', new Uint8Array(47), 'bad-frame', '47'],
      ['another magic', header((view) => view.setUint8(0, 0x58)), 'bad-frame', 'SLF1'],
      ['payload too short', header(() => {}).subarray(0, 60), 'bad-frame', '16'],
      ['payload too long', Buffer.concat([header(() => {}), new Uint8Array(5)]), 'bad-frame', '16'],
      ['another length', header((view) => view.setUint32(20, 15, true)), 'bad-frame', 'expected 16 bytes'],
      ['width 0', header((view) => view.setUint32(8, 0, true)), 'bad-frame', 'width: 0'],
      ['height 2^31', header((view) => view.setUint32(12, 2 ** 31, true)), 'bad-frame', 'height: 2147483648'],
      ['format 99', header((view) => view.setUint8(7, 99)), 'bad-frame', 'format: 99'],
      ['encoding 9', header((view) => view.setUint8(6, 9)), 'bad-frame', 'encoding: 9'],
      ['compressed', header((view) => view.setUint8(6, 4)), 'bad-frame', 'raw, jpeg or png'],
      ['metadata of 4 GB', header((view) => view.setUint32(40, 2 ** 32 - 1, true)), 'bad-frame', 'metadata bytes'],
      ['time in seconds', header((view) => view.setBigInt64(32, 1763640000n, true)), 'bad-timestamp', 'looks like seconds'],
      ['time before time', header((view) => view.setBigInt64(32, -(2n ** 63n), true)), 'bad-frame', 'capture time'],
    ] as const) {
      const answer = await ask(message);
      expect(answer, name).toMatchObject({ type: 'error', code });
      expect(answer.detail, name).toContain(text);
    }
    expect(await ask(header(() => {}))).toMatchObject({ type: 'ack', id: 1 });
    socket.close();
    await once(socket, 'close');
  });

  it('is closed by a message that is too large', async () => {
    const socket = new WebSocket(new URL('/api/streams/bad-socket/frames', server.url));
    await once(socket, 'open');
    socket.send(new Uint8Array(MAX_FRAME + 100_000));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
  });

  it('many frames in one POST: the broken one ends it, those before are kept', async () => {
    const good = header(() => {});
    const { status, text } = await send('/api/streams/bad-many/frames', {
      method: 'POST',
      headers: { 'content-type': 'application/x-sluice-frames' },
      body: Buffer.concat([good, good, Buffer.from('no frame at all, but long enough to be a header of 48 bytes')]),
    });
    const lines = text.trim().split('\n');
    expect(status).toBe(202);
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['ack', 'ack', 'error']);
    expect(lines[2]).toContain('SLF1');
  });
});

describe('configuration over REST', () => {
  const put = (body: string, name = 'made') =>
    send(`/api/streams/${name}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });

  it.each<[name: string, body: string, code: string, ...texts: string[]]>([
    ['broken JSON', '{"source": ', 'bad-request'],
    ['NaN', '{"source": {"type": "pattern", "fps": NaN}}', 'bad-request'],
    ['an infinite number', '{"source": {"type": "pattern", "fps": 1e999}}', 'bad-value', 'fps'],
    ['null', '{"source": {"type": "pattern", "fps": null}}', 'bad-value', 'fps'],
    ['a number as text', '{"source": {"type": "pattern", "width": "640"}}', 'bad-value', 'width', '640'],
    ['0 fps', '{"source": {"type": "pattern", "fps": 0}}', 'bad-value', 'fps', '0'],
    ['a width that is too small', '{"source": {"type": "pattern", "width": 8}}', 'bad-value', 'width', '16'],
    ['an odd kind', '{"source": {"type": "pattern", "kind": "cats"}}', 'bad-value', 'cats', 'checkerboard'],
    ['an unknown source', '{"source": {"type": "exec"}}', 'bad-value', 'type', 'push'],
    ['an unknown key', '{"titel": "x"}', 'unknown-key', 'titel', 'title'],
    ['a wrong time', '{"dvr": {"window": "10 parsecs"}}', 'bad-value', 'window', '10m'],
    ['a list', '[]', 'bad-value'],
    ['a prototype', '{"__proto__": {"x": 1}}', 'bad-request'],
  ])('%s', async (_name, body, code, ...texts) => {
    expectProblem(await put(body), 400, code, ...texts);
    expect((await send('/api/streams/made')).status).toBe(404);
  });

  it('a body of 2 MB', async () => {
    expectProblem(await put(JSON.stringify({ title: 'x'.repeat(2_000_000) })), 413, 'too-large', '1048576');
  });

  it('params: NaN, unknown and wrong ones change nothing', async () => {
    const patch = (body: string) =>
      send('/api/streams/patched/params', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body });
    expect((await put('{"source": {"type": "pattern"}}', 'patched')).status).toBe(201);
    const before = (await send('/api/streams/patched/params')).text;
    expectProblem(await patch('{"fps": NaN}'), 400, 'bad-request');
    expectProblem(await patch('{"fps": -1e999}'), 400, 'bad-value', 'fps');
    expectProblem(await patch('{"fsp": 20}'), 400, 'unknown-key', 'fsp', 'fps');
    expectProblem(await patch('[1]'), 400, 'bad-value');
    expect((await send('/api/streams/patched/params')).text).toBe(before);
  });

  it('a stream of the configuration', async () => {
    expectProblem(await put('{"title": "mine"}', 'fixed'), 409, 'read-only', 'fixed');
    expectProblem(await send('/api/streams/fixed', { method: 'DELETE' }), 409, 'read-only', 'fixed');
  });
});

describe('addresses', () => {
  it.each([
    '/api/streams/nobody',
    '/api/streams/nobody/stats',
    '/api/streams/nobody/params',
    '/live/nobody/hls/index.m3u8',
    '/live/nobody/hls/video/media.m3u8',
    '/live/nobody/mjpeg',
    '/live/nobody/snapshot.jpg',
    '/live/nobody/timeline.json',
  ])('an unknown stream: %s', async (path) => expectProblem(await send(path), 404, 'unknown-stream', 'nobody'));

  it('an unknown stream over WebSocket', async () => {
    const socket = new WebSocket(new URL('/live/nobody/ws?codec=jpeg', server.url));
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('404');
  });

  it.each([
    '/api/streams/..%2f..%2fetc',
    '/api/streams/%2e%2e',
    '/api/streams/%2e',
    '/api/streams/a%00b',
    '/api/streams/a%20b',
    `/api/streams/${'x'.repeat(65)}`,
    '/live/..%2f..%2fetc%2fpasswd/snapshot.jpg',
    '/live/healthy/hls/video/..%2f..%2f..%2fsluice.db',
    '/live/healthy/hls/video/%2e%2e/%2e%2e/%2e%2e/sluice.db',
    '/live/healthy/hls/video/../../../../../../../../etc/passwd',
    '/live/healthy/hls/video/s1-0000000g.m4s',
    '/live/healthy/hls/video/..\\..\\sluice.db',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/../../../../package.json',
    '/%c0%ae%c0%ae/package.json',
    '/live/healthy/snapshot.exe',
  ])('a path that leaves its place: %s', async (path) => {
    const answer = await send(path);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.text).not.toContain('SQLite');
    expect(answer.text).not.toContain('optionalDependencies');
    const put = await send(path, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(put.status).toBeGreaterThanOrEqual(400);
    expect(put.status).toBeLessThan(500);
  });

  it.each<[path: string, code: string, ...texts: string[]]>([
    ['/live/healthy/snapshot.jpg?frame=0', 'bad-value', 'frame'],
    ['/live/healthy/snapshot.jpg?frame=NaN', 'bad-value', 'frame'],
    ['/live/healthy/snapshot.jpg?timestamp=1763640000', 'bad-timestamp', 'looks like seconds'],
    ['/live/healthy/snapshot.jpg?quality=1000', 'bad-value', 'quality', '100'],
    ['/live/healthy/mjpeg?quality=abc', 'bad-value', 'quality'],
    ['/live/healthy/mjpeg?width=1', 'bad-value', 'width', '16'],
    ['/live/healthy/hls/video/media.m3u8?_HLS_msn=-1', 'bad-value', '_HLS_msn'],
    ['/live/healthy/hls/video/media.m3u8?_HLS_part=1', 'bad-value', '_HLS_msn'],
    ['/live/healthy/timeline.json?start=yesterday', 'bad-timestamp', 'yesterday'],
  ])('%s', async (path, code, ...texts) => expectProblem(await send(path), 400, code, ...texts));

  it('a frame that is not kept', async () => {
    expectProblem(await send('/live/healthy/snapshot.jpg?frame=9007199254740000'), 404, 'unknown-frame', '9007199254740000');
  });

  it('a method that is not there', async () => {
    expectProblem(await send('/api/streams', { method: 'DELETE' }), 405, 'method-not-allowed', 'DELETE', 'GET');
  });
});

describe('bytes that are no request', () => {
  /** Writes to a bare socket; resolves with all that came back. */
  function talk(pieces: Iterable<string | Uint8Array>): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1');
      let text = '';
      const timer = setTimeout(() => socket.destroy(new Error(`no end of the answer: ${text.slice(0, 200)}`)), 15_000);
      socket.setEncoding('latin1').on('data', (data) => {
        text += data;
      });
      // The server may close while we still write.
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (!['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) reject(error);
      });
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(text);
      });
      for (const piece of pieces) socket.write(piece);
    });
  }

  it('a header of 10 MB', async () => {
    const answer = await talk(['GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ', 'x'.repeat(10_000_000), '\r\n\r\n']);
    // If the reset overtakes the answer nothing is left to look at; the server must then have cut the connection.
    if (answer) expect(answer).toMatch(/^HTTP\/1\.1 431 [\s\S]*application\/problem\+json[\s\S]*headers-too-large[\s\S]*16384/);
  });

  it('a header of 20 kB', async () => {
    const answer = await talk([`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`]);
    expect(answer).toMatch(/^HTTP\/1\.1 431 [\s\S]*application\/problem\+json[\s\S]*headers-too-large[\s\S]*16384/);
  });

  it.each([
    ['noise', Uint8Array.from({ length: 3000 }, (_, i) => (i * 37) % 251)],
    ['a TLS greeting', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)],
    ['a length that is no number', 'POST /api/streams/x/frames HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: many\r\n\r\n'],
    ['two lengths', 'POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ])('%s', async (_name, bytes) => {
    expect(await talk([bytes])).toMatch(/^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*bad-request/);
  });

  it('another Host', async () => {
    expectProblem(await send('/api/streams', { headers: { host: 'evil.test' } }), 403, 'bad-host', 'evil.test', 'allowHosts');
  });
});
