import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from '../../test/server.ts';
import type { Recording } from '../api/recordings.ts';
import { type CliProcess, runCli } from './run.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ streams: { cam: { source: { type: 'pattern', width: 160, height: 120, fps: 50 } } } });
});
afterAll(() => server.close());

async function sluice(args: readonly string[], signal = new AbortController().signal, isTTY = false) {
  let [out, err] = ['', ''];
  const io: CliProcess = {
    env: {},
    cwd: process.cwd(),
    stdin: process.stdin,
    print: (line) => (out += `${line}\n`),
    warn: (text) => (err += text),
    isTTY,
    signal,
  };
  const code = await runCli(['record', ...args, '--server', server.url], io);
  return { code, out, err };
}

describe('sluice record', { timeout: 60_000 }, () => {
  it('records so many frames, tells how it goes, and copies the file', async () => {
    const file = join(tmpdir(), 'copy.ome.tiff');
    const { code, out, err } = await sluice(['cam', '--frames', '12', '-o', file, '--name', 'a run'], undefined, true);
    expect([code, out], err).toEqual([0, `${file}\n`]);
    expect(err).toContain('recording  0 of 12 frames');
    expect(err).toMatch(/12 frames, \d+ kB; ended because 12 frames were asked for\n$/);
    const [recording] = (await server.json<{ items: Recording[] }>('/api/streams/cam/recordings')).items;
    expect(recording).toMatchObject({ name: 'a run', frames: 12 });
    expect((await readFile(file)).length).toBe(recording!.bytes);
    await rm(file);
  });

  it('Ctrl-C ends it with a whole file', async () => {
    const abort = new AbortController();
    const running = sluice(['cam', '--format', 'mp4'], abort.signal);
    const frames = async () =>
      (await server.json<{ items: Recording[] }>('/api/streams/cam/recordings')).items.find(({ format }) => format === 'mp4')?.frames ?? 0;
    await expect.poll(frames, { timeout: 30_000 }).toBeGreaterThan(5);
    abort.abort();
    const { code, out, err } = await running;
    expect(err).toMatch(/^\d+ frames, .*; ended because it was stopped\n$/);
    // A busy machine may lose a frame, and the exit code says so.
    expect(code).toBe(err.includes(' missing ') ? 1 : 0);
    expect((await fetch(out.trim(), { method: 'HEAD' })).headers.get('content-type')).toBe('video/mp4');
  });

  it.each([
    [['cam', '--seconds', 'long'], 2, '--seconds: "long" received; expected a number above 0'],
    [['cam', '--bytes', 'many'], 2, '--bytes: "many" received'],
    [['cam', '--format', 'avi'], 2, 'format: "avi" received; expected one of ome-tiff, mp4'],
    [['nobody', '--seconds', '1'], 1, 'there is no stream "nobody"'],
  ])('%j is answered with a sentence', async (args, code, words) => {
    const answer = await sluice(args);
    expect(answer.code).toBe(code);
    expect(answer.err).toContain(words);
  });
});
