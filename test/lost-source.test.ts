// A source that is silent for longer than repeats last: the gap grows while it lasts, is one gap from frame to frame afterwards, and the
// playlist stays within its own rules.
import { expect, test, vi } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import type { MarkerPage } from '../src/api/timeline.ts';
import { HlsClient } from './hls-client.ts';
import { testServer } from './server.ts';

test('a source that is lost for 13 s', { timeout: 120_000 }, async () => {
  const source = { type: 'pattern', width: 320, height: 192, fps: 20, gap: { every: '20s', length: '13s' } } as const;
  await using server = await testServer({ streams: { cam: { source, dvr: { mode: 'always' } } } });
  const gapsOf = async () => await server.json<Timeline>('live/cam/timeline.json?frames=0');
  const wait = { timeout: 60_000, interval: 200 };

  await vi.waitUntil(async () => (await gapsOf()).gaps.length > 0, wait);
  const open = await gapsOf();
  expect(open.gaps).toHaveLength(1);
  expect(open.gaps[0]).toMatchObject({ reason: 'no frames came' });
  expect(Math.abs(open.gaps[0]!.end - open.now)).toBeLessThan(1000);

  await vi.waitUntil(async () => {
    const { gaps, end } = await gapsOf();
    return gaps.some((gap) => gap.end - gap.start > 10_000_000 && end! > gap.end + 4_500_000);
  }, wait);
  const after = await gapsOf();
  expect(after.gaps[0]!.start).toBe(open.gaps[0]!.start);
  expect(after.gaps.filter(({ start }) => start < after.gaps[0]!.end)).toHaveLength(1);
  expect(after.gaps[0]!.end - after.gaps[0]!.start).toBeGreaterThan(12_000_000);

  const playlist = await new HlsClient(server.fetch, 'cam').playlist();
  for (const segment of playlist.segments) expect(Math.round(segment.duration)).toBeLessThanOrEqual(playlist.targetDuration);
  expect(playlist.segments.some(({ discontinuity }) => discontinuity)).toBe(true);

  const { items } = await server.json<MarkerPage>('api/streams/cam/markers');
  expect(items.slice(0, 2).map(({ kind, label }) => `${kind}: ${label}`)).toEqual([
    'source: no more frames came',
    'source: frames come again',
  ]);
  // The gap's ends are media times: to the tick of 11 µs.
  expect(Math.abs(items[0]!.timestamp - after.gaps[0]!.start)).toBeLessThanOrEqual(12);
});
