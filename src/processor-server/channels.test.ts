import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { TricklePublisher } from '../trickle/publisher.ts';
import type { ChannelEnd, ChannelPublisher, ChannelSubscriber, SegmentReader, SegmentWriter } from '../trickle/segments.ts';
import { readControl } from './control-channel.ts';
import { DataChannel } from './data-channel.ts';
import { EventsChannel } from './events-channel.ts';
import type { Ticker } from './ticker.ts';

class ManualTicker implements Ticker {
  #now = 0;
  #works: { readonly ms: number; next: number; readonly work: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  utc(): number {
    return 1_763_640_000_000 + this.#now;
  }

  every(ms: number, work: () => void): () => void {
    const entry = { ms, next: this.#now + ms, work };
    this.#works.push(entry);
    return () => {
      this.#works = this.#works.filter((one) => one !== entry);
    };
  }

  /** How many works are still repeated. */
  get pending(): number {
    return this.#works.length;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#works.filter((entry) => entry.next <= end).sort((a, b) => a.next - b.next)[0];
      if (!due) break;
      this.#now = due.next;
      due.next += due.ms;
      due.work();
    }
    this.#now = end;
  }
}

/** Keeps the segments that were written. */
class KeptPublisher implements ChannelPublisher {
  readonly segments: string[] = [];
  closed = false;
  readonly #ended = Promise.withResolvers<ChannelEnd>();
  readonly ended = this.#ended.promise;
  readonly figures = { seq: 0, since: null, segments: 0, bytes: 0, dropped: 0, reconnects: 0, error: null };

  next(): SegmentWriter {
    if (this.closed) throw new Error('the channel has ended');
    const seq = this.segments.push('') - 1;
    return {
      seq,
      write: (chunk) => {
        this.segments[seq] += Buffer.from(chunk).toString();
        return true;
      },
      end: async () => 'done',
      drop: () => {},
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#ended.resolve('closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Gives segments that are known beforehand. */
class KnownSubscriber implements ChannelSubscriber {
  readonly #segments: (string | Uint8Array[])[];
  #seq = 0;
  reason: ChannelEnd | null = null;
  readonly figures = { seq: 0, since: null, segments: 0, bytes: 0, dropped: 0, reconnects: 0, error: null };

  constructor(segments: readonly (string | Uint8Array[])[]) {
    this.#segments = [...segments];
  }

  async next(): Promise<SegmentReader | null> {
    const segment = this.#segments.shift();
    if (segment === undefined) {
      this.reason = 'ended';
      return null;
    }
    const chunks = typeof segment === 'string' ? [Buffer.from(segment)] : segment;
    return {
      seq: this.#seq++,
      latest: null,
      contentType: 'application/json',
      truncated: false,
      cancel: () => {},
      async *[Symbol.asyncIterator]() {
        yield* chunks;
      },
    };
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const parsed = (publisher: KeptPublisher) => publisher.segments.map((text) => JSON.parse(text) as Record<string, unknown>);

test('events: each has a segment of its own, and a heartbeat comes at once and each ten seconds', async () => {
  const ticker = new ManualTicker();
  const publisher = new KeptPublisher();
  let fps = 0;
  const channel = new EventsChannel({ publisher, ticker, heartbeat: () => ({ urls: { events: 'e' }, fps: { ingress_video_fps: fps } }) });
  fps = 30;
  ticker.advance(9_999);
  expect(publisher.segments).toHaveLength(1);
  ticker.advance(1);
  // Two in the same moment: of pytrickle's only one arrives.
  expect(channel.tell('params_updated', { params: { a: 1 } })).toBe(true);
  expect(channel.tell('params_updated', { params: { a: 2 } })).toBe(true);
  expect(channel.send({ type: 'mine', text: 'ü' }, 'custom_monitoring_event')).toBe(true);
  expect(parsed(publisher)).toEqual([
    {
      event: { type: 'heartbeat', timestamp: 1_763_640_000_000, urls: { events: 'e' }, fps: { ingress_video_fps: 0 } },
      queue_event_type: 'stream_heartbeat',
    },
    {
      event: { type: 'heartbeat', timestamp: 1_763_640_010_000, urls: { events: 'e' }, fps: { ingress_video_fps: 30 } },
      queue_event_type: 'stream_heartbeat',
    },
    { event: { type: 'params_updated', timestamp: 1_763_640_010_000, params: { a: 1 } }, queue_event_type: 'ai_stream_events' },
    { event: { type: 'params_updated', timestamp: 1_763_640_010_000, params: { a: 2 } }, queue_event_type: 'ai_stream_events' },
    { event: { type: 'mine', text: 'ü' }, queue_event_type: 'custom_monitoring_event' },
  ]);
  await channel.close();
  expect([channel.tell('late'), publisher.closed, ticker.pending]).toEqual([false, true, 0]);
});

test('events and data: a server that does not answer holds the end up no longer than the publisher waits', async () => {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const url = `http://127.0.0.1:${(free.address() as AddressInfo).port}`;
  free.close();
  await once(free, 'close');
  const dead = (name: string) => new TricklePublisher(`${url}/${name}`, { retries: Number.POSITIVE_INFINITY, closeTimeout: 50 });
  const events = new EventsChannel({ publisher: dead('events'), ticker: new ManualTicker(), heartbeat: () => ({}) });
  const data = new DataChannel({ publisher: dead('data'), ticker: new ManualTicker() });
  events.tell('stream_stopped');
  data.push('last');
  // An answer is waited for 30 s otherwise.
  await Promise.all([events.close(), data.close()]);
  expect([events.tell('late'), data.push('late')]).toEqual([false, false]);
}, 15_000);

test('data: all that was queued goes as one array each 333 ms, silence as an empty one after 25 s', async () => {
  const ticker = new ManualTicker();
  const publisher = new KeptPublisher();
  const channel = new DataChannel({ publisher, ticker });
  channel.push('a');
  channel.push('{"b":1}');
  ticker.advance(332);
  expect(publisher.segments).toEqual([]);
  ticker.advance(1);
  expect(publisher.segments).toEqual(['["a","{\\"b\\":1}"]\n']);
  ticker.advance(24_500);
  expect(publisher.segments).toHaveLength(1);
  ticker.advance(500);
  expect(publisher.segments.slice(1)).toEqual(['[]\n']);
  channel.push('last');
  await channel.close();
  expect(publisher.segments.slice(2)).toEqual(['["last"]\n']);
  expect([publisher.closed, ticker.pending, channel.push('late')]).toEqual([true, 0, false]);
});

test('data: the newest 1000 are kept, and the interval is a setting', () => {
  const ticker = new ManualTicker();
  const publisher = new KeptPublisher();
  const channel = new DataChannel({ publisher, ticker, interval: 2 });
  for (let i = 0; i < 1005; i++) channel.push(String(i));
  ticker.advance(1_999);
  expect(publisher.segments).toEqual([]);
  ticker.advance(1);
  const items = JSON.parse(publisher.segments[0]!) as string[];
  expect([items.length, items[0], items.at(-1), channel.dropped]).toEqual([1000, '5', '1004', 5]);
});

test('control: params one after the other; keep-alive and empty segments are ignored, what is no JSON object is reported', async () => {
  const taken: unknown[] = [];
  const reports: string[] = [];
  const halves = [Buffer.from('{"text":"gr'), Buffer.from('ün"}')];
  const subscriber = new KnownSubscriber([
    '{"a":1}',
    '{"keep":"alive"}',
    '',
    '{"keep":"alive","a":2}',
    '{bad',
    '[1]',
    '{"fails":true}',
    halves,
    [new Uint8Array(600_000).fill(32), new Uint8Array(600_000).fill(32)],
    '{"a":3}\n',
  ]);
  await readControl({
    subscriber,
    onParams: async (params) => {
      taken.push(params);
      if (params.fails) throw new Error('not these');
    },
    report: (message) => reports.push(message),
  });
  expect(taken).toEqual([{ a: 1 }, { keep: 'alive', a: 2 }, { fails: true }, { text: 'grün' }, { a: 3 }]);
  expect(reports).toEqual([
    'control segment 4 was skipped: "{bad" is no JSON',
    'control segment 5 was skipped: [1] received; expected a JSON object of params',
    'control segment 6 was skipped: not these',
    'control segment 8 was skipped: more than 1048576 bytes',
  ]);
});
