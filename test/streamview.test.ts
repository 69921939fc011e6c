// examples/streamview, run as a person runs it: one command, frames and numbers of the same instant, ended by Ctrl-C.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import type { MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import { missingTool, pythonWith } from './python.ts';
import { testServer } from './server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Starts a program and waits until it prints an address. */
async function start(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; url: string; output: () => string }> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env } });
  cleanups.push(() => child.kill('SIGKILL'));
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (data: Buffer) => {
      output += data;
      const match = /Open (http:\S+\/)\?stream=cells/.exec(output);
      if (match) resolve(match[1]!);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`it ended before it printed its address: ${output}`)));
  });
  return { child, url, output: () => output };
}

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-streamview-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Metrics and markers of its stream, once there are enough. */
async function timelineOf(url: string): Promise<{ answer: MetricAnswer; markers: MarkerPage }> {
  for (;;) {
    const get = async (path: string) => await (await fetch(new URL(`api/streams/cells/${path}`, url))).json();
    const answer = (await get('metrics?step=0')) as MetricAnswer;
    const markers = (await get('markers')) as MarkerPage;
    if ((answer.series?.[0]?.timestamp.length ?? 0) >= 30 && markers.items.length > 0) return { answer, markers };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

it('examples/streamview/main.ts shows picture, numbers, vector and events, and ends on Ctrl-C', { timeout: 60_000 }, async () => {
  const { child, url, output } = await start(process.execPath, [
    'examples/streamview/main.ts',
    '--port',
    '0',
    '--data-dir',
    await folder(),
  ]);
  const { answer, markers } = await timelineOf(url);
  const series = Object.fromEntries(answer.series.map((entry) => [entry.name, entry]));
  expect(series.activity).toMatchObject({ unit: '%', width: 1 });
  expect(series.cells).toMatchObject({ width: 64 });
  expect(series.activity!.frame!.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(markers.items[0]).toMatchObject({ kind: 'burst' });
  expect(markers.items[0]!.frame).toBeGreaterThan(0);
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(0);
  expect(output()).toMatch(/frames, 0 dropped, \d+ ticks missed, started 1 time/);
});

const python = pythonWith('numpy');

it.skipIf(!python)('examples/streamview/streamview.py does the same from numpy', { timeout: 60_000 }, async () => {
  const server = await testServer();
  cleanups.push(() => server.close());
  const { child, url, output } = await start(python!, ['-B', 'examples/streamview/streamview.py', server.url]);
  const { answer, markers } = await timelineOf(url);
  const series = Object.fromEntries(answer.series.map((entry) => [entry.name, entry]));
  expect(series.cells).toMatchObject({ width: 64 });
  expect(series.activity!.frame!.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(markers.items[0]!.frame).toBeGreaterThan(0);
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(0);
  expect(output()).toMatch(/frames, \d+ ticks missed, started 1 time/);
});

it.skipIf(python)('numpy is missing: streamview.py was not tried', () => missingTool('numpy for Python 3'));
