// Publishers and subscribers on a way that fails: connections that are cut, refused or silent. Time is turned by hand.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCertificate, openssl } from '../../test/certificate.ts';
import { FaultProxy } from '../../test/fault-proxy.ts';
import { ManualTimers } from '../../test/manual-timers.ts';
import type { Channel } from './channel.ts';
import { TricklePublisher } from './publisher.ts';
import type { TricklePublisherOptions } from './publisher-options.ts';
import type { ChannelPublisher, SegmentReader } from './segments.ts';
import { TrickleServer, type TrickleServerOptions } from './server.ts';
import { TrickleSubscriber, type TrickleSubscriberOptions } from './subscriber.ts';

const bytes = (content: string) => Buffer.from(content);

async function text(segment: SegmentReader | null): Promise<string | null> {
  if (!segment) return null;
  const parts: Uint8Array[] = [];
  for await (const part of segment) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function put(publisher: ChannelPublisher, content: string): Promise<'done' | 'dropped'> {
  const segment = publisher.next();
  segment.write(bytes(content));
  return await segment.end();
}

const readers = (s: { channel(): Channel | undefined }) => s.channel()?.readers ?? 0;

/** A server, a way to it that can fail, and clients on that way or beside it. */
async function scene(options: TrickleServerOptions = {}) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await TrickleServer.start({ autocreate: true, ...options }));
  const proxy = stack.use(await FaultProxy.before(server.url));
  const timers = new ManualTimers();
  const url = proxy.through(`${server.url}cam`);
  return {
    server,
    proxy,
    timers,
    url,
    publisher: (more: TricklePublisherOptions = {}) => stack.use(new TricklePublisher(url, { timers, ...more })),
    subscriber: (more: TrickleSubscriberOptions = {}) => stack.use(new TrickleSubscriber(url, { timers, ...more })),
    /** On a healthy connection. */
    direct: {
      publisher: (more: TricklePublisherOptions = {}) => stack.use(new TricklePublisher(`${server.url}cam`, more)),
      subscriber: (more: TrickleSubscriberOptions = {}) => stack.use(new TrickleSubscriber(`${server.url}cam`, more)),
    },
    /** Lets time pass until something has happened. */
    until: (condition: () => boolean | undefined) =>
      expect
        .poll(
          () => {
            if (!condition()) timers.advance(50);
            return condition();
          },
          { interval: 10 },
        )
        .toBe(true),
    channel: () => server.channels.get('cam'),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

describe('a publisher', () => {
  it('connects anew when its connections are cut between segments, and loses nothing', async () => {
    await using s = await scene();
    const publisher = s.publisher();
    expect(await put(publisher, 'zero')).toBe('done');
    const { connections } = s.proxy;
    s.proxy.cut();
    await s.until(() => publisher.figures.reconnects > 0 && s.proxy.connections > connections);
    const reader = s.direct.subscriber({ start: 0 });
    expect(await put(publisher, 'one')).toBe('done');
    expect([await text(await reader.next()), await text(await reader.next())]).toEqual(['zero', 'one']);
    expect(publisher.figures).toMatchObject({ segments: 2, dropped: 0 });
    expect(publisher.figures.error).toMatch(/^segment 1: /);
  });

  it('gives a segment up when the connection is cut within it, tells readers, and goes on', async () => {
    await using s = await scene();
    const publisher = s.publisher();
    const reader = s.direct.subscriber({ start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('half'));
    const segment = await reader.next();
    s.proxy.cut();
    // The server ends it by the DELETE of the publisher: else the reader would wait for the rest.
    expect(await text(segment)).toBe('half');
    expect(await writer.end()).toBe('dropped');
    expect(writer.write(bytes('more'))).toBe(false);
    const after = put(publisher, 'one');
    await s.until(() => publisher.figures.segments === 1);
    expect(await after).toBe('done');
    const next = await reader.next();
    expect([next?.seq, await text(next)]).toEqual([1, 'one']);
    expect(publisher.figures).toMatchObject({ segments: 1, dropped: 1 });
  });

  it('keeps bytes until the server can be reached', async () => {
    await using s = await scene();
    s.proxy.refusing = true;
    const publisher = s.publisher();
    const writer = publisher.next();
    writer.write(bytes('kept '));
    await s.until(() => publisher.figures.reconnects >= 3);
    writer.write(bytes('for later'));
    const result = writer.end();
    s.proxy.refusing = false;
    await s.until(() => publisher.figures.segments === 1);
    expect(await result).toBe('done');
    expect(await text(await s.direct.subscriber({ start: 0 }).next())).toBe('kept for later');
  });

  it('doubles its pauses and ends after so many failures', async () => {
    await using s = await scene();
    s.proxy.refusing = true;
    const publisher = s.publisher({ retries: 4, pause: 100, maxPause: 300 });
    const writer = publisher.next();
    const pauses: number[] = [];
    let ended: string | undefined;
    void publisher.ended.then((reason) => {
      ended = reason;
    });
    for (let connections = 0; ended === undefined; connections = s.proxy.connections) {
      // Both the segment at hand and the next one have failed and wait.
      await expect
        .poll(() => ended !== undefined || (s.proxy.connections >= connections + 2 && Number.isFinite(s.timers.nearest)))
        .toBe(true);
      if (ended !== undefined) break;
      await new Promise(setImmediate);
      pauses.push(s.timers.nearest);
      s.timers.advance(s.timers.nearest);
    }
    expect(ended).toBe('failed');
    expect(pauses).toEqual([100, 200, 300, 300]);
    expect(await writer.end()).toBe('dropped');
    expect(() => publisher.next()).toThrow(expect.objectContaining({ code: 'gone' }));
  });

  it('gives a segment up that waits too long or has too much to wait, and has at most three on their way', async () => {
    await using s = await scene();
    const publisher = s.publisher({ maxWaiting: 256 * 1024 });
    expect(await put(publisher, 'zero')).toBe('done');
    // The next one is connected already.
    await expect.poll(() => s.proxy.open).toBeGreaterThan(1);
    s.proxy.silent = true;
    s.proxy.freeze();
    const big = publisher.next();
    const chunk = Buffer.alloc(64 * 1024);
    let taken = 0;
    while (big.write(chunk)) {
      taken += chunk.length;
      // The kernel takes some megabytes.
      await new Promise(setImmediate);
      expect(taken).toBeLessThan(2 ** 26);
    }
    expect(await big.end()).toBe('dropped');
    expect(publisher.figures.error).toMatch(/^segment 1 was given up: \d+ bytes wait for the connection, 262144 may$/);
    const silent = [publisher.next(), publisher.next(), publisher.next()];
    for (const writer of silent) expect(writer.write(bytes('into silence'))).toBe(true);
    const fourth = publisher.next();
    expect(fourth.write(bytes('too much'))).toBe(false);
    expect(await fourth.end()).toBe('dropped');
    expect(publisher.figures.error).toBe('segment 5 was given up: 3 segments are on their way already');
    expect(publisher.figures.dropped).toBe(2);
    const results = Promise.all(silent.map((writer) => writer.end()));
    s.timers.advance(29_000);
    expect(publisher.figures.dropped).toBe(2);
    s.timers.advance(1001);
    expect(await results).toEqual(['dropped', 'dropped', 'dropped']);
    expect(publisher.figures.error).toBe('segment 4 was given up: no answer within 30 s');
    // It was the way: once that is good again, so are segments.
    s.proxy.silent = false;
    s.proxy.cut();
    const alive = (async () => {
      while ((await put(publisher, 'alive')) === 'dropped');
    })();
    await s.until(() => publisher.figures.segments === 2);
    await alive;
  });

  it('gathers no connections before a server that takes them and never answers', async () => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket.resume().on('error', () => {}));
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const timers = new ManualTimers();
    const publisher = new TricklePublisher(`http://127.0.0.1:${(server.address() as AddressInfo).port}/cam`, { timers, keep: true });
    for (let n = 0; n < 10; n++) {
      publisher.next().drop('nothing to say');
      await expect.poll(() => sockets.size).toBe(n + 2);
    }
    timers.advance(30_001);
    // The next segment is connected, as ever.
    await expect.poll(() => sockets.size).toBe(1);
    await publisher.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('leaves a connection on which the server has stopped saying that it is there', async () => {
    await using s = await scene({ keepAlive: 20 });
    const publisher = s.publisher();
    const { promise: signs, resolve } = Promise.withResolvers<void>();
    // The first sign sets the timer that watches over the next ones.
    void expect
      .poll(() => Number.isFinite(s.timers.nearest))
      .toBe(true)
      .then(resolve);
    await signs;
    const { connections } = s.proxy;
    s.proxy.freeze();
    s.timers.advance(35_001);
    await expect.poll(() => s.proxy.connections).toBeGreaterThan(connections);
    expect(await put(publisher, 'zero')).toBe('done');
    expect(publisher.figures).toMatchObject({ dropped: 0, error: null });
  });

  it('makes a missing channel, waits for it or ends, as it is told', async () => {
    await using s = await scene({ autocreate: false });
    const made = s.publisher({ contentType: 'text/plain' });
    // This server makes none over HTTP.
    expect(await made.ended).toBe('not-found');
    expect(made.figures.error).toMatch(/^the channel was not created: 404/);
    expect(await s.publisher({ missing: 'stop' }).ended).toBe('not-found');
    const waiting = s.publisher({ missing: 'wait', retries: Number.POSITIVE_INFINITY });
    const result = put(waiting, 'zero');
    await s.until(() => waiting.figures.reconnects > 3);
    s.server.channels.open('cam');
    await s.until(() => waiting.figures.segments === 1);
    expect(await result).toBe('done');
  });

  it('makes the channel with its type where publishing alone does not', async () => {
    // A server that makes channels on request only.
    const types: unknown[] = [];
    const posted: string[] = [];
    const server = createServer((request, response) => {
      if (request.url === '/cam') types.push(request.headers['expect-content']);
      request.resume().on('end', () => {
        response.statusCode = types.length > 0 ? 200 : 404;
        if (types.length > 0 && request.url !== '/cam') posted.push(request.url!);
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using publisher = new TricklePublisher(`http://127.0.0.1:${(server.address() as AddressInfo).port}/cam`, { contentType: 'a/b' });
    // Such a server answers 404 only once the body has ended: that is sent again.
    expect(await put(publisher, 'zero')).toBe('done');
    expect(await put(publisher, 'one')).toBe('done');
    expect(types).toEqual(['a/b']);
    expect(posted).toEqual(['/cam/0', '/cam/1']);
    await publisher.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('goes on at the number that the server tells', async () => {
    await using s = await scene();
    const first = s.direct.publisher({ keep: true });
    for (const content of ['zero', 'one', 'two']) await put(first, content);
    await first.close();
    await using next = await TricklePublisher.open(`${s.server.url}cam`);
    const writer = next.next();
    expect(writer.seq).toBe(3);
    await writer.end();
    // One that begins at 0 there finds closed segments, and passes over them.
    const again = s.publisher();
    await s.until(() => again.figures.error !== null);
    const later = again.next();
    later.write(bytes('four'));
    expect(later.seq).toBeGreaterThanOrEqual(4);
    const taken = later.end();
    await s.until(() => again.figures.segments === 1);
    expect(await taken).toBe('done');
    await using empty = await TricklePublisher.open(`${s.server.url}other`);
    expect(empty.next().seq).toBe(0);
    s.proxy.refusing = true;
    await expect(TricklePublisher.open(s.url)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('/cam/next'),
    });
  });

  it('ends where every body is answered before its end: that is no trickle server', async () => {
    const server = createServer((_request, response) => void response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cam`;
    await using publisher = new TricklePublisher(url, { pause: 1, maxPause: 1, retries: 4, keep: true });
    expect(await publisher.ended).toBe('failed');
    expect(publisher.figures.error).toBe('segment 4 was closed by the server before its end');
    await publisher.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('ends where the channel belongs to somebody else', async () => {
    await using s = await scene();
    s.server.channels.open('cam', { owner: 'the stream cam' });
    const publisher = s.publisher();
    expect(await publisher.ended).toBe('failed');
    expect(publisher.figures.error).toMatch(/409/);
  });

  it('loses a segment that is larger than the server takes, and goes on', async () => {
    await using s = await scene({ limits: { segmentBytes: 1000 } });
    const publisher = s.publisher();
    expect(await put(publisher, 'x'.repeat(2000))).toBe('dropped');
    expect(publisher.figures.error).toMatch(/413/);
    expect(await put(publisher, 'x'.repeat(1000))).toBe('done');
  });
});

describe('a subscriber', () => {
  it('ends a segment where its connection is cut, and goes on with the next', async () => {
    await using s = await scene();
    const publisher = s.direct.publisher();
    const subscriber = s.subscriber({ start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('half'));
    const waiting = subscriber.next();
    await s.until(() => readers(s) >= 1);
    const segment = (await waiting)!;
    const parts = segment[Symbol.asyncIterator]();
    expect(Buffer.from((await parts.next()).value!).toString()).toBe('half');
    const rest = parts.next();
    s.proxy.cut();
    expect([(await rest).done, segment.truncated]).toEqual([true, true]);
    writer.write(bytes(' lost'));
    await writer.end();
    const next = subscriber.next();
    await s.until(() => readers(s) >= 1);
    await put(publisher, 'one');
    expect(await text(await next)).toBe('one');
    expect(subscriber.figures).toMatchObject({ segments: 2, dropped: 1 });
    expect(subscriber.figures.error).not.toBeNull();
  });

  it('asks again when the connection is cut while it waits, and misses nothing', async () => {
    await using s = await scene();
    const publisher = s.direct.publisher();
    const subscriber = s.subscriber({ start: 0 });
    await put(publisher, 'zero');
    expect(await text(await subscriber.next())).toBe('zero');
    await expect.poll(() => s.channel()?.readers).toBe(1);
    s.proxy.cut();
    await put(publisher, 'one');
    const next = subscriber.next();
    await s.until(() => subscriber.figures.segments === 2);
    expect(await text(await next)).toBe('one');
    expect(subscriber.figures).toMatchObject({ segments: 2, dropped: 0 });
  });

  it('asks anew after 20 s without an answer: the way may be dead', async () => {
    await using s = await scene();
    const publisher = s.direct.publisher();
    const subscriber = s.subscriber({ start: 0 });
    await put(publisher, 'zero');
    expect(await text(await subscriber.next())).toBe('zero');
    await expect.poll(() => s.channel()?.readers).toBe(1);
    s.proxy.freeze();
    const next = subscriber.next();
    await put(publisher, 'one');
    const { connections } = s.proxy;
    s.timers.advance(19_999);
    expect(s.proxy.connections).toBe(connections);
    s.timers.advance(2);
    expect(await text(await next)).toBe('one');
    expect(subscriber.figures).toMatchObject({ segments: 2, dropped: 0, reconnects: 0, error: null });
  });

  it('gives up a segment that falls silent: after 30 s, sooner when the next one has begun', async () => {
    await using s = await scene();
    const publisher = s.direct.publisher();
    const subscriber = s.subscriber({ start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('half'));
    const waiting = subscriber.next();
    await s.until(() => readers(s) >= 1);
    const first = (await waiting)!;
    const given = text(first);
    await expect.poll(() => subscriber.figures.bytes).toBe(4);
    // The request for the next one is out: it is among the timers too.
    s.timers.advance(29_999);
    expect(first.truncated).toBe(false);
    s.timers.advance(2);
    expect([await given, first.truncated]).toEqual(['half', true]);

    const second = publisher.next();
    second.write(bytes('one'));
    const next = (await subscriber.next())!;
    const other = text(next);
    await expect.poll(() => subscriber.figures.bytes).toBe(7);
    const third = publisher.next();
    third.write(bytes('two'));
    await expect.poll(() => s.timers.nearest).toBeLessThanOrEqual(5000);
    s.timers.advance(5001);
    expect([await other, next.truncated]).toEqual(['one', true]);
    const last = (await subscriber.next())!;
    await third.end();
    expect(await text(last)).toBe('two');
    expect(subscriber.figures.dropped).toBe(2);
    await Promise.all([writer.end(), second.end()]);
  });

  it('ends after so many failures, or when nothing comes for as long as it may', async () => {
    await using s = await scene();
    s.proxy.refusing = true;
    const failing = s.subscriber({ retries: 3 });
    const next = failing.next();
    await s.until(() => failing.reason !== null);
    expect([await next, failing.reason, s.proxy.connections]).toEqual([null, 'failed', 4]);
    s.proxy.refusing = false;
    const publisher = s.direct.publisher();
    await put(publisher, 'zero');
    const silent = s.subscriber({ start: 0, idle: 60_000 });
    expect(await text(await silent.next())).toBe('zero');
    const more = silent.next();
    s.timers.advance(59_999);
    await put(publisher, 'one');
    expect(await text(await more)).toBe('one');
    const none = silent.next();
    s.timers.advance(59_999);
    expect(silent.reason).toBeNull();
    s.timers.advance(2);
    expect([await none, silent.reason, silent.figures.error]).toEqual([null, 'failed', 'nothing came for 60000 ms']);
  });

  it('waits before it goes back, and does not wait for the rest of a short answer for ever', async () => {
    let asked = 0;
    let stuck = false;
    // As Livepeer's server where the segment that comes next was dropped: its end is there at once, the one after it is not.
    const server = createServer((request, response) => {
      asked++;
      if (stuck) return response.writeHead(404, { 'content-length': 9 }).flushHeaders();
      const there = request.url === '/cam/3';
      response.writeHead(there ? 200 : 470, { 'lp-trickle-seq': request.url!.slice(5), 'lp-trickle-latest': '3' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const timers = new ManualTimers();
    await using subscriber = new TrickleSubscriber(`http://127.0.0.1:${(server.address() as AddressInfo).port}/cam`, {
      start: 100,
      timers,
    });
    const seen: number[] = [];
    // From 100 to 3 at once: there the publisher has begun anew.
    const reading = (async () => {
      for (let segment = await subscriber.next(); segment; segment = await subscriber.next()) {
        seen.push(segment.seq);
        for await (const _ of segment);
      }
    })();
    for (let turn = 1; turn < 4; turn++) {
      await expect.poll(() => [seen.length, asked, timers.nearest]).toEqual([turn, 1 + 2 * turn, 300]);
      timers.advance(300);
    }
    await expect.poll(() => asked).toBe(9);
    stuck = true;
    timers.advance(300);
    await expect.poll(() => [asked, timers.nearest]).toEqual([10, 20_000]);
    // Its headers are here when its own time has begun.
    await expect
      .poll(() => {
        timers.advance(20_001);
        return subscriber.reason;
      })
      .toBe('ended');
    await reading;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('reads no faster than it is read', async () => {
    await using s = await scene({ limits: { segmentBytes: 2 ** 26 } });
    const publisher = s.direct.publisher({ maxWaiting: 2 ** 26 });
    const subscriber = s.subscriber({ start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('x'));
    const waiting = subscriber.next();
    await s.until(() => readers(s) >= 1);
    const segment = (await waiting)!;
    const chunk = Buffer.alloc(2 ** 20);
    const chunks = 40;
    for (let i = 0; i < chunks; i++) writer.write(chunk);
    expect(await writer.end()).toBe('done');
    // Whatever lies between takes some megabytes; then the server waits for the reader.
    let before = -1;
    await expect
      .poll(
        () => {
          const now = s.proxy.toClients;
          const still = now === before && now > 0;
          before = now;
          return still;
        },
        { interval: 50 },
      )
      .toBe(true);
    expect(before).toBeLessThan(chunks * chunk.length - 2 ** 20);
    let length = 0;
    for await (const part of segment) length += part.length;
    expect(length).toBe(chunks * chunk.length + 1);
  });
});

describe('both', () => {
  it('pass everything on a long way, with the next segment asked for before it begins', async () => {
    await using s = await scene();
    s.proxy.delay = 40;
    const publisher = s.publisher();
    const subscriber = s.subscriber({ start: 0, waitMissing: 10_000 });
    const first = subscriber.next();
    expect(await put(publisher, 'segment 0')).toBe('done');
    await s.until(() => subscriber.figures.segments === 1);
    expect(await text(await first)).toBe('segment 0');
    for (let seq = 1; seq < 4; seq++) {
      const next = subscriber.next();
      // It waits on the server already.
      await expect.poll(() => readers(s)).toBe(1);
      const writer = publisher.next();
      writer.write(bytes(`segment ${seq}`));
      const segment = await next;
      await writer.end();
      expect([segment?.seq, await text(segment)]).toEqual([seq, `segment ${seq}`]);
    }
    expect(publisher.figures).toMatchObject({ segments: 4, dropped: 0, reconnects: 0 });
    expect(subscriber.figures).toMatchObject({ segments: 4, dropped: 0 });
  });

  it('leave no connection behind', async () => {
    await using s = await scene();
    const publisher = s.publisher();
    const subscriber = s.subscriber({ start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('zero'));
    const waiting = subscriber.next();
    await s.until(() => readers(s) >= 1);
    const segment = (await waiting)!;
    // In the middle of a segment, with the next one connected on both sides.
    await expect.poll(() => s.proxy.open).toBe(4);
    await subscriber.close();
    await expect.poll(() => s.proxy.open).toBe(2);
    await publisher.close();
    await expect.poll(() => s.proxy.open).toBe(0);
    expect(segment.truncated).toBe(false);
  });

  it('need the token', async () => {
    await using s = await scene({ token: 'secret', viewToken: 'look' });
    const refused = s.publisher();
    expect([await refused.ended, refused.figures.error]).toEqual(['failed', expect.stringContaining('401')]);
    const blind = s.subscriber();
    expect([await blind.next(), blind.reason, blind.figures.error]).toEqual([null, 'failed', expect.stringContaining('401')]);
    const publisher = s.publisher({ token: 'secret' });
    expect(await put(publisher, 'zero')).toBe('done');
    expect(await text(await s.subscriber({ start: 0, token: 'look' }).next())).toBe('zero');
    await using byAddress = new TrickleSubscriber(`${s.url}?token=look`, { start: 0 });
    expect(await text(await byAddress.next())).toBe('zero');
    await publisher.close();
    expect(s.channel()).toBeUndefined();
  });

  it.skipIf(!openssl)('speak TLS and check certificates', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trickle-tls-'));
    const files = await makeCertificate(folder);
    const [cert, key] = await Promise.all([readFile(files.tlsCert), readFile(files.tlsKey)]);
    await rm(folder, { recursive: true });
    await using server = await TrickleServer.start({ autocreate: true, tls: { cert, key } });
    const url = `${server.url}cam`;
    await using publisher = new TricklePublisher(url, { tls: { ca: cert } });
    for (const content of ['zero', 'one', 'two']) expect(await put(publisher, content)).toBe('done');
    await using subscriber = new TrickleSubscriber(url, { start: 0, tls: { rejectUnauthorized: false } });
    for (const content of ['zero', 'one', 'two']) expect(await text(await subscriber.next())).toBe(content);
    await using wary = new TrickleSubscriber(url, { retries: 0 });
    expect([await wary.next(), wary.reason, wary.figures.error]).toEqual([null, 'failed', expect.stringMatching(/certificate/)]);
  });

  it('refuse addresses and numbers that cannot be, and show no secret', async () => {
    for (const wrong of ['cam', 'ftp://host/cam', 'http://host', 'http://host/', 'http://%ff:x@host/cam']) {
      expect(() => new TricklePublisher(wrong), wrong).toThrow(expect.objectContaining({ code: 'bad-value' }));
      expect(() => new TrickleSubscriber(wrong), wrong).toThrow(expect.objectContaining({ code: 'bad-value' }));
    }
    expect(() => new TricklePublisher('http://host/cam', { start: -1 })).toThrow(expect.objectContaining({ code: 'bad-value' }));
    expect(() => new TrickleSubscriber('http://host/cam', { start: -3 })).toThrow(expect.objectContaining({ code: 'bad-value' }));
    await expect(TricklePublisher.open('http://user:pass@127.0.0.1:9/cam?token=secret')).rejects.toMatchObject({
      message: expect.not.stringMatching(/secret|pass/),
    });
  });
});
