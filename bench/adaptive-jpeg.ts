// JPEG over a way whose width changes: quality, size and rate of one viewer over time, beside viewers that nobody disturbs.
//
//     npx node bench/adaptive-jpeg.ts [--seconds 60] [--mbit 5,50,2] [--adapt auto|fps] [--svg docs/adaptive-jpeg.svg]
//
// A viewer behind a relay that lets so many Mbit/s through (test/shaped-relay.ts), others beside it at two fixed qualities. Everything is
// counted where it arrives.
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { shapedRelay } from '../test/shaped-relay.ts';
import { plot, type Sample } from './adaptive-plot.ts';
import { percentile } from './result.ts';
import { BenchServer } from './server.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    mbit: { type: 'string', default: '5,50,2' },
    adapt: { type: 'string', default: 'auto' },
    url: { type: 'string', default: 'lavfi:testsrc2=size=1280x720:rate=30' },
    svg: { type: 'string' },
    json: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const phases = values.mbit.split(',').map(Number);
/** At the end of a phase nothing shall swing. */
const END_S = Math.min(20, seconds / 3);

function watch(port: string | number, query: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live/cam/ws?codec=jpeg&${query}`);
  const viewer = {
    frames: 0,
    bytes: 0,
    quality: 0,
    width: 0,
    delays: [] as number[],
    last: performance.now(),
    longest: 0,
    close: () => socket.terminate(),
  };
  socket.on('message', (data: Buffer, binary) => {
    if (!binary) {
      const message = JSON.parse(String(data)) as { type: string; quality?: number };
      if (message.quality !== undefined) viewer.quality = message.quality;
      return;
    }
    const { id, width, timestamp } = readFrameHeader(data);
    viewer.frames++;
    viewer.bytes += data.length;
    viewer.width = width;
    viewer.delays.push(Date.now() - timestamp / 1000);
    viewer.longest = Math.max(viewer.longest, performance.now() - viewer.last);
    viewer.last = performance.now();
    socket.send(JSON.stringify({ type: 'ack', id }));
  });
  return viewer;
}

const options = { seconds: null, viewers: [], profileDir: null, progress: () => {}, signal: new AbortController().signal };
await using server = await BenchServer.start({ cam: { source: { type: 'ffmpeg', url: values.url }, dvr: { mode: 'off' } } }, options);
const port = new URL(server.url).port;
await using relay = await shapedRelay(Number(port), phases[0]! * 1e6);
const others = Array.from({ length: 10 }, (_, i) => watch(port, `quality=${i % 2 ? 60 : 90}`));
await delay(3000);
const running = (await server.stats('cam')).renditions.filter(({ running, readers }) => running && readers > 0).length;
console.log(`${others.length} viewers at two qualities: ${running} encoders`);
// Two are enough to see whether anybody else notices.
for (const other of others.splice(2)) other.close();
const viewer = watch(relay.port, `quality=90&adapt=${values.adapt}`);
const samples: Sample[] = [];
const rows: Record<string, string | number>[] = [];
for (const mbit of phases) {
  relay.rate = mbit * 1e6;
  const from = samples.length;
  const before = others.map(({ frames }) => frames);
  for (let second = 0; second < seconds; second++) {
    const at = { frames: viewer.frames, bytes: viewer.bytes, free: others[0]!.frames, time: performance.now() };
    viewer.delays = [];
    viewer.longest = 0;
    await delay(1000);
    const span = (performance.now() - at.time) / 1000;
    samples.push({
      mbit,
      fps: (viewer.frames - at.frames) / span,
      quality: viewer.quality,
      width: viewer.width,
      sent: ((viewer.bytes - at.bytes) * 8) / span / 1e6,
      delay: percentile(viewer.delays, 0.5),
      free: (others[0]!.frames - at.free) / span,
      longest: viewer.longest,
    });
  }
  const all = samples.slice(from);
  const end = all.slice(-END_S);
  const changes = end.filter((sample, i) => i > 0 && (sample.quality !== end[i - 1]!.quality || sample.width !== end[i - 1]!.width)).length;
  const settled = all.findIndex((_, i) => all.slice(i, i + 5).every(({ fps }) => fps >= 24));
  const after = all.slice(Math.max(0, settled));
  rows.push({
    'Mbit/s': mbit,
    'quality, width at the end': `${end.at(-1)!.quality}, ${end.at(-1)!.width}`,
    'fps, whole phase': round(mean(all.map(({ fps }) => fps))),
    '24 fps after s': settled,
    'fps after that, mean / worst second': `${round(mean(after.map(({ fps }) => fps)))} / ${round(Math.min(...after.map(({ fps }) => fps)))}`,
    'changes at the end': changes,
    'Mbit/s used at the end': round(mean(end.map(({ sent }) => sent))),
    'delay ms, p50 at the end': round(
      percentile(
        end.map(({ delay }) => delay),
        0.5,
      ),
    ),
    'of the others': `${Math.round((100 * sum(after.map(({ fps }) => fps))) / Math.max(1, sum(after.map(({ free }) => free))))} %`,
    'fps of the others': round(mean(others.map(({ frames }, i) => (frames - before[i]!) / seconds))),
  });
}
console.table(rows);
if (values.svg) await writeFile(values.svg, plot(samples, seconds));
if (values.json) await writeFile(values.json, JSON.stringify({ rows, samples }));
viewer.close();
for (const other of others) other.close();

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}

function mean(numbers: readonly number[]): number {
  return sum(numbers) / Math.max(1, numbers.length);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
