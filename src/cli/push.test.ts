// `sluice push` against a server of the test's own: what is sent, what the answers do, what is retried.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { readFrameHeader } from '../formats/frame-header.ts';
import { type CliProcess, runCli } from './run.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type OnFrame = (ws: WebSocket, message: Uint8Array, count: number) => void;

const ack = (ws: WebSocket, message: Uint8Array) =>
  ws.send(JSON.stringify({ type: 'ack', id: 1, timestamp: readFrameHeader(message).timestamp }));

interface Fake {
  readonly url: string;
  readonly frames: Uint8Array[];
  readonly requests: { path: string; authorization: string | undefined }[];
  readonly port: number;
}

async function fake(
  onFrame: OnFrame,
  options: { port?: number; refuse?: { status: number; type: string; body: string } } = {},
): Promise<Fake> {
  const frames: Uint8Array[] = [];
  const requests: Fake['requests'] = [];
  const server: Server = createServer((_, response) => response.end('not this way'));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization });
    const { refuse } = options;
    if (refuse)
      return socket.end(
        `HTTP/1.1 ${refuse.status} X\r\nContent-Type: ${refuse.type}\r\nContent-Length: ${refuse.body.length}\r\nConnection: close\r\n\r\n${refuse.body}`,
      );
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data: Buffer) => {
        const message = new Uint8Array(data);
        frames.push(message);
        onFrame(ws, message, frames.length);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const ws of sockets.clients) ws.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, frames, requests, port };
}

interface Outcome {
  readonly code: number;
  readonly errors: string;
}

function start(args: readonly string[], stdin: Readable, env: Record<string, string> = {}) {
  const abort = new AbortController();
  let errors = '';
  const io: CliProcess = {
    env,
    cwd: process.cwd(),
    stdin,
    print: () => {},
    warn: (text) => {
      errors += text;
    },
    isTTY: false,
    signal: abort.signal,
  };
  const done = runCli(['push', ...args], io).then((code): Outcome => ({ code, errors }));
  return { done, abort, seen: () => errors };
}

const gray = (value: number) => new Uint8Array(16).fill(value);
const raw = (...values: number[]) => Readable.from(values.map(gray));
const SIZE = ['--size', '4x4', '--format', 'gray'];

describe('sluice push', () => {
  it('sends raw frames with rising times of now, and says how many', async () => {
    const server = await fake(ack);
    const before = Date.now() * 1000;
    const { code, errors } = await start(['scope', ...SIZE, '--server', server.url], raw(1, 2, 3)).done;
    expect(errors).toMatch(/^3 frames in /);
    expect(code).toBe(0);
    const headers = server.frames.map(readFrameHeader);
    expect(headers.map(({ format, width, height, encoding, stride }) => [format, width, height, encoding, stride])).toEqual(
      Array(3).fill(['gray', 4, 4, 'raw', 4]),
    );
    expect(server.frames.map((message) => [...message.subarray(48)])).toEqual([1, 2, 3].map((value) => [...gray(value)]));
    const times = headers.map(({ timestamp }) => timestamp);
    expect(times[0]!).toBeGreaterThan(before - 1_000_000);
    expect(times[0]!).toBeLessThan(before + 30_000_000);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(server.requests).toEqual([{ path: '/api/streams/scope/frames', authorization: undefined }]);
  });

  it('finds y4m by itself, and uses prefix and token', async () => {
    const server = await fake(ack);
    const y4m = Readable.from([new TextEncoder().encode('YUV4MPEG2 W4 H4 F30:1 Cmono\nFRAME\n'), gray(9)]);
    const { code } = await start(['a.b', '--server', `${server.url}/user/x?token=from-the-address`], y4m).done;
    expect(code).toBe(0);
    expect(server.requests).toEqual([{ path: '/user/x/api/streams/a.b/frames', authorization: 'Bearer from-the-address' }]);
    expect((await start(['a', ...SIZE], raw(1), { SLUICE_SERVER: server.url, SLUICE_TOKEN: 'from-the-variable' }).done).code).toBe(0);
    expect(server.requests[1]?.authorization).toBe('Bearer from-the-variable');
  });

  it('has at most eight frames unanswered', async () => {
    let release: (() => void)[] = [];
    const server = await fake((ws, message) => release.push(() => ack(ws, message)));
    const push = start(['scope', ...SIZE, '--server', server.url], raw(...Array(20).keys()));
    await vi.waitFor(() => expect(server.frames.length).toBe(8), { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.frames.length).toBe(8);
    const answer = setInterval(() => {
      for (const run of release) run();
      release = [];
    }, 2);
    closers.push(() => clearInterval(answer));
    expect((await push.done).code).toBe(0);
    expect(server.frames.length).toBe(20);
  });

  it('counts what the server drops, and says why once', async () => {
    const server = await fake((ws, message, count) =>
      count === 1
        ? ack(ws, message)
        : ws.send(JSON.stringify({ type: 'drop', timestamp: 1, reason: 'not-rising', detail: 'times must rise' })),
    );
    const { code, errors } = await start(['scope', ...SIZE, '--server', server.url], raw(1, 2, 3)).done;
    expect(code).toBe(0);
    expect(errors).toMatch(/1 frames in .* 2 dropped \(not-rising\)/);
    expect(errors.match(/times must rise/g)).toHaveLength(1);
  });

  it('fails if no frame was accepted', async () => {
    const server = await fake((ws) => ws.send(JSON.stringify({ type: 'drop', timestamp: 1, reason: 'future' })));
    expect(await start(['scope', ...SIZE, '--server', server.url], raw(1)).done).toMatchObject({
      code: 1,
      errors: expect.stringContaining('no frame was accepted'),
    });
  });

  it('ends when another program takes over, or the server refuses frames', async () => {
    // One frame, then silence: the end must not wait for the next one.
    const endless = () => {
      const stdin = new PassThrough();
      stdin.write(gray(1));
      return stdin;
    };
    const replacing = await fake((ws) => {
      ws.send('{"type":"replaced"}');
      ws.close(4001);
    });
    expect(await start(['scope', ...SIZE, '--server', replacing.url], endless()).done).toMatchObject({
      code: 1,
      errors: expect.stringContaining('another program has taken over'),
    });
    const refusing = await fake((ws) => ws.send(JSON.stringify({ type: 'error', code: 'frame-too-large', detail: 'ring: too large' })));
    expect(await start(['scope', ...SIZE, '--server', refusing.url], endless()).done).toMatchObject({
      code: 1,
      errors: expect.stringContaining('ring: too large'),
    });
  });

  it('comes back when the server does, and drops in between', async () => {
    const first = await fake((ws, message, count) => (count < 3 ? ack(ws, message) : ws.terminate()));
    const stdin = new PassThrough();
    const feed = setInterval(() => stdin.write(gray(1)), 5);
    closers.push(() => clearInterval(feed));
    const push = start(['scope', ...SIZE, '--server', first.url], stdin);
    await vi.waitFor(() => expect(push.seen()).toContain('was lost'), { timeout: 20_000 });
    await vi.waitFor(() => expect(first.requests.length).toBeGreaterThan(1), { timeout: 20_000 });
    await vi.waitFor(() => expect(push.seen()).toContain('connected again'), { timeout: 20_000 });
    clearInterval(feed);
    stdin.end();
    const { code, errors } = await push.done;
    expect(code).toBe(0);
    expect(errors).toMatch(/\d+ lost \(no connection\)/);
  });

  it('ends with 130 on Ctrl-C', async () => {
    const server = await fake(ack);
    const stdin = new PassThrough();
    stdin.write(gray(1));
    const push = start(['scope', ...SIZE, '--server', server.url], stdin);
    await vi.waitFor(() => expect(server.frames.length).toBe(1), { timeout: 20_000 });
    push.abort.abort();
    expect((await push.done).code).toBe(130);
  });

  const problem = (status: number, code: string, detail: string) => ({
    status,
    type: 'application/problem+json',
    body: JSON.stringify({ status, code, detail }),
  });
  it.each([
    ['a refusal', problem(401, 'unauthorized', 'A token is needed.'), /A token is needed\./],
    ['another server', { status: 404, type: 'text/html', body: '<h1>404</h1>' }, /status 404; there is no Sluice server/],
    ['a redirect', { status: 302, type: 'text/html', body: '' }, /status 302 \(it points to elsewhere\)/],
    ['a broken gateway', { status: 502, type: 'text/html', body: '' }, /status 502/],
  ])('says what is wrong: %s', async (_, refuse, message) => {
    const server = await fake(() => {}, { refuse });
    const { code, errors } = await start(['scope', ...SIZE, '--server', server.url], raw(1)).done;
    expect([code, errors]).toEqual([1, expect.stringMatching(message)]);
  });

  it('says when nobody listens, or what does is no server', async () => {
    const plain = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => plain.once('listening', resolve));
    const { port } = plain.address() as AddressInfo;
    await new Promise((resolve) => plain.close(resolve));
    const nobody = await start(['scope', ...SIZE, '--server', `http://127.0.0.1:${port}`], raw(1)).done;
    expect([nobody.code, nobody.errors]).toEqual([1, expect.stringMatching(/nobody listens there/)]);
  });

  it.each([
    ['a bad name', ['a b', ...SIZE], /"a b" is not a stream name/],
    ['a bad size', ['a', '--size', '4'], /--size: "4" received; expected WIDTHxHEIGHT/],
    ['a size of zero', ['a', '--size', '0x4'], /--size: "0" received/],
    ['a bad format', ['a', '--format', 'rgb'], /--format: "rgb" is not a pixel format; allowed are gray, /],
    ['a bad rate', ['a', '--fps', 'x'], /--fps: "x" received/],
    ['a missing file', ['a', '-i', 'nothing-here.mp4'], /there is no file .*nothing-here\.mp4/],
  ])('refuses %s before it connects', async (_, args, message) => {
    const { code, errors } = await start(args, raw(1)).done;
    expect([code, errors]).toEqual([2, expect.stringMatching(message)]);
  });

  it('asks for a size when the bytes do not say it', async () => {
    const server = await fake(ack);
    const { code, errors } = await start(['a', '--server', server.url], raw(1)).done;
    expect([code, errors]).toEqual([2, expect.stringMatching(/raw frames need --size WxH/)]);
    expect((await start(['a', '--server', 'localhost:8000'], raw(1)).done).errors).toMatch(/expected an address such as http/);
  });

  it('sends the frames of a file, in their own rhythm', async () => {
    const server = await fake(ack);
    const { code } = await start(['scope', '-i', 'lavfi:testsrc=size=64x48:rate=20:duration=0.5', '--server', server.url], raw()).done;
    expect(code).toBe(0);
    const headers = server.frames.map(readFrameHeader);
    expect(headers.length).toBe(10);
    expect(headers.every(({ width, height }) => width === 64 && height === 48)).toBe(true);
    for (const [index, header] of headers.slice(1).entries()) expect(header.timestamp - headers[index]!.timestamp).toBe(50_000);
  });
});
