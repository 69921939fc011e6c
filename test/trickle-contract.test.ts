// What a trickle server owes its clients, as Livepeer's own server does it. The same rows run against our server alone, ours inside the
// whole server and, if SLUICE_TEST_TRICKLE_GO names it, the Go server: rows that say `ours` are those where that one is known to be wrong.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, type OpenCall, open } from './trickle-http.ts';
import { goServer, NO_GO, TRICKLE_TARGETS, type TrickleTarget } from './trickle-targets.ts';

describe.each(TRICKLE_TARGETS)('trickle: $name', ({ name, start, ours, waits }) => {
  let target: TrickleTarget;
  let made = 0;
  const opened: OpenCall[] = [];
  beforeAll(async () => {
    target = await start({ autocreate: true, changefeed: true });
  }, 60_000);
  afterAll(() => target?.close());

  /** Address of a channel that nobody has used. */
  const fresh = () => `${target.url}${name.replace(/[^a-z]/gi, '')}${++made}`;
  const begin = (...args: Parameters<typeof open>) => {
    const one = open(...args);
    opened.push(one);
    return one;
  };
  const post = (url: string, body: string, headers = {}) => call('POST', url, { body, headers });
  const told = (answer: { headers: Record<string, unknown> }) => [
    answer.headers['lp-trickle-seq'],
    answer.headers['lp-trickle-latest'],
    answer.headers['lp-trickle-closed'],
  ];
  /** A GET that waits: the server has it when another of the same channel is answered. */
  const waiting = async (url: string) => {
    const channel = () => target.channels?.get(url.slice(target.url.length).split('/')[0]!);
    const before = channel()?.readers ?? 0;
    const one = begin('GET', url);
    while (target.channels && (channel()?.readers ?? 0) <= before && one.received() === '')
      await new Promise((resolve) => setTimeout(resolve, 2));
    if (target.channels) return one;
    await one.request.once('socket', () => {});
    await new Promise<void>((resolve) => (one.request.socket?.connecting === false ? resolve() : one.request.once('finish', resolve)));
    await settle();
    return one;
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, waits));

  it('creates a channel with its MIME type, again without harm', async () => {
    const c = fresh();
    const made = await call('POST', c, { headers: { 'Expect-Content': 'video/mp2t' } });
    expect([made.status, made.body]).toEqual([200, '']);
    expect((await call('POST', c, { headers: { 'Expect-Content': 'text/plain' } })).status).toBe(200);
    await post(`${c}/0`, 'hello', { 'Content-Type': 'application/json' });
    const read = await call('GET', `${c}/0`);
    expect([read.status, read.body, read.headers['content-type']]).toEqual([200, 'hello', 'video/mp2t']);
  });

  it('takes the MIME type of the first segment if it makes the channel', async () => {
    const c = fresh();
    await post(`${c}/0`, '{}', { 'Content-Type': 'application/json' });
    expect((await call('GET', `${c}/0`)).headers['content-type']).toBe('application/json');
  });

  it('says 404 for channels that are not there', async () => {
    const c = fresh();
    for (const answer of [await call('GET', `${c}/0`), await call('GET', `${c}/next`), await call('DELETE', `${c}/0`)]) {
      expect([answer.status, answer.body]).toEqual([404, 'Stream not found\n']);
      expect(answer.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
    }
    const gone = await call('DELETE', c);
    expect([gone.status, gone.body]).toEqual([400, 'Invalid stream\n']);
  });

  it('publishes and reads segments with their numbers', async () => {
    const c = fresh();
    const first = await post(`${c}/0`, 'zero');
    expect([first.status, first.body, ...told(first)]).toEqual([200, '', '0', undefined, undefined]);
    expect(told(await post(`${c}/-1`, 'one'))).toEqual(['1', undefined, undefined]);
    const zero = await call('GET', `${c}/0`);
    expect([zero.body, zero.headers['transfer-encoding'], ...told(zero)]).toEqual(['zero', 'chunked', '0', '2', undefined]);
    expect(told(await call('GET', `${c}/-2`))).toEqual(['1', '2', undefined]);
    const next = await call('GET', `${c}/next`);
    expect([next.status, next.body, next.headers['lp-trickle-latest']]).toEqual([200, '2', '2']);
    expect(next.headers['content-type']).toMatch(/^text\/plain/);
  });

  it('says 470 for segments that are not there, with the next number', async () => {
    const c = fresh();
    await call('POST', c);
    const empty = await call('GET', `${c}/5`);
    expect([empty.status, empty.body, ...told(empty)]).toEqual([470, 'Entry not found', '5', '0', undefined]);
    await post(`${c}/0`, 'x');
    expect(told(await call('GET', `${c}/2`))).toEqual(['2', '1', undefined]);
  });

  it('accepts gaps, and numbers that begin anew', async () => {
    const c = fresh();
    await post(`${c}/0`, 'zero');
    await post(`${c}/1`, 'one');
    await post(`${c}/7`, 'seven');
    expect((await call('GET', `${c}/next`)).body).toBe('8');
    expect((await call('GET', `${c}/0`)).body).toBe('zero');
    expect((await call('GET', `${c}/1`)).body).toBe('one');
    const two = await call('GET', `${c}/2`);
    expect([two.status, ...told(two)]).toEqual([470, '2', '8', undefined]);
    await post(`${c}/3`, 'three');
    expect((await call('GET', `${c}/next`)).body).toBe('4');
  });

  it('keeps five segments', async () => {
    const c = fresh();
    for (let seq = 0; seq < 7; seq++) await post(`${c}/${seq}`, `s${seq}`);
    const statuses = await Promise.all([0, 1, 2, 3, 4, 5, 6].map(async (seq) => (await call('GET', `${c}/${seq}`)).status));
    expect(statuses).toEqual([470, 470, 200, 200, 200, 200, 200]);
  });

  it('streams a segment while it is written, to early and late readers alike', async () => {
    const c = fresh();
    await call('POST', c);
    const early = await waiting(`${c}/0`);
    const writer = begin('POST', `${c}/0`);
    await writer.write('first ');
    await early.until('first ');
    expect(told(await early.begun)).toEqual(['0', undefined, undefined]);
    const late = begin('GET', `${c}/0`);
    await late.until('first ');
    expect(told(await late.begun)).toEqual(['0', '1', undefined]);
    await writer.write('second');
    await Promise.all([early.until('second'), late.until('second')]);
    writer.end();
    expect((await early.answer).body).toBe('first second');
    expect((await late.answer).body).toBe('first second');
    expect((await writer.answer).status).toBe(200);
  });

  it('begins readers at the next (-1), the current (-2), and one ahead', async () => {
    const c = fresh();
    await call('POST', c);
    const readers = await Promise.all(['-1', '-2', '1'].map((seq) => waiting(`${c}/${seq}`)));
    await post(`${c}/0`, 'zero');
    await post(`${c}/1`, 'one');
    expect(await Promise.all(readers.map(async (one) => (await one.answer).body))).toEqual(['zero', 'zero', 'one']);
    const [next, current] = [await waiting(`${c}/-1`), await call('GET', `${c}/-2`)];
    expect(current.body).toBe('one');
    await post(`${c}/2`, 'two');
    expect((await next.answer).body).toBe('two');
  });

  it('counts a segment from its first byte, not from the connection', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    const writer = begin('POST', `${c}/1`);
    const reader = await waiting(`${c}/1`);
    expect((await call('GET', `${c}/next`)).body).toBe('1');
    await writer.write('y');
    await reader.until('y');
    expect((await call('GET', `${c}/next`)).body).toBe('2');
    writer.end();
    await writer.answer;
  });

  it('lets publishers connect ahead: their segment can be awaited', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    const writer = begin('POST', `${c}/3`);
    await settle();
    const reader = await waiting(`${c}/3`);
    await writer.write('three');
    await reader.until('three');
    writer.end();
    expect((await reader.answer).status).toBe(200);
  });

  it('takes an empty segment', async () => {
    const c = fresh();
    await call('POST', c);
    const reader = await waiting(`${c}/0`);
    const empty = await post(`${c}/0`, '');
    expect([empty.status, ...told(empty)]).toEqual([200, '0', undefined, undefined]);
    const read = await reader.answer;
    expect([read.status, read.body, ...told(read)]).toEqual([200, '', '0', '1', undefined]);
    expect(told(await call('GET', `${c}/0`))).toEqual(['0', '1', undefined]);
  });

  it('ends the readers of a segment whose place is taken', async () => {
    const c = fresh();
    await call('POST', c);
    const hanging = begin('POST', `${c}/0`);
    const reader = await waiting(`${c}/0`);
    await hanging.write('begun');
    await reader.until('begun');
    for (let seq = 1; seq < 6; seq++) await post(`${c}/${seq}`, 'x');
    expect((await reader.answer).body).toBe('begun');
    hanging.abort();
  });

  it('keeps a segment open after a body that broke off, and appends the next', async () => {
    const c = fresh();
    await call('POST', c);
    const reader = await waiting(`${c}/0`);
    const broken = begin('POST', `${c}/0`);
    await broken.write('Hello');
    await reader.until('Hello');
    broken.abort();
    await settle();
    await post(`${c}/0`, 'GoodbyWorld');
    expect((await reader.answer).body).toBe('HelloGoodbyWorld');
    expect((await call('GET', `${c}/0`)).body).toBe('HelloGoodbyWorld');
  });

  it('closes lower segments on Lp-Trickle-Reset', async () => {
    const c = fresh();
    await call('POST', c);
    const hanging = begin('POST', `${c}/0`);
    const reader = await waiting(`${c}/0`);
    await hanging.write('old');
    await reader.until('old');
    await post(`${c}/2`, 'new', { 'Lp-Trickle-Reset': '1' });
    expect((await reader.answer).body).toBe('old');
    hanging.abort();
  });

  it('drops a segment: its readers get the end without the channel ending', async () => {
    const c = fresh();
    await call('POST', c);
    const reader = await waiting(`${c}/0`);
    const dropped = await call('DELETE', `${c}/0`);
    expect([dropped.status, dropped.body]).toEqual([200, '']);
    const read = await reader.answer;
    // Livepeer's server tells the dropped one as the next: whoever believes it finds the same end again, without a pause.
    expect([read.status, read.body, ...told(read)]).toEqual([200, '', '0', ours ? '1' : '0', undefined]);
    await post(`${c}/3`, 'x');
    expect((await call('DELETE', `${c}/3`)).status).toBe(200);
    const unknown = await call('DELETE', `${c}/9`);
    expect([unknown.status, unknown.body]).toEqual([400, 'Nonexistent segment\n']);
  });

  it('ends readers and publishers that wait when the channel is deleted', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    const writer = begin('POST', `${c}/1`);
    const reader = await waiting(`${c}/1`);
    expect((await call('DELETE', c)).status).toBe(200);
    const read = await reader.answer;
    expect([read.status, read.body, read.headers['lp-trickle-closed'], read.headers['lp-trickle-seq']]).toEqual([
      200,
      '',
      'terminated',
      '1',
    ]);
    const written = await writer.answer;
    expect([written.status, written.headers['lp-trickle-closed'], written.headers['lp-trickle-seq']]).toEqual([200, 'terminated', '1']);
    expect((await call('GET', `${c}/0`)).status).toBe(404);
    expect((await call('DELETE', c)).status).toBe(400);
  });

  it('says 400 for numbers that are none', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    for (const bad of ['x', '1.5', '0x1', '99999999999999999999']) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const answer = await call(method, `${c}/${bad}`);
        expect([method, bad, answer.status, answer.body]).toEqual([method, bad, 400, 'Invalid idx\n']);
      }
    }
    expect((await call('GET', `${c}/+0`)).body).toBe('x');
  });

  it('says 405 with what is allowed', async () => {
    const c = fresh();
    const answers = [await call('PUT', c), await call('PATCH', `${c}/0`), await call('GET', c)];
    expect(answers.map(({ status, headers }) => [status, headers.allow])).toEqual([
      [405, 'DELETE, POST'],
      [405, 'DELETE, GET, HEAD, POST'],
      [405, 'DELETE, POST'],
    ]);
  });

  it('tells changes in a channel of its own', async () => {
    const c = fresh();
    const changes = `${target.url}_changes`;
    const feed = await waiting(`${changes}/-1`);
    await call('POST', c);
    const added = await feed.answer;
    expect([JSON.parse(added.body), added.headers['content-type']]).toEqual([{ added: [c.slice(target.url.length)] }, 'application/json']);
    await call('DELETE', c);
    expect(JSON.parse((await call('GET', `${changes}/${Number(added.headers['lp-trickle-seq']) + 1}`)).body)).toEqual({
      removed: [c.slice(target.url.length)],
    });
  });

  it.runIf(ours)('rejects numbers below -1 for writing and -2 for reading, and beyond what can be counted', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    const answers = await Promise.all([
      post(`${c}/-2`, 'x'),
      call('GET', `${c}/-3`),
      post(`${c}/9007199254740991`, 'x'),
      post(`${c}/9223372036854775807`, 'x'),
      call('GET', `${c}/9223372036854775807`),
    ]);
    expect(answers.map(({ status, body }) => [status, JSON.parse(body).code])).toEqual(Array(5).fill([400, 'bad-value']));
    expect((await post(`${c}/9007199254740990`, 'last')).status).toBe(200);
    expect((await call('GET', `${c}/next`)).body).toBe('9007199254740991');
    expect((await post(`${c}/-1`, 'x')).status).toBe(400);
    expect((await post(`${c}/1`, 'x')).status).toBe(200);
  });

  it.runIf(ours)('answers HEAD when the segment has begun, and does not wait for its end', async () => {
    const c = fresh();
    await call('POST', c);
    const writer = begin('POST', `${c}/0`);
    await writer.write('begun');
    const answer = await call('HEAD', `${c}/0`);
    expect([answer.status, answer.body, answer.headers['lp-trickle-seq']]).toEqual([200, '', '0']);
    writer.end();
    expect((await writer.answer).status).toBe(200);
  });

  it.runIf(ours)('answers DELETE of -1, and lives on', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    const answer = await call('DELETE', `${c}/-1`);
    expect([answer.status, answer.body]).toEqual([400, 'Nonexistent segment\n']);
    expect((await call('GET', `${c}/0`)).body).toBe('x');
  });

  it.runIf(ours)('refuses bytes for a closed segment instead of losing them', async () => {
    const c = fresh();
    await post(`${c}/7`, 'kept');
    const late = await post(`${c}/7`, 'lost');
    expect([late.status, late.headers['lp-trickle-latest'], JSON.parse(late.body).code]).toEqual([409, '8', 'conflict']);
    expect((await call('GET', `${c}/7`)).body).toBe('kept');
    const writing = begin('POST', `${c}/8`);
    await writing.write('begun');
    await (await waiting(`${c}/8`)).until('begun');
    await call('DELETE', `${c}/8`);
    expect((await writing.answer).status).toBe(409);
  });

  it.runIf(ours)('keeps the first whole body of two for one number, and answers both', async () => {
    const c = fresh();
    await post(`${c}/0`, 'x');
    const [a, b] = [begin('POST', `${c}/1`), begin('POST', `${c}/1`)];
    await settle();
    await b.write('first');
    await (await waiting(`${c}/1`)).until('first');
    await a.write('second');
    await settle();
    b.end();
    expect((await b.answer).status).toBe(200);
    expect((await a.answer).status).toBe(200);
    expect((await call('GET', `${c}/1`)).body).toBe('first');
  });

  it.runIf(ours)('passes over dropped numbers with -1', async () => {
    const c = fresh();
    await call('POST', c);
    await waiting(`${c}/0`);
    await call('DELETE', `${c}/0`);
    expect(told(await post(`${c}/-1`, 'x'))).toEqual(['1', undefined, undefined]);
  });

  it.runIf(ours)('says what names of channels may be', async () => {
    for (const bad of ['%20', '%00', '%0D%0A', 'a%2Fb', '%', '%zz', 'x'.repeat(201)]) {
      const answer = await call('POST', `${target.url}${bad}`);
      expect([bad, answer.status, JSON.parse(answer.body).code]).toEqual([bad, 400, 'bad-name']);
    }
    expect((await call('POST', `${target.url}${'x'.repeat(200)}`)).status).toBe(200);
  });

  it.runIf(ours)('keeps a connection for many segments', async () => {
    const c = fresh();
    const { Agent, request } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (let seq = 0; seq < 5; seq++) {
      for (const method of ['POST', 'GET']) {
        await new Promise<void>((resolve, reject) => {
          const one = request(`${c}/${seq}`, { method, agent }, (response) => response.resume().on('end', resolve));
          one.on('socket', (socket) => sockets.add(socket)).on('error', reject);
          one.end(method === 'POST' ? 'x' : undefined);
        });
      }
    }
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it('ends everything that is open when it stops', async () => {
    for (const one of opened) one.abort();
    const c = fresh();
    await call('POST', c);
    const reader = await waiting(`${c}/0`);
    if (!ours) return;
    const closing = target.close();
    const read = await reader.answer;
    expect([read.status, read.headers['lp-trickle-closed']]).toEqual([200, 'terminated']);
    await closing;
  });
});

describe.each(TRICKLE_TARGETS.filter(({ separate }) => separate))('trickle, otherwise configured: $name', ({ start, ours, waits }) => {
  it('makes no channel unless it may', async () => {
    await using target = await start({ autocreate: false });
    const c = `${target.url}none`;
    expect((await call('POST', c)).status).toBe(404);
    const writer = open('POST', `${c}/0`);
    const answer = await writer.answer;
    expect([answer.status, answer.body, answer.headers.connection]).toEqual([404, 'Stream not found\n', 'close']);
    expect((await call('GET', `${target.url}_changes/0`)).status).toBe(404);
  });

  it('sends 100 Continue to publishers that are connected and silent, then takes their bytes', async () => {
    await using target = await start({ autocreate: true, keepAlive: 40 });
    const writer = open('POST', `${target.url}c/0`);
    const before = performance.now();
    while (writer.interim() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    if (!ours) expect((performance.now() - before) / 1000).toBeCloseTo(20, 0);
    await writer.write('at last');
    writer.end();
    expect((await writer.answer).status).toBe(200);
    expect((await call('GET', `${target.url}c/0`)).body).toBe('at last');
  }, 60_000);

  it('removes channels that get no new segments', async () => {
    await using target = await start({ autocreate: true, idle: 300, sweep: 30 });
    await call('POST', `${target.url}_stays`);
    await call('POST', `${target.url}c`);
    const reader = open('GET', `${target.url}c/0`);
    const read = await reader.answer;
    expect([read.status, read.headers['lp-trickle-closed']]).toEqual([200, 'terminated']);
    expect((await call('GET', `${target.url}c/next`)).status).toBe(404);
    expect((await call('GET', `${target.url}_stays/next`)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, waits));
  }, 30_000);
});

describe('trickle: the Go server', () => {
  it.skipIf(goServer === null)('was there', () => expect(goServer).not.toBeNull());
  if (goServer === null) console.warn(NO_GO);
});
