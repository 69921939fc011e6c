// examples/microscope as it is used: two 16-bit cameras pushed by another process, one watched without loss, one by WebRTC.
//
//     npx node bench/two-cameras.ts [--seconds 30] [--side 1024] [--fps 30] [--cameras node|python]
//
// Counted in the page: pictures shown, those of one trigger on both sides, ids left out; and CPU time of each process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { StreamDiagnostics } from '../src/api/live-views.ts';
import { launchChromium } from '../test/chromium.ts';
import { cpuOf } from './processes.ts';
import { percentile } from './result.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    side: { type: 'string', default: '1024' },
    fps: { type: 'string', default: '30' },
    cameras: { type: 'string', default: 'node' },
    screenshot: { type: 'string' },
  },
});
const seconds = Number(values.seconds);

/** Processes below one, with what they run. */
async function family(pid: number): Promise<{ pid: number; name: string }[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const below = await Promise.all(text.split(' ').filter(Boolean).map(Number).map(family));
  const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const script = line[0]!.includes('chromium') ? 'chromium' : (line.find((part) => /\.(ts|js|py)$/.test(part)) ?? line[0]!);
  return [{ pid, name: script.split('/').at(-1)! }, ...below.flat()];
}

interface Shown {
  readonly id: number;
  readonly timestamp: number;
  readonly latencyMs: number | null;
}

/** In the page: every picture that is shown, once. */
const COUNT = `
window.shown = { left: [], right: [] };
document.addEventListener('DOMContentLoaded', () => {
  for (const player of document.querySelectorAll('sluice-player')) {
    player.addEventListener('frame', ({ detail: { id, timestamp, latencyMs, repeat } }) => {
      if (!repeat) shown[player.id].push({ id, timestamp, latencyMs });
    });
  }
});
`;

const dataDir = await mkdtemp(join(tmpdir(), 'sluice-cameras-'));
const example = spawn(
  process.execPath,
  [
    fileURLToPath(new URL('../examples/microscope/main.ts', import.meta.url)),
    ...['--port', '0', '--data-dir', dataDir, '--cameras', values.cameras, '--side', values.side, '--fps', values.fps],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  const lines = createInterface(example.stdout);
  const [line] = (await once(lines, 'line')) as [string];
  const address = line.split(' ').at(-1)!;
  await once(lines, 'line');
  await using chromium = await launchChromium();
  const page = await chromium.page({ viewport: { width: 1400, height: 900 } });
  await page.addInitScript({ content: COUNT });
  await page.goto(address);
  await page.waitForFunction('window.microscope.pairs > 10', undefined, { timeout: 60_000 });
  await delay(3000);
  const processes = (await family(process.pid)).slice(1);
  const before = processes.map(({ pid }) => cpuOf(pid));
  await page.evaluate('shown.left.length = shown.right.length = 0');
  const began = performance.now();
  await delay(seconds * 1000);
  const shown = (await page.evaluate('shown')) as Record<'left' | 'right', Shown[]>;
  const elapsed = (performance.now() - began) / 1000;
  const after = processes.map(({ pid }) => cpuOf(pid));
  const diagnostics = (await (await fetch(new URL('../api/live-views/diagnostics', address))).json()) as { items: StreamDiagnostics[] };
  if (values.screenshot) await page.screenshot({ path: values.screenshot });

  console.log(
    `two cameras of ${values.side}x${values.side}, 16 bit, ${values.fps} fps, pushed by ${values.cameras}; ${elapsed.toFixed(0)} s in Chromium\n`,
  );
  console.log(
    '| detector | way | captured fps | shown fps | ids left out | capture to screen p50, p95 |\n| --- | --- | ---: | ---: | ---: | ---: |',
  );
  for (const name of ['left', 'right'] as const) {
    const list = shown[name];
    const span = (list.at(-1)!.timestamp - list[0]!.timestamp) / 1e6;
    const missing = list.at(-1)!.id - list[0]!.id + 1 - new Set(list.map(({ id }) => id)).size;
    const rising = list.every(({ id }, i) => i === 0 || id > list[i - 1]!.id);
    const latencies = list.map(({ latencyMs }) => latencyMs).filter((one): one is number => one !== null);
    const { capture } = diagnostics.items.find(({ stream }) => stream === name)!;
    const ids = `${missing} of ${list.at(-1)!.id - list[0]!.id + 1}${rising ? '' : ', not rising'}`;
    const late = `${percentile(latencies, 0.5).toFixed(0)}, ${percentile(latencies, 0.95).toFixed(0)} ms`;
    console.log(
      `| ${name} | ${name === 'left' ? 'lossless' : 'WebRTC'} | ${capture.fps} | ${((list.length - 1) / span).toFixed(2)} | ${ids} | ${late} |`,
    );
  }
  const right = new Map(shown.right.map(({ timestamp, id }) => [timestamp, id]));
  const from = Math.max(shown.left[0]!.timestamp, shown.right[0]!.timestamp);
  const to = Math.min(shown.left.at(-1)!.timestamp, shown.right.at(-1)!.timestamp);
  const within = shown.left.filter(({ timestamp }) => timestamp >= from && timestamp <= to);
  const pairs = within.filter(({ timestamp }) => right.has(timestamp));
  const apart = new Set(pairs.map(({ timestamp, id }) => right.get(timestamp)! - id));
  console.log(
    `\n${pairs.length} of ${within.length} pictures of the left one have one of the very same capture time on the right; their ids differ by ${[...apart].join(', ')}`,
  );
  console.log('\n| process | cores |\n| --- | ---: |');
  const cores = new Map<string, number>();
  for (const [i, { name }] of processes.entries()) cores.set(name, (cores.get(name) ?? 0) + (after[i]! - before[i]!) / 1000 / elapsed);
  for (const [name, load] of cores) console.log(`| ${name} | ${load.toFixed(3)} |`);
} finally {
  example.kill();
  if (example.exitCode === null) await once(example, 'exit');
  await rm(dataDir, { recursive: true, force: true });
}
