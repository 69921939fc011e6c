// What 1, 5 and 20 readers of one trickle channel cost its server at 8.5 Mbit/s: ours in a process of its own, and beside it, in turn and
// with the same clients, another server, such as one made of Livepeer's own Go package.
//
//     npx node bench/trickle-readers.ts [--seconds 15] [--rounds 3] [--other "PROGRAM -autocreate"] [--profile DIR]
//
// The other program prints the base of its channels as its first line.
import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuOf, memoryOf } from './processes.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    rounds: { type: 'string', default: '3' },
    readers: { type: 'string', default: '1,5,20' },
    other: { type: 'string' },
    profile: { type: 'string' },
  },
});
const FPS = 30;
const FRAME = Buffer.alloc(Math.round(8_500_000 / 8 / FPS), 0x47);

interface Server {
  readonly name: string;
  readonly process: ChildProcess;
  readonly url: string;
}

function start(name: string, command: string, args: readonly string[], pattern: RegExp): Promise<Server> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk) => {
      text += chunk;
      const url = pattern.exec(text)?.[1];
      if (url) resolve({ name, process: child, url });
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${name} ended with ${code} and told no address`)));
  });
}

/** Pictures of one second are a segment; each is sent when it is due, the next segment is connected ahead. */
async function publish(url: string, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const post = (seq: number) => {
    const one = request(`${url}/${seq}`, {
      method: 'POST',
      agent,
      headers: { 'Content-Type': 'video/mp2t', 'Transfer-Encoding': 'chunked' },
    });
    one.on('response', (response) => response.resume()).on('error', () => {});
    one.flushHeaders();
    return one;
  };
  const began = performance.now();
  let current = post(0);
  for (let frame = 0; !signal.aborted; frame++) {
    const due = began + (frame * 1000) / FPS;
    await delay(Math.max(0, due - performance.now()));
    if (frame > 0 && frame % FPS === 0) {
      current.end();
      current = post(frame / FPS);
    }
    current.write(FRAME);
  }
  current.destroy();
  agent.destroy();
}

/** Reads one segment after the other, the next one asked for ahead. */
function read(url: string, signal: AbortSignal, count: (bytes: number) => void): void {
  const agent = new Agent({ keepAlive: true });
  const get = (seq: string | number) => {
    const one = request(`${url}/${seq}`, { agent }, (response) => {
      const here = Number(response.headers['lp-trickle-seq']);
      if (!signal.aborted) get(response.statusCode === 200 ? here + 1 : Number(response.headers['lp-trickle-latest']));
      response.on('data', (chunk: Buffer) => count(chunk.length)).on('error', () => {});
    });
    one.on('error', () => {}).end();
  };
  get(-2);
  signal.addEventListener('abort', () => agent.destroy(), { once: true });
}

async function measure(server: Server, readers: number, seconds: number) {
  const url = `${server.url}bench${readers}at${Math.round(performance.now())}`;
  const abort = new AbortController();
  let bytes = 0;
  const publishing = publish(url, abort.signal);
  await delay(500);
  for (let i = 0; i < readers; i++) read(url, abort.signal, (more) => (bytes += more));
  await delay(2500);
  const [cpu, began] = [cpuOf(server.process.pid!), performance.now()];
  bytes = 0;
  await delay(seconds * 1000);
  const passed = performance.now() - began;
  const result = {
    cores: (cpuOf(server.process.pid!) - cpu) / passed,
    megabits: (bytes * 8) / 1000 / passed,
    memory: memoryOf(server.process.pid!) / 1e6,
  };
  abort.abort();
  await publishing;
  request(url, { method: 'DELETE' })
    .on('error', () => {})
    .end();
  await delay(300);
  return result;
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const profiling = values.profile ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : [];
const servers = [await start('Sluice', process.execPath, [...profiling, main, 'trickle', '--port', '0'], /Channels +(http\S+)/)];
if (values.other) {
  const [command = '', ...args] = values.other.split(' ');
  servers.push(await start('other', command, args, /^(http\S+)/));
}
console.log('| readers | server | cores | Mbit/s out | resident MB |\n| ---: | --- | ---: | ---: | ---: |');
for (const readers of values.readers.split(',').map(Number)) {
  const results = new Map(servers.map(({ name }) => [name, [] as Awaited<ReturnType<typeof measure>>[]]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const server of servers) results.get(server.name)!.push(await measure(server, readers, Number(values.seconds)));
  for (const [name, list] of results) {
    const figures = [
      median(list.map((one) => one.cores)).toFixed(4),
      median(list.map((one) => one.megabits)).toFixed(1),
      median(list.map((one) => one.memory)).toFixed(0),
    ];
    console.log(`| ${readers} | ${name} | ${figures.join(' | ')} |`);
  }
}
for (const { process: child } of servers) {
  child.removeAllListeners('exit');
  child.kill();
}
