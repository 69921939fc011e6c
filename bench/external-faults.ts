// What a processor in another program does to its stream and to others when it throws, hangs, leaks or crashes.
//
//     npx node bench/external-faults.ts [--python /usr/bin/python3]
//
// Two streams of 30 pictures a second, both watched: `cam` has the processor, `other` has none. For each fault: the longest time without a
// picture of `cam`, when they are processed again, and pictures that `other` has lost meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BenchServer } from './server.ts';

const { values } = parseArgs({ options: { python: { type: 'string', default: 'python3' } } });

const PROGRAM = `
import ctypes, os
from sluice import processor, run
asked = os.environ["ASKED"]
@processor("cam")
def faulty(frame):
    do = ""
    if os.path.exists(asked):
        do = open(asked).read()
        os.remove(asked)
    if do == "throw": raise ValueError("no")
    if do == "segfault": ctypes.string_at(0)
    if do == "leak": globals()["kept"] = b"x" * 400_000_000
    while do == "hang": pass
    return frame
run(faulty, server=os.environ["SERVER"], backoff=(0.2, 5))
`;

const options = { seconds: null, viewers: null, profileDir: null, progress: () => {}, signal: new AbortController().signal };
const source = { type: 'pattern' as const, kind: 'testbars' as const, width: 640, height: 480, fps: 30 };
await using server = await BenchServer.start(
  { cam: { source, processors: [{ use: 'external', deadline: '1s', memory: 256 }] }, other: { source } },
  options,
);

/** A viewer of every picture: when each came, and which. */
function watch(stream: string): { seen: { id: number; at: number }[]; close(): void } {
  const seen: { id: number; at: number }[] = [];
  const socket = new WebSocket(new URL(`live/${stream}/ws?codec=raw&width=64`, server.url.replace('http', 'ws')));
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => {
    if (!(data instanceof ArrayBuffer)) return;
    const id = Number(new DataView(data).getBigUint64(24, true));
    seen.push({ id, at: performance.now() });
    socket.send(JSON.stringify({ type: 'ack', id }));
  };
  return { seen, close: () => socket.close() };
}

const stage = async () => (await server.stats('cam')).processors[0]!;
const lostOf = async () => {
  const { ledger, renditions } = await server.stats('other');
  const ring = Object.values(ledger.dropped).reduce((sum, count) => sum + count, 0);
  return ring + renditions.reduce((sum, { dropped }) => sum + Object.values(dropped).reduce((all, count) => all + count, 0), 0);
};

const viewers = [watch('cam'), watch('other')] as const;
const folder = await mkdtemp(join(tmpdir(), 'sluice-faults-'));
const asked = join(folder, 'asked');
const client = fileURLToPath(new URL('../clients/python', import.meta.url));
const program = spawn(values.python, ['-c', PROGRAM], {
  stdio: 'ignore',
  env: { ...process.env, PYTHONPATH: client, SERVER: server.url, ASKED: asked },
});
while ((await stage()).processed < 60) await delay(100);

process.stdout.write(
  '| fault | longest time without a picture, ms | processed again after, ms | lost by the other stream | said |\n|---|---:|---:|---:|---|\n',
);
// `none` shows what the machine does by itself.
for (const fault of ['none', 'throw', 'hang', 'leak', 'segfault']) {
  const lost = await lostOf();
  const before = await stage();
  const from = performance.now();
  const first = viewers[1].seen.at(-1)!.id;
  if (fault !== 'none') {
    await writeFile(`${asked}.new`, fault);
    await rename(`${asked}.new`, asked);
    while ((await stage()).failed === before.failed) await delay(10);
  }
  const { processed } = await stage();
  while ((await stage()).processed <= processed) await delay(10);
  const back = performance.now() - from;
  await delay(Math.max(0, 5000 - back));
  const times = viewers[0].seen.filter(({ at }) => at > from - 200).map(({ at }) => at);
  const gap = Math.max(...times.slice(1).map((at, i) => at - times[i]!));
  const ids = viewers[1].seen.filter(({ id }) => id >= first).map(({ id }) => id);
  const skipped = ids.at(-1)! - ids[0]! + 1 - ids.length;
  const said = fault === 'none' ? '' : (await stage()).error;
  process.stdout.write(
    `| ${fault} | ${gap.toFixed(0)} | ${back.toFixed(0)} | ${(await lostOf()) - lost}, and ${skipped} of ${ids.length} not seen by its viewer | ${said} |\n`,
  );
}
for (const viewer of viewers) viewer.close();
program.kill();
await once(program, 'exit');
await rm(folder, { recursive: true });
