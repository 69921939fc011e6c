// examples/microscope, run as a person runs it: two detectors of another process in one page, on one clock.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { LiveView } from '../src/api/live-views.ts';
import { launchChromium } from './chromium.ts';
import { pythonWith } from './python.ts';

async function start(cameras: 'node' | 'python'): Promise<{ child: ChildProcess; lines: string[] }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-microscope-'));
  const program = fileURLToPath(new URL('../examples/microscope/main.ts', import.meta.url));
  const options = ['--port', '0', '--side', '64', '--fps', '15', '--cameras', cameras, '--data-dir', dataDir];
  const child = spawn(process.execPath, [program, ...options], { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
  const lines: string[] = [];
  createInterface(child.stdout!).on('line', (line) => lines.push(line));
  child.stderr!.on('data', (data) => lines.push(String(data)));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      // It takes its detectors with it.
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(dataDir, { recursive: true, force: true });
  });
  // The server is ready, and so are the detectors.
  await expect.poll(() => lines.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
  return { child, lines };
}

const address = (lines: readonly string[]) => /Open (\S+)/.exec(lines.join('\n'))![1]!;
const views = async (lines: readonly string[]) =>
  ((await (await fetch(new URL('../api/live-views', address(lines)))).json()) as { items: LiveView[] }).items;

it('shows both, one without loss and one as video, and pairs their pictures by capture time', async () => {
  const { child, lines } = await start('node');
  await using chromium = await launchChromium();
  const page = await chromium.page({ viewport: { width: 900, height: 600 } });
  await page.goto(address(lines));
  const totals = () => page.evaluate(() => (window as never as { microscope: { left: number; right: number; pairs: number } }).microscope);
  await expect.poll(async () => (await totals()).pairs, { timeout: 60_000 }).toBeGreaterThan(5);
  const { left, right, pairs } = await totals();
  expect(Math.min(left, right)).toBeGreaterThanOrEqual(pairs);
  // The number of the trigger is in the first two pixels.
  const answer = await fetch(new URL('../live/left/snapshot.npy?new=1', address(lines)));
  const npy = Buffer.from(await answer.arrayBuffer());
  const at = 10 + npy.readUInt16LE(8);
  expect(npy.readUInt16LE(at) + 65_536 * npy.readUInt16LE(at + 2)).toBeGreaterThan(5);
  await expect.poll(() => page.textContent('#pairs'), { timeout: 20_000 }).toMatch(/\d+ pictures of one trigger shown on both/);
  expect(await views(lines)).toMatchObject([
    { stream: 'left', by: 'source', state: 'live', viewers: 1 },
    { stream: 'right', by: 'source', state: 'live' },
  ]);
  expect(chromium.errors).toEqual([]);
  await page.close();
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it.skipIf(!pythonWith('numpy'))('its detectors in Python announce acquisition too, and end it', async () => {
  const { child, lines } = await start('python');
  await expect
    .poll(async () => (await views(lines)).map(({ stream, state }) => `${stream} ${state}`), { timeout: 30_000 })
    .toEqual(['left live', 'right live']);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
