// A program whose clock is set back by an hour and forward again while it pushes: no name of a segment ever stands for other bytes, the
// playlist only goes on, and every frame keeps its own capture time.
import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import { readIdentities } from '../src/formats/fmp4-read.ts';
import type { StreamNote } from '../src/pipeline/capture-watch.ts';
import { HlsClient } from './hls-client.ts';
import { pushIrregular, TestPublisher } from './publisher.ts';
import { testServer } from './server.ts';

const HOUR = 3_600_000_000;

test('a publisher whose clock is set back and forward again', { timeout: 90_000 }, async () => {
  await using server = await testServer({});
  const publisher = await TestPublisher.open(server.url, 'x');
  const notes: StreamNote[] = [];
  const client = new HlsClient(server.fetch, 'x');
  const bytesOf = new Map<string, Uint8Array>();
  const frames = new Map<number, number>();
  let sequence = 0;
  let newest = 0;
  const look = async () => {
    const playlist = await client.playlist();
    expect(playlist.mediaSequence).toBeGreaterThanOrEqual(sequence);
    expect(playlist.mediaSequence + playlist.segments.length).toBeGreaterThanOrEqual(newest);
    sequence = playlist.mediaSequence;
    newest = playlist.mediaSequence + playlist.segments.length;
    for (const [i, segment] of playlist.segments.entries()) {
      if (playlist.gaps[i]) continue;
      const bytes = await client.bytes(segment.uri);
      expect(Buffer.from(bytes)).toEqual(Buffer.from(bytesOf.get(segment.uri) ?? bytes));
      bytesOf.set(segment.uri, bytes);
      for (const { identity } of readIdentities(bytes)) frames.set(identity.id, identity.timestamp);
    }
    return playlist;
  };

  const now = () => server.clock.now();
  await pushIrregular(publisher, 100, now, 1);
  server.streams.registry.get('x').events.on('note', (note) => notes.push(note));
  await look();
  await pushIrregular(publisher, 200, () => now() - HOUR, 2);
  await look();
  await pushIrregular(publisher, 200, now, 3);
  const playlist = await look();

  expect(notes.map(({ kind, label }) => `${kind}: ${label}`)).toEqual([
    'clock: capture clock set back by 60 min',
    'clock: capture clock set forward by 60 min',
  ]);
  expect(playlist.segments.filter((segment) => segment.discontinuity)).toHaveLength(2);
  // Three frames in a row prove the step: two of them are lost.
  expect(publisher.acked).toHaveLength(498);
  const kept = publisher.acked.filter(({ id }) => frames.has(id));
  for (const { id, timestamp } of kept) expect(frames.get(id)).toBe(timestamp);
  const old = publisher.acked.filter(({ timestamp }) => timestamp < now() - HOUR / 2);
  expect(old.length).toBe(198);
  // A beginning waits for the next 2 s of the grid.
  expect(old.filter(({ id }) => frames.has(id)).length).toBeGreaterThan(100);

  const timeline = await server.json<Timeline>('live/x/timeline.json');
  expect(timeline.gaps.filter(({ reason }) => reason === 'the clock was set')).toHaveLength(2);
  // Nobody knows how long the last frame before a step lasts: a part at most.
  for (const [i, segment] of timeline.segments.entries()) {
    expect(segment.start).toBeGreaterThanOrEqual((timeline.segments[i - 1]?.end ?? 0) - 210_000);
  }
  // By id and by the capture time that the frame itself has.
  const asked = old.filter(({ id }) => frames.has(id))[50]!;
  for (const query of [`frame=${asked.id}`, `timestamp=${asked.timestamp}`]) {
    const response = await server.fetch(`live/x/snapshot.png?${query}`);
    expect(response.headers.get('x-sluice-frame')).toBe(String(asked.id));
    PNG.sync.read(Buffer.from(await response.arrayBuffer()));
  }
  await publisher.close();
});
