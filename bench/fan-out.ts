// One stream, more and more viewers of one kind: what each further viewer costs the server.
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamConfigInput } from '../src/api/schema.ts';
import { type BenchOptions, type Result, result } from './result.ts';
import { BenchServer, type Load } from './server.ts';
import { type Delivered, Viewers } from './viewers.ts';

export interface FanOut {
  readonly kind: 'jpeg' | 'lossless' | 'h264' | 'mjpeg' | 'hls';
  readonly stream: StreamConfigInput;
  /** Seconds of a window. */
  readonly seconds: number;
  /** Codec of the rendition that they share. */
  readonly codec: 'jpeg' | 'lossless' | 'avc1';
  /** ms of CPU time per second of a viewer. */
  readonly cpuBudget: number;
  /** What a viewer gets per second, for the row that says whether it did. */
  readonly delivered: (sum: Delivered) => number;
  readonly deliveredUnit: string;
  /** How many watch, phase by phase, where it is not the usual. */
  readonly viewers?: readonly number[];
}

interface Phase {
  readonly viewers: number;
  readonly load: Load;
  readonly delivered: Delivered;
  readonly memory: number;
  readonly encoders: number;
}

const VIEWERS = [1, 20, 50];
const MEMORY_BUDGET_MB = 1;

export async function measureFanOut(fanOut: FanOut, options: BenchOptions): Promise<Result[]> {
  const seconds = options.seconds ?? fanOut.seconds;
  const counts = options.viewers ?? fanOut.viewers ?? VIEWERS;
  await using server = await BenchServer.start({ cam: fanOut.stream }, options);
  await using viewers = await Viewers.start(server.url, 'cam');
  const phases: Phase[] = [];
  const pause = (atMost: number) => delay(Math.min(atMost, seconds * 500), undefined, { signal: options.signal });
  // Code that runs for the first time is slow and takes memory once: neither belongs to the viewers.
  options.progress('warming up');
  await viewers.set(fanOut.kind, counts[1] ?? 1);
  await viewers.untilMoving(options.signal);
  await pause(4000);
  await viewers.set(fanOut.kind, 0);
  await pause(500);
  for (const count of counts) {
    options.progress(`${count} viewer${count === 1 ? '' : 's'}`);
    await viewers.set(fanOut.kind, count);
    await viewers.untilMoving(options.signal);
    await pause(2000);
    await server.memory();
    const { value: load, delivered } = await viewers.during(() => server.load(seconds));
    const { renditions } = await server.stats('cam');
    const encoders = renditions.filter((rendition) => rendition.codec.startsWith(fanOut.codec) && rendition.readers > 0).length;
    phases.push({ viewers: count, load, delivered, memory: await server.memory(), encoders });
  }
  return rows(phases, fanOut);
}

function rows(phases: readonly Phase[], fanOut: FanOut): Result[] {
  const [first, ...more] = phases;
  const last = phases.at(-1);
  if (!first || !last) return [];
  const results = [result(`whole server, ${first.viewers} viewer`, first.load.all, 'ms/s', { note: 'source and encoder included' })];
  for (const phase of more) {
    const extra = phase.viewers - first.viewers;
    const each = (phase.load.delivery - first.load.delivery) / extra;
    const whole = (phase.load.all - first.load.all) / extra;
    const note = `without media workers; with them ${whole.toFixed(2)}`;
    results.push(result(`CPU per extra viewer, ${phase.viewers} viewers`, each, 'ms/s', { budget: fanOut.cpuBudget, note }));
  }
  if (more.length) {
    const megabytes = (last.memory - first.memory) / 1e6 / (last.viewers - first.viewers);
    const note = 'resident, after garbage collection';
    results.push(result(`memory per extra viewer, ${last.viewers} viewers`, megabytes, 'MB', { budget: MEMORY_BUDGET_MB, note }));
  }
  const bytes = last.delivered.bytes / last.viewers / 1e6;
  results.push(
    result(`encoders, ${last.viewers} viewers`, last.encoders, '', { budget: 1 }),
    result(`delivered per viewer, ${last.viewers} viewers`, fanOut.delivered(last.delivered) / last.viewers, fanOut.deliveredUnit, {
      note: `${bytes.toFixed(2)} MB/s each`,
    }),
  );
  return results;
}
