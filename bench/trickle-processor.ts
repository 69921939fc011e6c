// Latency and cost of a pass-through stream processor: a publisher, a trickle server, the processor in a process of its own, and a reader of
// what it publishes, all on this machine.
//
//     npx node bench/trickle-processor.ts [--seconds 60] [--changes] [--profile DIR] [--processor URL --pid N]
//
// A clip of 720p30 is sent picture by picture at its times. Latency is from the first byte of a PES packet handed to the publisher until the
// last one of the picture with the same PTS was read. `--processor` takes one that runs already, such as pytrickle's.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { TricklePublisher } from '../src/trickle/publisher.ts';
import type { SegmentWriter } from '../src/trickle/segments.ts';
import { TrickleServer } from '../src/trickle/server.ts';
import { Child } from './child.ts';
import type { ProcessorMethods } from './children/trickle-processor.ts';
import { cpuOf } from './processes.ts';
import { makeClip } from './pytrickle/clip.ts';
import { create, readChannel, type SentTimes, sendInTime, startStream } from './pytrickle/plain.ts';
import { percentile } from './result.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    changes: { type: 'boolean', default: false },
    profile: { type: 'string' },
    processor: { type: 'string' },
    pid: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
/** Pictures of the first seconds are those of the start. */
const START_S = 3;

const folder = await mkdtemp(join(tmpdir(), 'sluice-trickle-'));
const server = await TrickleServer.start({ autocreate: true });
const profile = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
const child = values.processor ? null : await Child.start<ProcessorMethods>('trickle-processor.ts', { changes: values.changes }, profile);
try {
  const url = values.processor ?? (await child!.call('url'));
  const cpu = async () => (child ? await child.call('cpu') : cpuOf(Number(values.pid)));
  const clip = await makeClip(folder, seconds);
  const channel = (name: string) => `${server.url}${name}`;
  for (const name of ['in', 'out']) await create(channel(name), 'video/mp2t');
  for (const name of ['events', 'data']) await create(channel(name), 'application/json');
  await create(channel('control'), 'application/json');
  const reading = readChannel(channel('out'), AbortSignal.timeout((seconds + 30) * 1000));

  const publisher = new TricklePublisher(channel('in'));
  let segment: SegmentWriter | null = null;
  const sink = {
    next: () => {
      void segment?.end();
      segment = publisher.next();
    },
    write: (bytes: Buffer) => void segment!.write(bytes),
  };
  await startStream(url, channel);

  const sent: SentTimes = new Map();
  const sending = sendInTime(clip, sink, sent);
  await delay(START_S * 1000);
  const [cpuBefore, began] = [await cpu(), performance.now()];
  await sending;
  const [cpuAfter, ended] = [await cpu(), performance.now()];
  await (segment as SegmentWriter | null)?.end();
  const closedAt = performance.now();
  await publisher.close();
  const { arrivals, segments, endedAt } = await reading;

  const first = clip[0]!.pts + START_S * 90_000;
  const got = new Map(arrivals.pictures.map((picture) => [picture.pts, picture]));
  const unknown = arrivals.pictures.filter(({ pts }) => !sent.has(pts)).length;
  const missing = clip.filter(({ pts }) => !got.has(pts));
  const delays = clip
    .filter(({ pts }) => pts >= first && got.has(pts))
    .map(({ pts }) => got.get(pts)!.lastAt - sent.get(pts)!)
    .sort((a, b) => a - b);
  const lines = [
    `frames in ${clip.length}, out ${arrivals.pictures.length}; not out ${missing.length} (after ${START_S} s: ${missing.filter(({ pts }) => pts >= first).length}); PTS that were not sent ${unknown}`,
    `PES to PES: p5 ${percentile(delays, 0.05).toFixed(1)} ms, p50 ${percentile(delays, 0.5).toFixed(1)} ms, p95 ${percentile(delays, 0.95).toFixed(1)} ms, max ${delays.at(-1)?.toFixed(1)} ms`,
    `CPU of the processor ${((cpuAfter - cpuBefore) / (ended - began)).toFixed(3)} s/s`,
    `segments out ${segments.length}; wrong ${arrivals.wrong.length}${arrivals.wrong.length ? ` (${arrivals.wrong[0]})` : ''}`,
    `end of the output seen ${endedAt === null ? 'never' : `${Math.round(endedAt - closedAt)} ms`} after that of the input`,
  ];
  if (child) lines.push(`resident ${Math.round((await child.call('rss')) / 2 ** 20)} MB`);
  process.stdout.write(`${lines.join('\n')}\n`);
} finally {
  await child?.[Symbol.asyncDispose]();
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
