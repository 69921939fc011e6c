// What a processor in a Python process costs that gives every picture back as it is.
//
//     npx node bench/external-processor.ts [--seconds 10] [--python /usr/bin/python3]
//
// First 1080p rgb24 as fast as it goes, one picture at a time, between the chain's session and the program: in shared memory, and through the
// socket. Then in a server: 30 pictures a second of the pattern, with the processor and without, at 1080p and at 720p.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseInput } from '../src/api/zod-problem.ts';
import type { Micros } from '../src/core/time.ts';
import { ProgramDoors } from '../src/processors/external/address.ts';
import { openSession } from '../src/processors/external/session.ts';
import type { SessionHost } from '../src/processors/session.ts';
import { childrenOf, cpuOf } from './processes.ts';
import { percentile } from './result.ts';
import { BenchServer } from './server.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, python: { type: 'string', default: 'python3' } } });
const seconds = Number(values.seconds);

/** The processor under test: 7 lines. `memory=False`: through the socket. */
const PROGRAM = `
import os, sluice._link
if os.environ["WAY"] == "socket":
    sluice._link.Link.local = property(lambda self: False, lambda self, value: None)
from sluice import processor, run
@processor("cam")
def same(frame):
    return frame
run(same, server=os.environ["SERVER"])
`;

function python(server: string, way: 'memory' | 'socket' = 'memory'): ChildProcess {
  const client = fileURLToPath(new URL('../clients/python', import.meta.url));
  const env = { ...process.env, PYTHONPATH: client, SERVER: server, WAY: way };
  return spawn(values.python, ['-c', PROGRAM], { stdio: ['ignore', 'ignore', 'inherit'], env });
}

/** CPU time of a program and of the processes that it has started, ms. */
function cpuOfFamily(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + cpuOf(one), 0);
}

async function end(program: ChildProcess): Promise<void> {
  program.kill();
  if (program.exitCode === null) await once(program, 'exit');
}

function row(cells: readonly (string | number)[]): void {
  process.stdout.write(`| ${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(cell < 10 ? 2 : 0) : cell)).join(' | ')} |\n`);
}

/** As fast as it goes: what the thread of a chain does, without the chain. */
async function fast(way: 'memory' | 'socket'): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const doors = new ProgramDoors(folder);
  const web = createServer(
    (_request, answer) => void answer.end(JSON.stringify({ ...doors.address('cam', 'external'), token: doors.token })),
  );
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as { port: number };
  const host: SessionHost = {
    now: () => 0 as Micros,
    progress: () => {},
    found: () => {},
    timing: () => {},
    away: () => {},
    back: () => {},
    log: () => {},
    broken: (error) => process.stderr.write(`${String(error)}\n`),
    parse: (schema, input) => parseInput(schema, input) as Record<string, unknown>,
  };
  const options = { ...doors.options('cam', 'external', { deadline: 10, memory: 1024 }) };
  const session = await openSession({ id: 'external', stream: 'cam', kind: 'external', use: 'external', params: {}, options }, host);
  const program = python(`http://127.0.0.1:${port}`, way);
  try {
    const signal = new AbortController().signal;
    await session.load(signal);
    const bytes = 1920 * 1080 * 3;
    const input = new Uint8Array(new SharedArrayBuffer(bytes));
    const output = new Uint8Array(new SharedArrayBuffer(bytes));
    let id = 0;
    const one = async () => {
      id++;
      const times = { timestamp: (id * 33_333) as Micros, received: (id * 33_333) as Micros };
      const info = { id, ...times, format: 'rgb24' as const, width: 1920, height: 1080, significantBits: 8 };
      await session.video!({ info, metadata: {}, input, signal, room: () => output, edit: () => output });
    };
    for (let i = 0; i < 30; i++) await one();
    const took: number[] = [];
    const before = { own: process.cpuUsage(), python: cpuOfFamily(program.pid!), at: performance.now() };
    while (performance.now() - before.at < seconds * 1000) {
      const started = performance.now();
      await one();
      took.push(performance.now() - started);
    }
    const elapsed = (performance.now() - before.at) / 1000;
    const own = process.cpuUsage(before.own);
    const each = took.length;
    const pythonMs = (cpuOfFamily(program.pid!) - before.python) / each;
    row([
      `1080p, as fast as it goes, ${way}`,
      each / elapsed,
      percentile(took, 0.5),
      percentile(took, 0.95),
      (own.user + own.system) / 1000 / each,
      pythonMs,
    ]);
  } finally {
    await session.close();
    await end(program);
    web.close();
    doors[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a server, at 30 pictures a second. */
async function steady(width: number, height: number, external: boolean): Promise<void> {
  const options = { seconds: null, viewers: null, profileDir: null, progress: () => {}, signal: new AbortController().signal };
  const source = { type: 'pattern' as const, kind: 'testbars' as const, width, height, fps: 30 };
  const processors = external ? [{ use: 'external', flow: 'every' as const }] : [];
  await using server = await BenchServer.start({ cam: { source, processors } }, options);
  // One small picture a second: the stream is wanted, and next to nothing else is done for it.
  const viewer = new WebSocket(new URL('live/cam/ws?codec=raw&width=64&fps=1', server.url.replace('http', 'ws')));
  viewer.binaryType = 'arraybuffer';
  viewer.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) viewer.send(JSON.stringify({ type: 'ack', id: Number(new DataView(data).getBigUint64(24, true)) }));
  };
  const program = external ? python(server.url) : null;
  try {
    await delay(4000);
    const before = { python: program ? cpuOfFamily(program.pid!) : 0, stats: await server.stats('cam') };
    const load = await server.load(seconds);
    const stats = await server.stats('cam');
    const stage = stats.processors[0];
    const pythonMs = program ? (cpuOfFamily(program.pid!) - before.python) / seconds : 0;
    const frames = stats.ledger.shown - before.stats.ledger.shown;
    const name = `${width}x${height} at 30, ${external ? 'with the processor' : 'without'}`;
    const each = 30;
    row([name, frames / seconds, stage?.processMs.p50 ?? 0, stage?.processMs.p95 ?? 0, load.all / each, pythonMs / each]);
    if (stage) row(['its latency from capture, p50 and p95', '', stage.latencyMs.p50 ?? 0, stage.latencyMs.p95 ?? 0, '', '']);
  } finally {
    viewer.close();
    if (program) await end(program);
  }
}

row(['', 'pictures/s', 'p50 ms', 'p95 ms', 'CPU of Sluice, ms/picture', 'CPU of Python, ms/picture']);
row(['---', '---:', '---:', '---:', '---:', '---:']);
await fast('memory');
await fast('socket');
for (const [width, height] of [
  [1920, 1080],
  [1280, 720],
] as const) {
  await steady(width, height, false);
  await steady(width, height, true);
}
