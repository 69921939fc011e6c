// The real pytrickle, go-livepeer's trickle server and ours in every combination: whether all pictures come through with their PTS, how late they
// are, what it costs, and how soon the end is seen.
//
//     PYTRICKLE=/path/of/its/source npx node bench/trickle-pytrickle.ts [--seconds 60] [--python python3] [--go PROGRAM] [--only a,b]
//
// See bench/pytrickle/README.md. `--go`: a program that serves go-livepeer's trickle package and prints its base URL; without it the rows that
// need it are left out.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Child } from './child.ts';
import type { ProcessorMethods } from './children/trickle-processor.ts';
import type { TrickleServerMethods } from './children/trickle-server.ts';
import { childrenOf, cpuOf } from './processes.ts';
import { makeClip, type Unit } from './pytrickle/clip.ts';
import { type Make, openSink, readMedia, startPython } from './pytrickle/media.ts';
import { create, remove, type SentTimes, sendInTime, startStream } from './pytrickle/plain.ts';
import { percentile } from './result.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    python: { type: 'string', default: 'python3' },
    go: { type: 'string', default: process.env.GO_TRICKLE_SERVER ?? '' },
    only: { type: 'string', default: '' },
  },
});
const seconds = Number(values.seconds);
/** Pictures of the first seconds are those of the start. */
const START_S = 2;

interface Row {
  readonly id: string;
  readonly server: 'go' | 'ours';
  /** `python`: `sluice.pytrickle`. `+ tensor`: it makes negatives, all others give frames back as they are. */
  readonly processor: 'ours' | 'pytrickle' | 'python' | 'pytrickle + tensor' | 'python + tensor';
  readonly publisher: Make;
  readonly reader: Make;
}

const ROWS: readonly Row[] = [
  { id: 'reference', server: 'go', processor: 'pytrickle', publisher: 'plain', reader: 'plain' },
  { id: 'a', server: 'ours', processor: 'pytrickle', publisher: 'ours', reader: 'ours' },
  { id: 'b', server: 'ours', processor: 'ours', publisher: 'pytrickle', reader: 'pytrickle' },
  { id: 'c', server: 'go', processor: 'pytrickle', publisher: 'ours', reader: 'ours' },
  { id: 'd', server: 'go', processor: 'ours', publisher: 'ours', reader: 'ours' },
  { id: 'e', server: 'ours', processor: 'ours', publisher: 'ours', reader: 'ours' },
  { id: 'f', server: 'ours', processor: 'python', publisher: 'ours', reader: 'ours' },
  { id: 'g', server: 'ours', processor: 'pytrickle + tensor', publisher: 'ours', reader: 'ours' },
  { id: 'h', server: 'ours', processor: 'python + tensor', publisher: 'ours', reader: 'ours' },
];

/** Something that runs in a process of its own. */
interface Part extends AsyncDisposable {
  readonly url: string;
  /** ms since its start. */
  cpu(): number | Promise<number>;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function startServer(kind: Row['server']): Promise<Part> {
  if (kind === 'ours') {
    const child = await Child.start<TrickleServerMethods>('trickle-server.ts', {});
    return { url: await child.call('url'), cpu: () => child.call('cpu'), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  }
  const child = spawn(values.go, ['-autocreate'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { url: line.trim(), cpu: () => cpuOf(child.pid!), [Symbol.asyncDispose]: () => end(child) };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

async function startProcessor(kind: Row['processor']): Promise<Part> {
  if (kind === 'ours') {
    const child = await Child.start<ProcessorMethods>('trickle-processor.ts', { changes: false });
    return { url: await child.call('url'), cpu: () => child.call('cpu'), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  }
  const port = await freePort();
  const own = kind.startsWith('python');
  const env = { FACE: own ? 'sluice' : '', WORK: kind.endsWith('tensor') ? 'tensor' : '' };
  const child = startPython(values.python, env, 'passthrough.py', String(port));
  const url = `http://127.0.0.1:${port}/`;
  while ((await health(url)) !== 'IDLE') {
    if (child.exitCode !== null) throw new Error(`${kind} ended with exit code ${child.exitCode}; PYTRICKLE_LOG=1 shows why`);
    await pause(200);
  }
  const family = () => [child.pid!, ...childrenOf(child.pid!)].reduce((sum, pid) => sum + cpuOf(pid), 0);
  return { url, cpu: family, [Symbol.asyncDispose]: () => end(child) };
}

async function health(url: string): Promise<string | null> {
  try {
    return ((await (await fetch(new URL('health', url))).json()) as { status: string }).status;
  } catch {
    return null;
  }
}

/** How long until the processor says that it has no stream any more, ms after `from`; `null` = not within 10 s. */
async function idleAfter(url: string, from: number): Promise<number | null> {
  while (performance.now() < from + 10_000) {
    if ((await health(url)) === 'IDLE') return performance.now() - from;
    await pause(20);
  }
  return null;
}

/** How many are missing at the beginning, between others, and at the end. */
function placesOf(there: readonly boolean[]): string {
  const first = there.indexOf(true);
  const last = there.length - 1 - there.lastIndexOf(true);
  if (first < 0) return `all ${there.length}`;
  return `${first} + ${there.filter((one) => !one).length - first - last} + ${last}`;
}

async function run(row: Row, clip: readonly Unit[]): Promise<string[]> {
  await using server = await startServer(row.server);
  await using processor = await startProcessor(row.processor);
  const channel = (name: string) => `${server.url}${name}`;
  for (const name of ['in', 'out']) await create(channel(name), 'video/mp2t');
  for (const name of ['control', 'events', 'data']) await create(channel(name), 'application/json');
  const stop = new AbortController();
  const reading = readMedia(row.reader, channel('out'), values.python, stop.signal);
  const sink = openSink(row.publisher, channel('in'), values.python);
  // Programs of Python take their time to begin.
  if (row.reader === 'pytrickle') await pause(5000);
  await startStream(processor.url, channel);
  await pause(500);

  const sent: SentTimes = new Map();
  const sending = sendInTime(clip, sink, sent);
  await pause(START_S * 1000);
  const before = { processor: await processor.cpu(), server: await server.cpu(), at: performance.now() };
  await sending;
  const after = { processor: await processor.cpu(), server: await server.cpu(), at: performance.now() };
  await sink.finish();
  // As an orchestrator does: whoever made the channels deletes those that nobody is to write any more.
  const endAt = performance.now();
  await sink.close();
  for (const name of ['in', 'control']) await remove(channel(name));
  const idle = await idleAfter(processor.url, endAt);
  // pytrickle leaves its output open: somebody else has to end it.
  const left = row.processor.startsWith('pytrickle') ? performance.now() : null;
  if (left !== null) await remove(channel('out'));
  const limit = setTimeout(() => stop.abort(), 5000);
  const { arrivals, segments, endedAt } = await reading;
  clearTimeout(limit);

  const got = new Map(arrivals.pictures.map((picture) => [picture.pts, picture]));
  const first = clip[0]!.pts + START_S * 90_000;
  const late = clip
    .filter(({ pts }) => pts >= first && got.has(pts))
    .map(({ pts }) => got.get(pts)!.lastAt - sent.get(pts)!)
    .sort((a, b) => a - b);
  const unknown = arrivals.pictures.filter(({ pts }) => !sent.has(pts)).length;
  const cpu = (of: 'processor' | 'server') => ((after[of] - before[of]) / (after.at - before.at)).toFixed(3);
  const ms = (value: number | null) => (value === null ? 'never' : `${Math.round(value)} ms`);
  return [
    row.id,
    `${row.publisher} → ${row.server} → **${row.processor}** → ${row.server} → ${row.reader}`,
    `${clip.length} / ${arrivals.pictures.length}`,
    placesOf(clip.map(({ pts }) => got.has(pts))),
    unknown === 0 ? 'all' : `${unknown} unknown`,
    `${percentile(late, 0.05).toFixed(0)} / ${percentile(late, 0.5).toFixed(0)} / ${percentile(late, 0.95).toFixed(0)}`,
    cpu('processor'),
    cpu('server'),
    ms(idle),
    endedAt === null ? 'never' : ms(endedAt - (left ?? endAt)),
    `${segments.length}${arrivals.wrong.length ? `, wrong: ${arrivals.wrong[0]}` : ''}`,
  ];
}

const only = values.only ? values.only.split(',') : ROWS.map(({ id }) => id);
const folder = await mkdtemp(join(tmpdir(), 'sluice-trickle-'));
try {
  const clip = await makeClip(folder, seconds);
  const line = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  line([
    '',
    'way',
    'pictures in / out',
    'not out: first + between + last',
    'PTS',
    'p5 / p50 / p95 ms',
    'CPU s/s',
    'of the server',
    'idle after the end',
    'end seen',
    'segments',
  ]);
  line(['---', '---', '---:', '---:', '---', '---:', '---:', '---:', '---:', '---:', '---:']);
  for (const row of ROWS) {
    if (!only.includes(row.id)) continue;
    if (row.server === 'go' && !values.go) process.stderr.write(`${row.id}: left out, there is no --go\n`);
    else line(await run(row, clip));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
