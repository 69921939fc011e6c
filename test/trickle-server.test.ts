// Trickle channels inside the whole server: access, base path, limits, figures, TLS with HTTP/2.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SluiceError } from '../src/core/errors.ts';
import type { TrickleHooks } from '../src/trickle/http.ts';
import { TrickleServer } from '../src/trickle/server.ts';
import { makeCertificate, openssl } from './certificate.ts';
import { type TestServer, testServer } from './server.ts';
import { call, open } from './trickle-http.ts';

const TOKEN = 'token-for-everything';
const VIEW = 'token-for-watching';

describe('access to /trickle/', () => {
  let server: TestServer;
  let base: string;
  beforeAll(async () => {
    server = await testServer({ token: TOKEN, viewToken: VIEW });
    base = `${server.url}trickle/`;
  });
  afterAll(() => server.close());
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const statusOf = async (method: string, path: string, headers = {}) =>
    (await call(method, base + path, { headers, ...(method === 'POST' ? { body: 'x' } : {}) })).status;

  it('lets everything be done with the token, reading with the view token, and nothing without', async () => {
    const row = async (headers: Record<string, string>, query = '') => [
      await statusOf('POST', `cam/0${query}`, headers),
      await statusOf('GET', `cam/0${query}`, headers),
      await statusOf('DELETE', `cam${query}`, headers),
    ];
    expect(await row({})).toEqual([401, 401, 401]);
    expect(await row(bearer('wrong-token'))).toEqual([401, 401, 401]);
    expect(await row(bearer(VIEW))).toEqual([403, 404, 403]);
    expect(await row(bearer(TOKEN))).toEqual([200, 200, 200]);
    expect(await row({}, `?token=${TOKEN}`)).toEqual([200, 200, 200]);
    await statusOf('POST', 'cam/0', bearer(TOKEN));
    expect(await row({}, `?token=${VIEW}`)).toEqual([403, 200, 403]);
  });

  it('cannot be gone round by another spelling of the path or of the request', async () => {
    const { hostname, port } = new URL(base);
    const raw = (text: string) =>
      new Promise<string>((resolve, reject) => {
        let answer = '';
        const socket = connectTcp(Number(port), hostname, () => socket.end(text));
        socket.setEncoding('latin1').on('data', (chunk: string) => {
          answer += chunk;
        });
        socket.on('end', () => resolve(answer)).on('error', reject);
      });
    const targets = [
      '/trickle/cam/0',
      '//trickle/cam/0',
      '/./trickle/cam/0',
      '/x/../trickle/cam/0',
      '/%74rickle/cam/0',
      '/trickle/../trickle/cam/0',
      '/trickle//cam/0',
      `http://${hostname}:${port}/trickle/cam/0`,
      '/player.js/../trickle/cam/0',
      '/trickle/cam/0?/player.js',
      '/trickle/cam/0#/healthz',
    ];
    for (const target of targets) {
      for (const method of ['GET', 'POST', 'DELETE', 'HEAD']) {
        const answer = await raw(
          `${method} ${target} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
        );
        expect([method, target, /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]]).toEqual([method, target, expect.stringMatching(/^4\d\d$/)]);
      }
    }
    expect(server.trickle.get('cam')?.latest).toBe(1);
  });

  it('tells a publisher without rights at once, while it is still connected ahead', async () => {
    const writer = open('POST', `${base}cam/5`);
    expect((await writer.answer).status).toBe(401);
  });
});

it('needs no token from this machine, but the right Host and no foreign page', async () => {
  await using server = await testServer();
  const url = `${server.url}trickle/cam/0`;
  expect((await call('POST', url, { body: 'x' })).status).toBe(200);
  const evil = await call('GET', url, { headers: { Host: 'evil.test' } });
  expect([evil.status, JSON.parse(evil.body).code]).toEqual([403, 'bad-host']);
  const page = await call('POST', url, { body: 'x', headers: { Origin: 'http://evil.test' } });
  expect([page.status, JSON.parse(page.body).code]).toEqual([403, 'bad-origin']);
});

it('lets pages of a listed site read', async () => {
  await using server = await testServer({ origins: ['http://page.test'] });
  const url = `${server.url}trickle/cam/0`;
  await call('POST', url, { body: 'x' });
  const Origin = 'http://page.test';
  const asked = await call('OPTIONS', url, { headers: { Origin, 'Access-Control-Request-Method': 'GET' } });
  expect([asked.status, asked.headers['access-control-allow-origin'], asked.headers['content-length']]).toEqual([204, Origin, undefined]);
  const read = await call('GET', url, { headers: { Origin } });
  expect([read.body, read.headers['access-control-allow-origin'], read.headers['access-control-expose-headers']]).toEqual([
    'x',
    Origin,
    '*',
  ]);
});

it('keeps limits, tells figures, and takes bodies for as long and as large as segments may be', async () => {
  await using server = await testServer({ trickle: { channels: 2, readers: 1, segmentBytes: '2MiB' } });
  const base = `${server.url}trickle/`;
  // Larger than what the framework takes as a body.
  expect((await call('POST', `${base}a/0`, { body: Buffer.alloc(1_500_000) })).status).toBe(200);
  expect((await call('POST', `${base}a/1`, { body: Buffer.alloc(3_000_000) })).status).toBe(413);
  await call('POST', `${base}b`);
  const third = await call('POST', `${base}c`);
  expect([third.status, JSON.parse(third.body).detail]).toEqual([503, 'there are 2 channels, as many as are allowed']);
  const reader = open('GET', `${base}b/0`);
  while (server.trickle.get('b')!.readers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect((await call('GET', `${base}b/0`)).status).toBe(503);
  const figures = await (await server.fetch('/metrics')).text();
  for (const line of [
    'sluice_trickle_channels 2',
    'sluice_trickle_segment{channel="a"} 1',
    'sluice_trickle_readers{channel="b"} 1',
    'sluice_trickle_channel_refused_total{channel="b"} 1',
    'sluice_trickle_refused_total 1',
  ])
    expect(figures).toContain(`\n${line}\n`);
  const { items } = await server.json<{ items: { age: number }[] }>('/api/trickle');
  expect(items).toMatchObject([
    { name: 'a', owner: null, seq: 1, segments: 2, readers: 0, refused: 1 },
    { name: 'b', owner: null, seq: -1, age: null, segments: 0, bytes: 0, held: 0, readers: 1, refused: 1, cut: 0 },
  ]);
  expect(items[0]!.age).toBeGreaterThanOrEqual(0);
  reader.abort();
  while (server.trickle.get('b')!.readers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

it('lets a part of this program make a channel that is asked for, and keeps others from writing it', async () => {
  await using server = await testServer();
  const base = `${server.url}trickle/`;
  const own = server.trickle.open('own', { contentType: 'video/mp2t', owner: 'the stream own' });
  for (const [method, path] of [
    ['POST', 'own'],
    ['POST', 'own/0'],
    ['DELETE', 'own/0'],
    ['DELETE', 'own'],
  ] as const) {
    const answer = await call(method, base + path);
    expect([method, path, answer.status, JSON.parse(answer.body).detail]).toEqual([
      method,
      path,
      409,
      'the channel own is written by the stream own; it can only be read',
    ]);
  }
  const reader = open('GET', `${base}own/-1`);
  while (own.readers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const input = own.write(-1);
  input.write(Buffer.from('from inside'));
  await reader.until('from inside');
  input.end();
  expect((await reader.answer).body).toBe('from inside');
});

describe.skipIf(!openssl)('over TLS with HTTP/2', () => {
  let dir: string;
  let server: TestServer;
  let session: ClientHttp2Session;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
    const files = await makeCertificate(dir);
    server = await testServer(files);
    session = connect(server.url, { ca: await readFile(files.tlsCert) });
  });
  afterAll(async () => {
    session?.close();
    await server?.close();
    await rm(dir, { recursive: true, force: true });
  });
  const ask = (method: string, path: string) =>
    session.request({ ':method': method, ':path': `/trickle/${path}` }, { endStream: method !== 'POST' });
  const answerOf = async (stream: ClientHttp2Stream) => {
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => stream.on('response', resolve).on('error', reject));
    stream.setEncoding('utf8');
    let body = '';
    for await (const chunk of stream) body += chunk;
    return { headers, status: headers[':status'], body };
  };

  it('publishes and reads while it is written', async () => {
    const reader = ask('GET', 'cam/0');
    const writer = ask('POST', 'cam/0');
    writer.write('begin ');
    writer.end('end');
    expect((await answerOf(writer)).status).toBe(200);
    const first = await answerOf(ask('GET', 'cam/0'));
    expect([first.status, first.body, first.headers['lp-trickle-seq']]).toEqual([200, 'begin end', '0']);
    const missing = await answerOf(ask('GET', 'cam/9'));
    expect([missing.status, missing.headers['lp-trickle-latest']]).toEqual([470, '1']);
    reader.close();
    const late = ask('POST', 'cam/0');
    late.write('x');
    expect((await answerOf(late)).status).toBe(409);
  });

  it('takes a body again after one that its client has reset', async () => {
    const broken = ask('POST', 'reset/0');
    broken.on('error', () => {}).write('Hello');
    await expect.poll(() => server.trickle.get('reset')?.latest).toBe(1);
    const closed = new Promise((resolve) => broken.on('close', resolve));
    broken.destroy();
    await closed;
    // Its reset is there before a request that is sent after it.
    await answerOf(ask('GET', 'reset/next'));
    const again = ask('POST', 'reset/0');
    again.end('World');
    expect((await answerOf(again)).status).toBe(200);
    expect((await answerOf(ask('GET', 'reset/0'))).body).toBe('HelloWorld');
  });
});

it('cuts off a reader that takes nothing, and nobody else', async () => {
  await using server = await TrickleServer.start({ stall: 2000 });
  const url = new URL(`${server.url}cam`);
  // More than the sockets of both sides hold.
  const segment = Buffer.alloc(12_000_000, 7);
  await call('POST', `${url}`);
  const stuck = connectTcp(Number(url.port), url.hostname);
  const closed = new Promise((resolve) => stuck.on('close', resolve).on('error', resolve));
  stuck.write(`GET ${url.pathname}/0 HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  stuck.pause();
  const channel = server.channels.get('cam')!;
  while (channel.readers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const brisk = open('GET', `${url}/0`);
  expect((await call('POST', `${url}/0`, { body: segment })).status).toBe(200);
  expect((await brisk.answer).body.length).toBe(segment.length);
  while (channel.stats.cut === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  // Its connection ends in the middle of the body, so that it cannot take the segment for whole.
  let end = '';
  stuck.on('data', (chunk) => {
    end = chunk.subarray(-5).toString('latin1');
  });
  stuck.resume();
  await closed;
  expect(end).not.toBe('0\r\n\r\n');
  expect(channel.stats).toMatchObject({ cut: 1, readers: 0 });
});

it('asks hooks before channels are made, written, read and deleted; what they throw is the answer', async () => {
  const asked: string[] = [];
  const hooks: TrickleHooks = {
    beforeCreate(name) {
      asked.push(`create ${name}`);
      if (name === 'no') throw new SluiceError('forbidden', 'not this one');
      if (name === 'broken') throw new Error('secret of the program');
    },
    async beforePublish(name, seq) {
      await Promise.resolve();
      asked.push(`publish ${name}/${seq}`);
      if (seq === 9) throw new SluiceError('conflict', 'not that one');
    },
    beforeDelete: (name) => void asked.push(`delete ${name}`),
    async beforeRead(name) {
      await Promise.resolve();
      asked.push(`read ${name}`);
      if (name === 'made') server.channels.open(name);
    },
  };
  await using server = await TrickleServer.start({ hooks, autocreate: true });
  const ask = async (method: string, path: string, body?: string) => {
    const { status, body: text } = await call(method, server.url + path, body === undefined ? {} : { body });
    return [status, text];
  };
  expect(await ask('POST', 'no')).toEqual([403, 'not this one\n']);
  expect(await ask('POST', 'no/0', 'x')).toEqual([403, 'not this one\n']);
  expect(await ask('POST', 'broken')).toEqual([500, 'Server error\n']);
  expect(await ask('POST', 'cam/0', 'x')).toEqual([200, '']);
  expect(await ask('POST', 'cam/9', 'x')).toEqual([409, 'not that one\n']);
  expect(await ask('GET', 'cam/0')).toEqual([200, 'x']);
  expect(await ask('GET', 'made/next')).toEqual([200, '0']);
  expect(await ask('GET', 'none/next')).toEqual([404, 'Stream not found\n']);
  expect(await ask('DELETE', 'cam')).toEqual([200, '']);
  expect(asked.join(', ')).toBe(
    'create no, create no, create broken, create cam, publish cam/0, publish cam/9, read made, read none, delete cam',
  );
});
