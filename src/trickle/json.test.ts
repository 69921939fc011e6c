import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualTimers } from '../../test/manual-timers.ts';
import { TrickleChannels } from './channels.ts';
import { JsonPublisher, JsonSubscriber, type JsonSubscriberOptions } from './json.ts';
import { LocalPublisher } from './local-publisher.ts';
import { LocalSubscriber } from './local-subscriber.ts';
import { TricklePublisher } from './publisher.ts';

function channel(contentType = 'application/json', options: JsonSubscriberOptions = {}) {
  const channels = new TrickleChannels();
  const publisher = new LocalPublisher(channels, 'events', { contentType });
  const subscriber = new JsonSubscriber(new LocalSubscriber(channels, 'events', { start: 0 }), options);
  return { channels, publisher, subscriber };
}

async function raw(publisher: LocalPublisher, text: string): Promise<void> {
  const segment = publisher.next();
  segment.write(Buffer.from(text));
  await segment.end();
}

describe('JSON over a channel', () => {
  it('carries any value, one a segment, in order', async () => {
    const values = [{ event: 'start', at: 1.5 }, null, [1, 'ü', { deep: [] }], 'text', false, 0];
    const { publisher, subscriber } = channel();
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const { seq, value } of subscriber) got.push([seq, value]);
    })();
    await using json = new JsonPublisher(publisher);
    for (const value of values) expect(json.send(value)).toBe(true);
    await expect.poll(() => got.length).toBe(values.length);
    expect(got).toEqual(values.map((value, seq) => [seq, value]));
    await json.close();
    await reading;
    expect([json.send(1), json.dropped, subscriber.bad, subscriber.subscriber.reason]).toEqual([false, 0, 0, 'ended']);
    expect(() => json.send(() => {})).toThrow(TypeError);
  });

  it('gives each line of a channel of lines, whichever way they lie in segments', async () => {
    const { publisher, subscriber } = channel('application/jsonl');
    const values = subscriber[Symbol.asyncIterator]();
    const json = new JsonPublisher(publisher, { lines: true });
    json.send(['a', 'b']);
    expect((await values.next()).value).toEqual({ seq: 0, value: ['a', 'b'] });
    await raw(publisher, '{"n":1}\n\n{"n":2}');
    expect((await values.next()).value).toEqual({ seq: 1, value: { n: 1 } });
    expect((await values.next()).value).toEqual({ seq: 1, value: { n: 2 } });
    await json.close();
    expect((await values.next()).done).toBe(true);
  });

  it('skips what is not JSON, too long or broken off, and says so', async () => {
    const bad: string[] = [];
    const { channels, publisher, subscriber } = channel('', { maxBytes: 100, onBad: ({ seq, reason }) => bad.push(`${seq} ${reason}`) });
    const values = subscriber[Symbol.asyncIterator]();
    const wait = values.next();
    await raw(publisher, '{"half":');
    await raw(publisher, JSON.stringify('x'.repeat(200)));
    await raw(publisher, '');
    await raw(publisher, '  \n');
    await raw(publisher, '"good"');
    expect((await wait).value).toEqual({ seq: 4, value: 'good' });
    expect(bad).toEqual([expect.stringMatching(/^0 not JSON: /), '1 more than 100 bytes']);
    expect(subscriber.bad).toBe(2);
    channels.close();
    expect((await values.next()).done).toBe(true);
  });

  it('never throws for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), async (segments) => {
        const { publisher, subscriber } = channel('application/jsonl');
        const reading = Array.fromAsync(subscriber);
        for (const bytes of segments) {
          const segment = publisher.next();
          segment.write(bytes);
          await segment.end();
        }
        await publisher.close();
        return Array.isArray(await reading);
      }),
    );
  });

  it('keeps the newest values while nothing can be sent, and does not wait for ever at the end', async () => {
    const timers = new ManualTimers();
    // Nobody listens there: port 9 of this machine discards at best.
    const publisher = new TricklePublisher('http://127.0.0.1:9/events', { contentType: 'application/json', timers });
    const json = new JsonPublisher(publisher, { limit: 3, timers });
    for (let n = 0; n < 10; n++) json.send(n);
    // One is on its way, three wait.
    await expect.poll(() => [json.waiting, json.dropped]).toEqual([3, 6]);
    const closing = json.close();
    await expect
      .poll(() => {
        timers.advance(1000);
        return timers.nearest;
      })
      .toBe(Number.POSITIVE_INFINITY);
    await closing;
    expect(json.dropped).toBe(10);
    expect(await publisher.ended).toBe('closed');
  });
});
