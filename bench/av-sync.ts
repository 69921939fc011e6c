// How far sound and pictures are apart in the player: a pattern flashes and beeps on each whole second of its capture clock; Chromium plays
// it, the flash is read from the pixels that it shows and the beep from the sound that it plays.
//
//     npx node bench/av-sync.ts [--transport webrtc,hls] [--minutes 10] [--processor grey] [--fps 30] [--every 30]
//
// Needs Chromium and a built page (`npx vite build`). Positive: the sound comes late.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { StreamConfigInput } from '../src/api/schema.ts';
import type { SluicePlayer } from '../src/player/element.ts';
import { prepareProbe, readBeats, startProbe } from '../test/av-probe.ts';
import { launchChromium } from '../test/chromium.ts';
import { BenchServer } from './server.ts';

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'webrtc,hls' },
    minutes: { type: 'string', default: '10' },
    /** Name of a processor that stands in the way of the pictures. */
    processor: { type: 'string' },
    fps: { type: 'string', default: '30' },
    /** A row each so many seconds. */
    every: { type: 'string', default: '30' },
  },
});

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const share = (numbers: readonly number[], part: number) =>
  sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))] ?? Number.NaN;

function row(name: string, offsets: readonly number[]): string {
  if (!offsets.length) return `${name}  no beats`;
  const ms = (value: number) => `${value.toFixed(1).padStart(6)} ms`;
  const worst = Math.max(...offsets.map(Math.abs));
  return `${name}  ${String(offsets.length).padStart(4)} beats  p50 ${ms(share(offsets, 0.5))}  p5 ${ms(share(offsets, 0.05))}  p95 ${ms(share(offsets, 0.95))}  furthest ${ms(worst)}`;
}

const processors = (values.processor ? [{ use: values.processor }] : []) as NonNullable<StreamConfigInput['processors']>;
const signal = new AbortController().signal;
for (const transport of values.transport.split(',')) {
  await using server = await BenchServer.start(
    { beat: { source: { type: 'pattern', width: 640, height: 360, fps: Number(values.fps), audio: true }, processors } },
    { signal } as Parameters<typeof BenchServer.start>[1],
  );
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await prepareProbe(page);
  await page.goto(`${server.url}embed/beat?transport=${transport}`);
  await page.waitForFunction(() => (document.querySelector('sluice-player') as unknown as SluicePlayer).shownFrame);
  await page.evaluate(() => {
    (document.querySelector('sluice-player') as unknown as SluicePlayer).muted = false;
  });
  await delay(2000);
  await startProbe(page);
  const all: number[] = [];
  const rounds = Math.max(1, Math.round((Number(values.minutes) * 60) / Number(values.every)));
  for (let round = 0; round < rounds; round++) {
    await delay(Number(values.every) * 1000);
    const offsets = (await readBeats(page)).map(({ flash, beep }) => beep - flash);
    all.push(...offsets);
    const latency = await page.evaluate(() => (document.querySelector('sluice-player') as unknown as SluicePlayer).stats?.latency);
    const at = `${transport} after ${((round + 1) * Number(values.every)).toString().padStart(4)} s`;
    console.log(`${row(at, offsets)}  picture latency p50 ${latency?.p50.toFixed(0) ?? '-'} ms`);
  }
  // Browsers bring both together over some seconds.
  console.log(row(`${transport}, without the first 20 s`, all.slice(20)));
  if (chromium.errors.length) console.log(chromium.errors.slice(0, 5));
}
