// What publishers and subscribers do, whichever way they are connected: inside one program, and over HTTP to every server that
// test/trickle-targets.ts has, Livepeer's own among them where SLUICE_TEST_TRICKLE_GO names it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TRICKLE_TARGETS } from '../../test/trickle-targets.ts';
import { TrickleChannels } from './channels.ts';
import { LocalPublisher } from './local-publisher.ts';
import { LocalSubscriber } from './local-subscriber.ts';
import { TricklePublisher } from './publisher.ts';
import type { ChannelPublisher, ChannelSubscriber, SegmentReader } from './segments.ts';
import { TrickleSubscriber } from './subscriber.ts';

interface Way extends AsyncDisposable {
  publisher(name: string, options?: { contentType?: string; start?: number; reset?: boolean; keep?: boolean }): ChannelPublisher;
  subscriber(name: string, options?: { start?: number; waitMissing?: number; signal?: AbortSignal }): ChannelSubscriber;
}

const overHttp = (base: string, close: () => Promise<void>): Way => ({
  publisher: (name, options) => new TricklePublisher(base + name, { contentType: 'text/plain', ...options }),
  subscriber: (name, options) => new TrickleSubscriber(base + name, { pause: 20, ...options }),
  [Symbol.asyncDispose]: close,
});

const ways: Record<string, () => Promise<Way>> = {
  'inside one program': async () => {
    const channels = new TrickleChannels();
    return {
      publisher: (name, options) => new LocalPublisher(channels, name, { contentType: 'text/plain', ...options }),
      subscriber: (name, options) => new LocalSubscriber(channels, name, options),
      [Symbol.asyncDispose]: async () => channels.close(),
    };
  },
};
for (const { name, start } of TRICKLE_TARGETS) {
  ways[`over HTTP (${name})`] = async () => {
    const target = await start({ autocreate: true });
    return overHttp(target.url, () => target.close());
  };
}

const bytes = (text: string) => Buffer.from(text);

async function text(segment: SegmentReader | null): Promise<string | null> {
  if (!segment) return null;
  const parts: Uint8Array[] = [];
  for await (const part of segment) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Publishes whole segments. Resolves when the other side has them. */
async function put(publisher: ChannelPublisher, ...texts: string[]): Promise<void> {
  for (const one of texts) {
    const segment = publisher.next();
    segment.write(bytes(one));
    expect(await segment.end()).toBe('done');
  }
}

describe.each(Object.entries(ways))('publishers and subscribers %s', (_name, start) => {
  let shared: Way;
  beforeAll(async () => {
    shared = await start();
  });
  afterAll(async () => await shared[Symbol.asyncDispose]());

  // Each test has channels of its own.
  let tests = 0;
  const check = (title: string, work: (way: Pick<Way, 'publisher' | 'subscriber'>) => Promise<void>) =>
    it(title, async () => {
      const test = ++tests;
      await work({
        publisher: (name, options) => shared.publisher(`${name}-${test}`, options),
        subscriber: (name, options) => shared.subscriber(`${name}-${test}`, options),
      });
    });

  check('give segments in order, whole, with number and type, then the end', async (way) => {
    await using publisher = way.publisher('a');
    await using subscriber = way.subscriber('a', { start: 0, waitMissing: 10_000 });
    const texts = ['zero', 'one', '', 'x'.repeat(300_000)];
    for (const [seq, one] of texts.entries()) {
      const writer = publisher.next();
      expect(writer.seq).toBe(seq);
      if (one) writer.write(bytes(one));
      expect(await writer.end()).toBe('done');
      const segment = await subscriber.next();
      expect([segment?.seq, await text(segment), segment?.truncated]).toEqual([seq, one, false]);
      if (one) expect(segment?.contentType).toBe('text/plain');
    }
    expect(publisher.figures).toMatchObject({ seq: 3, segments: 4, bytes: 300_007, dropped: 0, reconnects: 0, error: null });
    expect(subscriber.figures).toMatchObject({ seq: 3, segments: 4, bytes: 300_007, dropped: 0, reconnects: 0 });
    const last = subscriber.next();
    await publisher.close();
    await publisher.close();
    expect(await publisher.ended).toBe('closed');
    expect([await last, subscriber.reason, await subscriber.next()]).toEqual([null, 'ended', null]);
    expect(() => publisher.next()).toThrow(expect.objectContaining({ code: 'gone' }));
  });

  check('pass bytes on while a segment is written', async (way) => {
    await using publisher = way.publisher('a');
    await using subscriber = way.subscriber('a', { start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('first '));
    const segment = (await subscriber.next())!;
    const parts = segment[Symbol.asyncIterator]();
    expect(Buffer.from((await parts.next()).value!).toString()).toBe('first ');
    writer.write(bytes('second'));
    expect(Buffer.from((await parts.next()).value!).toString()).toBe('second');
    await writer.end();
    expect((await parts.next()).done).toBe(true);
  });

  check('number segments one after the other however fast they are begun', async (way) => {
    await using publisher = way.publisher('a');
    await using subscriber = way.subscriber('a', { start: 0, waitMissing: 10_000 });
    const writers = [publisher.next(), publisher.next(), publisher.next()];
    expect(writers.map(({ seq }) => seq)).toEqual([0, 1, 2]);
    for (const writer of [...writers].reverse()) writer.write(bytes(`segment ${writer.seq}`));
    expect(await Promise.all(writers.map((writer) => writer.end()))).toEqual(['done', 'done', 'done']);
    for (const { seq } of writers) {
      const segment = await subscriber.next();
      expect([segment?.seq, await text(segment)]).toEqual([seq, `segment ${seq}`]);
    }
  });

  check('begin with the segment being written, from its first byte, or with a given one', async (way) => {
    await using publisher = way.publisher('a');
    await put(publisher, 'zero', 'one');
    const writer = publisher.next();
    writer.write(bytes('tw'));
    // Its first byte has arrived once somebody can read it.
    await using exact = way.subscriber('a', { start: 2 });
    const known = await exact.next();
    await using current = way.subscriber('a', { start: -2 });
    const segment = await current.next();
    await using earlier = way.subscriber('a', { start: 1 });
    writer.write(bytes('o'));
    await writer.end();
    expect([known?.seq, await text(known)]).toEqual([2, 'two']);
    expect([segment?.seq, await text(segment)]).toEqual([2, 'two']);
    expect(await text(await earlier.next())).toBe('one');
    expect(await text(await earlier.next())).toBe('two');
  });

  check('begin with the next segment by default', async (way) => {
    await using publisher = way.publisher('a');
    await put(publisher, 'segment 0');
    await using subscriber = way.subscriber('a');
    let segment: SegmentReader | null | undefined;
    const first = subscriber.next().then((one) => {
      segment = one;
    });
    // When it is connected cannot be seen from here: some are written until one is caught.
    for (let seq = 1; segment === undefined; seq++) {
      await put(publisher, `segment ${seq}`);
      await new Promise(setImmediate);
    }
    await first;
    expect(segment!.seq).toBeGreaterThan(0);
    expect(await text(segment!)).toBe(`segment ${segment!.seq}`);
  });

  check('go on with the newest when they have fallen out of the ring, and count what was missed', async (way) => {
    await using publisher = way.publisher('a');
    await put(publisher, 'segment 0');
    await using subscriber = way.subscriber('a', { start: 0 });
    expect(await text(await subscriber.next())).toBe('segment 0');
    await put(publisher, 'segment 1');
    const held = await subscriber.next();
    expect(held?.seq).toBe(1);
    await put(publisher, ...[2, 3, 4, 5, 6, 7, 8, 9].map((seq) => `segment ${seq}`));
    expect(await text(held)).toBe('segment 1');
    // 2 was asked for while 1 was read, 3 is gone.
    expect(await text(await subscriber.next())).toBe('segment 2');
    const next = subscriber.next();
    await expect.poll(() => subscriber.figures.dropped).toBe(7);
    await put(publisher, 'segment 10');
    expect(await text(await next)).toBe('segment 10');
    expect(subscriber.figures.segments).toBe(4);
  });

  check('end a segment that is given up, and go on', async (way) => {
    await using publisher = way.publisher('a');
    await using subscriber = way.subscriber('a', { start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('half'));
    const segment = (await subscriber.next())!;
    writer.drop('the source failed');
    expect(writer.write(bytes('more'))).toBe(false);
    expect(await writer.end()).toBe('dropped');
    expect(publisher.figures.error).toBe('segment 0 was given up: the source failed');
    expect(await text(segment)).toBe('half');
    publisher.next().drop('nothing to say');
    await put(publisher, 'two');
    let next = await subscriber.next();
    // Of the empty one its end is told, or it is passed over.
    if (next?.seq === 1) {
      expect(await text(next)).toBe('');
      next = await subscriber.next();
    }
    expect([next?.seq, await text(next)]).toEqual([2, 'two']);
    expect(publisher.figures).toMatchObject({ segments: 1, dropped: 2 });
  });

  check('end what a publisher left open when another one begins anew', async (way) => {
    await using old = way.publisher('a', { keep: true });
    const left = old.next();
    left.write(bytes('left'));
    await using subscriber = way.subscriber('a', { start: 0, waitMissing: 10_000 });
    const segment = await subscriber.next();
    await using publisher = way.publisher('a', { start: 2, reset: true });
    const anew = publisher.next();
    anew.write(bytes('anew'));
    expect(await text(segment)).toBe('left');
    await anew.end();
    let next = await subscriber.next();
    if (next?.seq === 1) next = await subscriber.next();
    expect([next?.seq, await text(next)]).toEqual([2, 'anew']);
  });

  check('tell a publisher that somebody else has deleted the channel', async (way) => {
    await using publisher = way.publisher('a');
    await put(publisher, 'zero');
    const other = way.publisher('a', { start: 4 });
    await other.close();
    expect(await publisher.ended).toBe('ended');
    expect(() => publisher.next()).toThrow(expect.objectContaining({ code: 'gone' }));
  });

  check('end at once where there is no channel, or wait for it', async (way) => {
    await using impatient = way.subscriber('a');
    expect([await impatient.next(), impatient.reason]).toEqual([null, 'not-found']);
    await using patient = way.subscriber('a', { start: 0, waitMissing: 20_000 });
    const first = patient.next();
    await using publisher = way.publisher('a');
    await put(publisher, 'at last');
    expect(await text(await first)).toBe('at last');
  });

  check('leave a segment half read and take the next', async (way) => {
    await using publisher = way.publisher('a');
    await using subscriber = way.subscriber('a', { start: 0, waitMissing: 10_000 });
    const writer = publisher.next();
    writer.write(bytes('zero'));
    const first = (await subscriber.next())!;
    first.cancel();
    expect(await text(first)).toBe('');
    const second = publisher.next();
    second.write(bytes('one'));
    for await (const part of (await subscriber.next())!) {
      expect(Buffer.from(part).toString()).toBe('one');
      break;
    }
    await put(publisher, 'two');
    expect(await text(await subscriber.next())).toBe('two');
    await Promise.all([writer.end(), second.end()]);
    expect(subscriber.figures).toMatchObject({ segments: 3, dropped: 0 });
  });

  check('close while they wait, more than once', async (way) => {
    await using publisher = way.publisher('a');
    await put(publisher, 'zero');
    const subscriber = way.subscriber('a');
    const next = subscriber.next();
    await Promise.all([subscriber.close(), subscriber.close()]);
    expect([await next, subscriber.reason, await subscriber.next()]).toEqual([null, 'closed', null]);

    const abort = new AbortController();
    await using aborted = way.subscriber('a', { start: 1, signal: abort.signal });
    const writer = publisher.next();
    writer.write(bytes('one'));
    const segment = await aborted.next();
    const rest = text(segment);
    const waiting = aborted.next();
    abort.abort();
    // What was there is given or not; nothing hangs.
    expect(['', 'one']).toContain(await rest);
    expect([await waiting, aborted.reason]).toEqual([null, 'closed']);
    await writer.end();
  });
});
