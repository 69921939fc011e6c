// Valid, malformed and hostile requests in random order, against a trickle server in a process of its own: it answers what can be answered,
// lives on, and holds no more than before. SLUICE_TEST_REQUESTS=100000 makes it long.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type ClientRequest, request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FuzzFigures } from './trickle-fuzz-server.ts';
import { call } from './trickle-http.ts';

const REQUESTS = Number(process.env.SLUICE_TEST_REQUESTS || 2000);
const AT_ONCE = 24;
const SEED = 20261122;
/** How long an answer may take on a busy machine. */
const PATIENCE = 20_000;
const EXPECTED = new Set([200, 400, 404, 405, 409, 413, 431, 470, 503]);

let child: ChildProcess;
let url: URL;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

beforeAll(async () => {
  child = fork(fileURLToPath(new URL('./trickle-fuzz-server.ts', import.meta.url)), [], { execArgv: ['--expose-gc'] });
  const [hello] = (await once(child, 'message')) as [{ url: string }];
  url = new URL(hello.url);
});
afterAll(async () => {
  agent.destroy();
  const ended = once(child, 'exit');
  if (child.connected) child.send('close');
  await ended;
});

async function figures(): Promise<FuzzFigures> {
  const answer = once(child, 'message');
  child.send('figures');
  return ((await answer) as [FuzzFigures])[0];
}

/** The same numbers in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const HOSTILE = [
  '-2',
  '-3',
  '-5',
  '9007199254740990',
  '9007199254740991',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '1e3',
  '0x10',
  '1.5',
  'NaN',
  '',
  '%2d1',
  '+4',
  '-0',
  '١',
  '%00',
  '..',
  'next',
  '00000000000000000007',
  '9'.repeat(400),
];
const METHODS = ['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'LOCK'];

it(`survives ${REQUESTS} requests`, { timeout: 60_000 + REQUESTS * 20 }, async () => {
  const next = random(SEED);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const upTo = (limit: number) => Math.floor(next() * limit);
  const name = () => `c${upTo(30)}`;
  const bytes = (limit: number) => Buffer.alloc(upTo(limit), upTo(256));
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const statuses = new Map<number | string, number>();
  const count = (what: number | string) => statuses.set(what, (statuses.get(what) ?? 0) + 1);

  /** A request: what becomes of it, at most `patience` later. */
  const ask = (method: string, path: string, send: (request: ClientRequest) => void, { headers = {}, patience = PATIENCE } = {}) =>
    new Promise<void>((resolve) => {
      const one = request({ host: url.hostname, port: url.port, method, path: `${url.pathname}${path}`, headers, agent });
      // Only a request that may wait is given up early; any other has to be answered.
      let settled = false;
      const done = (what: number | string) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        count(what);
        resolve();
      };
      const timer = setTimeout(() => {
        done(patience === PATIENCE ? 'unanswered' : 'left');
        one.destroy();
      }, patience);
      one.on('response', (response) => {
        response.resume();
        response.on('end', () => done(response.statusCode!));
        response.on('error', () => done('cut'));
      });
      one.on('error', (error: NodeJS.ErrnoException) => done(`broken: ${error.code}`));
      send(one);
    });
  const whole = (body?: Buffer) => (one: ClientRequest) => void one.end(body);
  const briefly = () => ({ patience: 1 + upTo(40) });

  const raw = (text: string | Buffer) =>
    new Promise<void>((resolve) => {
      const socket = connect(Number(url.port), url.hostname, () => void socket.write(text));
      const timer = setTimeout(() => socket.destroy(), 20 + upTo(60));
      socket.on('data', () => {});
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(timer);
        count('raw');
        resolve();
      });
    });

  const host = `Host: ${url.host}\r\n`;
  const kinds: readonly (readonly [number, () => Promise<void>])[] = [
    [4, () => ask('POST', name(), whole(), { headers: { 'Expect-Content': pick(['video/mp2t', '', 'x'.repeat(300)]) } })],
    [20, () => ask('POST', `${name()}/${upTo(12)}`, whole(bytes(3000)))],
    [8, () => ask('POST', `${name()}/-1`, whole(bytes(40_000)), { headers: next() < 0.2 ? { 'Lp-Trickle-Reset': '1' } : {} })],
    [2, () => ask('POST', `${name()}/${upTo(12)}`, whole(Buffer.alloc(150_000)))],
    [14, () => ask('GET', `${name()}/${upTo(14) - 2}`, whole(), briefly())],
    [4, () => ask('GET', `${name()}/next`, whole())],
    [3, () => ask('DELETE', `${name()}/${upTo(12) - 1}`, whole())],
    [1, () => ask('DELETE', name(), whole())],
    [6, () => ask(pick(['GET', 'POST', 'DELETE']), `${name()}/${encodeURI(pick(HOSTILE))}`, whole(), briefly())],
    [3, () => ask(pick(METHODS), pick([name(), `${name()}/1`, '', `${name()}/1/2`]), whole(), briefly())],
    [
      2,
      () =>
        ask(pick(['POST', 'GET']), pick(['x'.repeat(upTo(9000)), '%zz/0', '%00/0', '//', '_changes/0', '_changes']), whole(), briefly()),
    ],
    // Bodies that break off, and that come slowly or never.
    [
      8,
      () =>
        ask(
          'POST',
          `${name()}/${upTo(12)}`,
          (one) => {
            one.flushHeaders();
            one.write(bytes(3000));
          },
          briefly(),
        ),
    ],
    [4, () => ask('POST', `${name()}/${upTo(12)}`, (one) => one.flushHeaders(), briefly())],
    [
      4,
      () =>
        ask('POST', `${name()}/${upTo(12)}`, (one) => {
          const drip = async () => {
            for (let i = upTo(6); i > 0 && !one.destroyed; i--) {
              one.write(bytes(3));
              await sleep(upTo(8));
            }
            if (!one.destroyed) one.end();
          };
          void drip();
        }),
    ],
    // A reader that never reads.
    [
      2,
      () =>
        new Promise<void>((resolve) => {
          const socket = connect(Number(url.port), url.hostname, () => {
            socket.pause();
            socket.write(`GET ${url.pathname}${name()}/${upTo(12)} HTTP/1.1\r\n${host}\r\n`.repeat(1 + upTo(3)));
          });
          setTimeout(() => socket.destroy(), upTo(200));
          socket.on('error', () => {});
          socket.on('close', () => {
            count('silent');
            resolve();
          });
        }),
    ],
    [2, () => raw(Buffer.from(Array.from({ length: upTo(400) }, () => upTo(256))))],
    [
      1,
      () =>
        raw(
          `POST ${url.pathname}${name()}/${upTo(9)} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n${'x'.repeat(upTo(200))}`,
        ),
    ],
    [1, () => raw(`POST ${url.pathname}${name()}/${upTo(9)} HTTP/1.1\r\n${host}Content-Length: 99\r\n\r\nshort`)],
    [
      1,
      () => raw(`POST ${url.pathname}${name()}/1 HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /`),
    ],
    [1, () => raw(`GET ${url.pathname}${name()}/1 HTTP/1.0\r\n\r\n`)],
    [1, () => raw(`GET ${url.pathname}${name()}/1 HTTP/1.1\r\n${host}X: ${'y'.repeat(upTo(40_000))}`)],
    [1, () => raw(`POST ${url.pathname}${name()}/-1 HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`)],
  ];
  const weights = kinds.flatMap(([weight, run]) => Array.from({ length: weight }, () => run));

  let started = 0;
  const run = async (until: number) => {
    const worker = async () => {
      while (started < until) {
        started++;
        await pick(weights)();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  const clear = async () => {
    for (let i = 0; i < 30; i++) await call('DELETE', `${url}c${i}`);
    agent.destroy();
    // Sockets of clients that have gone are closed in their own time.
    let now = await figures();
    for (const end = performance.now() + PATIENCE; now.handles + now.readers > 0 && performance.now() < end; now = await figures())
      await sleep(50);
    return now;
  };
  await run(Math.min(REQUESTS / 4, 10_000));
  const early = await clear();
  await run(REQUESTS);
  const late = await clear();

  expect(child.exitCode).toBeNull();
  const strange = [...statuses].filter(([what]) => (typeof what === 'number' ? !EXPECTED.has(what) : /^(unanswered|broken)/.test(what)));
  expect(strange).toEqual([]);
  for (const status of [200, 400, 404, 405, 409, 413, 470, 'left', 'raw'])
    expect(statuses.get(status), `answers ${status}`).toBeGreaterThan(0);
  // Only the feed of changes is left: its five segments and nobody else's.
  expect(late).toMatchObject({ channels: 1, readers: 0, handles: 0 });
  expect(late.held).toBeLessThan(5 * 16_384);
  expect(late.heap - early.heap).toBeLessThan(8_000_000);
  const c = `${url}afterwards`;
  await call('POST', `${c}/0`, { body: 'works' });
  expect((await call('GET', `${c}/0`)).body).toBe('works');
  if (process.env.SLUICE_TEST_REQUESTS)
    console.info(JSON.stringify({ requests: started, statuses: Object.fromEntries(statuses), early, late }, null, 1));
});
