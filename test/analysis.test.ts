// Histogram and sharpness on demand: every pixel at full depth, and nothing runs while nobody asks.
import { expect, it } from 'vitest';
import { TestPublisher } from './publisher.ts';
import { testServer } from './server.ts';

it('counts every pixel of a pushed 12-bit frame, at its very levels', async () => {
  await using server = await testServer();
  const publisher = await TestPublisher.open(server.url, 'cam');
  const samples = Uint16Array.from({ length: 40 * 30 }, (_, i) => (i < 1000 ? 7 : i < 1199 ? 1234 : 65_535));
  publisher.send(Date.now() * 1000, { format: 'gray16le', width: 40, height: 30, pixels: new Uint8Array(samples.buffer) });
  await publisher.answered();
  const histogram = async (query: string) =>
    await server.json<Record<string, unknown> & { bins: number[] }>(`api/streams/cam/histogram${query}`);
  const whole = await histogram('?bins=1024');
  expect(whole).toMatchObject({ frame: publisher.acked[0]!.id, low: 0, high: 65_535, min: 7, max: 65_535 });
  expect(whole.mean).toBeCloseTo((1000 * 7 + 199 * 1234 + 65_535) / 1200, 3);
  expect([whole.bins[0], whole.bins[Math.floor(1234 / 64)], whole.bins[1023]]).toEqual([1000, 199, 1]);
  const part = await histogram('?bins=4&low=0&high=3');
  expect(part.bins).toEqual([0, 0, 0, 1200]);
  expect(await histogram('?bins=1')).toMatchObject({ code: 'bad-value', field: 'bins', received: 1 });
  expect(await histogram('?low=9&high=2')).toMatchObject({ code: 'bad-value', field: 'high' });
  await publisher.close();
});

it('wakes a source that sleeps, shares one look, and leaves nothing running', async () => {
  const source = { type: 'pattern', kind: 'microscope', width: 64, height: 48, fps: 10 } as const;
  await using server = await testServer({ streams: { scope: { source, linger: '200ms' } } });
  const stream = server.streams.registry.get('scope');
  const [one, two, focus] = await Promise.all([
    server.json<{ frame: number; bins: number[] }>('api/streams/scope/histogram'),
    server.json<{ frame: number }>('api/streams/scope/histogram'),
    server.json<{ focus: number }>('api/streams/scope/focus'),
  ]);
  expect(one.frame).toBe(two.frame);
  expect(one.bins.reduce((sum, count) => sum + count, 0)).toBe(64 * 48);
  expect(focus.focus).toBeGreaterThan(0);
  await expect.poll(() => stream.state, { timeout: 20_000 }).toBe('asleep');
  expect(stream.renditions.filter(({ running }) => running)).toEqual([]);
});
