// A stream that comes from a trickle channel, in a whole server: frames keep their capture times and their times of the stream, params change
// while it runs, its end is seen.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamInfo } from '../src/api/schema.ts';
import type { FrameInfo } from '../src/core/frame.ts';
import { type Micros, toTicks } from '../src/core/time.ts';
import { TS_WRAP } from '../src/formats/mpegts.ts';
import { RingFeed } from '../src/pipeline/ring-feed.ts';
import type { Stream } from '../src/pipeline/stream.ts';
import { TricklePublisher } from '../src/trickle/publisher.ts';
import { TrickleServer } from '../src/trickle/server.ts';
import { type TestServer, testServer } from './server.ts';
import { makeFilm, segmentsOf, sendPaced } from './trickle-film.ts';

const SOON = { timeout: 20_000 };
let server: TestServer;
let far: TrickleServer;

beforeAll(async () => {
  far = await TrickleServer.start({ autocreate: true });
  server = await testServer();
});
afterAll(async () => {
  await server?.close();
  await far?.close();
});

const linkOf = async (name: string) => (await server.json<StreamInfo>(`api/streams/${name}`)).trickle?.in;

test('a stream of this server once more: the same capture times, params that change in between, its end', async () => {
  const cam = await server.openStream('cam', { source: { type: 'pattern', width: 320, height: 192, fps: 30, audio: true } });
  const sent = new Set<number>();
  cam.events.on('captured', ({ info }) => sent.add(info.timestamp));
  const copy = await server.openStream('copy', { source: { type: 'trickle', url: 'cam' } });
  const frames: FrameInfo[] = [];
  copy.events.on('captured', ({ info }) => frames.push(info));
  using _awake = copy.demand();
  await expect.poll(() => frames.length, SOON).toBeGreaterThan(25);
  for (const { id, timestamp } of frames.slice(-20)) {
    expect(sent).toContain(timestamp);
    const ticks = copy.mediaTimes.of(id)!;
    expect(ticks % TS_WRAP).toBe(toTicks(timestamp) % TS_WRAP);
  }
  expect(await linkOf('copy')).toMatchObject({ channel: 'cam', own: true, state: 'live', reconnects: 0 });
  const segments = (await linkOf('copy'))!.segments;

  const response = await server.fetch('api/streams/copy/params', {
    method: 'PATCH',
    body: JSON.stringify({ width: 96, height: 96, fps: 10 }),
    headers: { 'content-type': 'application/json' },
  });
  const { frame } = (await response.json()) as { frame: number };
  await expect.poll(() => frames.at(-1)!.id - frame, SOON).toBeGreaterThan(6);
  for (const { id, width, height } of frames) expect([id, width, height]).toEqual(id < frame ? [id, 320, 192] : [id, 96, 96]);
  const slow = frames.filter(({ id }) => id >= frame);
  const seconds = (slow.at(-1)!.timestamp - slow[1]!.timestamp) / 1e6;
  // Ten a second; one that was late does not put off those behind it.
  expect(slow.length - 2).toBeLessThanOrEqual(seconds * 10 + 1);
  // It went on with the same connection.
  expect((await linkOf('copy'))!.segments).toBeGreaterThanOrEqual(segments);
  expect(await linkOf('copy')).toMatchObject({ reconnects: 0, dropped: 0 });

  const half = await server.fetch('api/streams/copy/params', {
    method: 'PATCH',
    body: JSON.stringify({ width: null }),
    headers: { 'content-type': 'application/json' },
  });
  expect([half.status, await half.text()]).toEqual([400, expect.stringContaining('together with width')]);

  await server.fetch('api/streams/cam', { method: 'DELETE' });
  await expect.poll(() => copy.state, SOON).toBe('lost');
  // Not "connecting": how it ended stays to be seen, and what had come.
  const ended = (await linkOf('copy'))!;
  expect(ended).toMatchObject({ channel: 'cam', state: 'ended' });
  expect(ended.segments).toBeGreaterThanOrEqual(segments);
});

test('a late join: no picture is lost, also where a reader is slower than the decoder; a rest within a segment shows none twice', async () => {
  const units = await makeFilm({ pictures: 150, key: 75, identity: (server.clock.now() - 20_000_000) as Micros });
  const publisher = new TricklePublisher(`${far.url}film`);
  // The first segment lies there before anybody comes.
  const [first] = segmentsOf(units);
  const segment = publisher.next();
  for (const chunk of first!) segment.write(chunk);
  await expect.poll(() => far.channels.get('film')?.stats.held ?? 0, SOON).toBeGreaterThan(0);
  const stream = await server.openStream('film', {
    source: { type: 'trickle', url: `${far.url}film` },
    linger: 0,
  });
  // Takes longer for a picture than its decoder, and loses none.
  const taken: number[] = [];
  const slow = slowReader(stream, taken);
  const awake = stream.demand();
  await expect.poll(() => taken.length, SOON).toBe(75);
  expect(stream.hub.published).toBe(75);
  expect(stream.hub.dropped.total).toBe(0);
  awake[Symbol.dispose]();
  await expect.poll(() => stream.state, SOON).toBe('asleep');
  using _again = stream.demand();
  await expect.poll(async () => (stream.sourceDetails?.pictures as { seen?: number } | undefined)?.seen, SOON).toBe(75);
  expect([stream.hub.published, stream.hub.refused.total]).toEqual([75, 0]);
  await segment.end();
  await sendPaced(publisher, units.filter(({ index }) => index >= 75).slice(0, 10));
  await expect.poll(() => stream.hub.published, SOON).toBe(85);
  await expect.poll(() => taken.length, SOON).toBe(85);
  expect(slow.lost).toBe(0);
  slow.stop();
  await publisher.close();
});

/** A reader of raw pictures, four of which may wait for it; it takes 6 ms for each. */
function slowReader(stream: Stream, taken: number[]) {
  const seat = stream.hub.seat(4, false, (ring) => feed.add(ring));
  const feed = new RingFeed(seat.number, seat.ring);
  const timer = setInterval(() => {
    const frame = feed.take();
    if (!frame) return;
    taken.push(frame.info.id);
    frame.done();
  }, 6);
  return {
    get lost() {
      return seat.counts().lost;
    },
    stop: () => {
      clearInterval(timer);
      seat[Symbol.dispose]();
    },
  };
}
