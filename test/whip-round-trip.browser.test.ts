// There and back: a page draws numbers and publishes them by WHIP, another Chromium watches by WHEP. `ROUND_TRIP_SECONDS=60` makes it a measurement.
import { expect, it } from 'vitest';
import type { StreamInfo, StreamStats } from '../src/api/schema.ts';
import { paintAndPublish, readSamples, recordShown, type Sample } from './canvas-publisher.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';

const seconds = Number(process.env.ROUND_TRIP_SECONDS ?? 3);
const [width, height] = process.env.ROUND_TRIP_SECONDS ? [1280, 720] : [640, 360];

it('painted numbers and frame ids advance together, no id for two pictures', { timeout: 120_000 + seconds * 2000 }, async () => {
  await using server = await testServer({});
  await using studio = await launchChromium();
  await using home = await launchChromium();
  const painter = await studio.page();
  const began = performance.now();
  await paintAndPublish(painter, server.url, { width, height });
  const info = () => server.json<StreamInfo>('api/streams/cam');
  await expect.poll(async () => (await info()).width, { timeout: 60_000, interval: 100 }).toBe(width);
  const fullSize = performance.now() - began;
  const viewer = await home.page();
  await viewer.goto(`${server.url}embed/cam?transport=webrtc`);
  await viewer.waitForFunction(() => (document.querySelector('sluice-player') as unknown as { shownFrame: unknown } | null)?.shownFrame);
  await recordShown(viewer, server.url);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await expect.poll(async () => (await readSamples(viewer)).filter(({ sure }) => sure).length, { timeout: 60_000 }).toBeGreaterThan(5);

  const samples = await readSamples(viewer);
  if (process.env.ROUND_TRIP_SECONDS) console.log(figures(samples, fullSize, await server.json('api/streams/cam/stats')));
  const read = samples.filter((sample) => sample.painted !== null);
  expect(read.length / samples.length).toBeGreaterThan(0.9);
  const paintedOf = new Map<number, number>();
  for (const { id, painted, sure } of read) {
    if (!sure) continue;
    expect(paintedOf.get(id) ?? painted).toBe(painted);
    paintedOf.set(id, painted!);
  }
  // Both rise together. A browser may take the same drawing twice (it does for a key frame): then the number stands for one id.
  const pairs = [...paintedOf].sort(([a], [b]) => a - b);
  const steps = pairs.slice(1).map(([, painted], i) => painted - pairs[i]![1]);
  expect(steps.filter((step) => step < 0)).toEqual([]);
  expect(steps.filter((step) => step === 0).length).toBeLessThanOrEqual(1 + pairs.length / 5);
  // One machine, one clock: the capture time is the time of drawing. A busy machine captures late what it has drawn.
  const error = at(
    read.map(({ stampError }) => stampError!),
    0.5,
  );
  expect(Math.abs(error)).toBeLessThan(1500);
});

function at(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)]!;
}

function figures(samples: readonly Sample[], fullSize: number, stats: StreamStats): string {
  const read = samples.filter(({ painted }) => painted !== null);
  const spread = (values: number[]) => `p50 ${at(values, 0.5).toFixed(1)} p95 ${at(values, 0.95).toFixed(1)} ms`;
  return [
    `${width}x${height} after ${(fullSize / 1000).toFixed(1)} s`,
    `${samples.length} pictures shown in ${seconds} s, ${samples.length - read.length} unreadable, ${samples.filter(({ sure }) => sure).length} told in time`,
    `glass to glass ${spread(read.map(({ latency }) => latency!))}`,
    `capture time minus time of drawing ${spread(read.map(({ stampError }) => stampError!))}`,
    `${read.filter(({ id }, i) => id < (read[i - 1]?.id ?? 0)).length} steps back on the screen`,
    `painted ${read.at(-1)!.painted! - read[0]!.painted!}, ids ${read.at(-1)!.id - read[0]!.id}`,
    JSON.stringify(stats.ledger),
  ].join('\n');
}
