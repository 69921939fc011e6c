// `sluice stream-processor FILE` as its users have it: a process of its own, driven by curl with the very commands that pytrickle's wiki
// prints, on streams whose channels lie on another server.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scope } from '../src/core/scope.ts';
import { type StreamContext, type StreamHandlers, videoHandler } from '../src/processor-server/handlers.ts';
import { runStreamProcessor } from '../src/processor-server/run.ts';
import type { LoadContext } from '../src/processors/define.ts';
import { hasTool } from './tools.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
/** As printed there; run with other ports only, as these may be taken here: the channels are on the processor's own server. */
const START = `curl -X POST http://localhost:8000/api/stream/start \\
-H "Content-Type: application/json" \\
-d '{
"subscribe_url": "http://localhost:3389/input",
"publish_url": "http://localhost:3389/output",
"gateway_request_id": "my_stream",
"params": {
"intensity": 0.8,
"echo_delay": 0.3,
"analysis_interval": 60
}
}'`;
const PARAMS = `curl -X POST http://localhost:8000/api/stream/params \\
-H "Content-Type: application/json" \\
-d '{
"intensity": 0.9,
"echo_strength": 0.6,
"brightness_threshold": 0.4
}'`;
const STATUS = 'curl http://localhost:8000/api/stream/status';

const PROCESSOR = `
import { defineProcessor } from 'sluice';
import { z } from 'zod';

let told = [];
export default defineProcessor({
  params: z.object({ intensity: z.number().max(1).default(0.5) }),
  load: () => ({ loaded: true }),
  onStart: ({ params, state }) => void process.stderr.write(JSON.stringify({ start: params, state }) + '\\n'),
  onParams: (params) => {
    if (params.fault) throw new Error(params.fault);
    process.stderr.write(JSON.stringify({ params }) + '\\n');
  },
  onStop: ({ params }) => void process.stderr.write(JSON.stringify({ stop: params }) + '\\n'),
  video: (frame) => frame,
});
`;

let scope: Scope;
let folder: string;
beforeEach(async () => {
  scope = new Scope();
  folder = await mkdtemp(join(tmpdir(), 'sluice-served-'));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
});
afterEach(() => scope.close());

/** The command until it says where it is. */
async function command(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'stream-processor', ...args], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder, TEMP: folder },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  scope.defer(async () => {
    child.kill();
    await exit;
  });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
    });
  }
  const said = (pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout') =>
    expect
      .poll(() => out[where], { timeout: 60_000 })
      .toMatch(pattern)
      .then(() => pattern.exec(out[where])!);
  return { child, exit, out, said };
}

describe.skipIf(!hasTool('curl', ['--version']) || process.platform === 'win32')('curl', () => {
  it('starts a stream, changes its params and asks for its status, as the wiki has it', { timeout: 120_000 }, async () => {
    const file = join(folder, 'tint.mjs');
    await writeFile(file, PROCESSOR);
    const { said, child, exit } = await command(file, '--port', '0', '--name', 'tint', '--log-level', 'warn');
    const [, port] = await said(/POST http:\/\/127\.0\.0\.1:(\d+)\/stream\/start/);
    const run = async (text: string) => {
      const { stdout } = await promisify(execFile)('sh', [
        '-c',
        `${text.replaceAll(':8000', `:${port}`).replaceAll(':3389', `:${port}/trickle`)} -s -w '\\n%{http_code}'`,
      ]);
      const [body = '', code] = stdout.split(/\n(?=\d+$)/);
      return { code, body: JSON.parse(body) as Record<string, unknown> };
    };
    await expect.poll(async () => (await run(STATUS)).body.status, { timeout: 20_000 }).toBe('IDLE');

    // It waits for its first picture as long as the channel is there.
    await fetch(`http://localhost:${port}/trickle/input`, { method: 'POST', headers: { 'Expect-Content': 'video/mp2t' } });
    const started = await run(START);
    expect(started).toMatchObject({
      code: '200',
      body: {
        status: 'success',
        message: 'Stream started successfully',
        request_id: 'my_stream',
        current_state: { status: 'OK', active_streams: 1 },
      },
    });
    await said(/{"start":{"intensity":0.8,"echo_delay":0.3,"analysis_interval":60},"state":{"loaded":true}}/, 'stderr');
    expect(await run(START)).toMatchObject({ code: '503', body: { message: 'Pipeline is still in use' } });

    expect(await run(PARAMS)).toEqual({ code: '200', body: { status: 'success', message: 'Parameters updated successfully' } });
    await said(
      /{"params":{"intensity":0.9,"echo_delay":0.3,"analysis_interval":60,"echo_strength":0.6,"brightness_threshold":0.4}}/,
      'stderr',
    );
    const refused = await run(PARAMS.replace('0.9', '9'));
    expect(refused).toMatchObject({
      code: '500',
      body: { status: 'error', message: expect.stringContaining('Parameter update failed: intensity: 9') },
    });
    const failed = await run(PARAMS.replace('"intensity": 0.9', '"fault": "no such style"'));
    expect(failed).toEqual({ code: '500', body: { status: 'error', message: 'Parameter update failed: no such style' } });

    expect(await run(STATUS)).toMatchObject({
      code: '200',
      body: {
        status: 'OK',
        error_message: null,
        client_active: true,
        client_running: true,
        fps: { ingress_video_fps: 0, ingress_audio_fps: 0, egress_video_fps: 0, egress_audio_fps: 0 },
        current_params: {
          subscribe_url: `http://localhost:${port}/trickle/input`,
          publish_url: `http://localhost:${port}/trickle/output`,
          gateway_request_id: 'my_stream',
        },
      },
    });
    const stop = STATUS.replace('/status', '/stop -X POST');
    expect(await run(stop)).toEqual({ code: '200', body: { status: 'success', message: 'Stream stopped successfully' } });
    await said(/{"stop":/, 'stderr');
    expect(await run(stop)).toEqual({ code: '400', body: { status: 'error', message: 'No active stream to stop' } });

    // A channel that is not there: it begins, ends, and says why.
    await fetch(`http://localhost:${port}/trickle/input`, { method: 'DELETE' });
    expect(await run(START)).toMatchObject({ code: '200' });
    await expect.poll(async () => (await run(STATUS)).body.client_active, { timeout: 20_000 }).toBe(false);
    const { body } = await run(STATUS);
    expect(body).toMatchObject({
      status: 'IDLE',
      additional_info: {
        last_stream: { request_id: 'my_stream', reason: 'input-not-found', error: expect.stringContaining('/trickle/input') },
      },
    });

    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    // Nothing of it stays.
    expect(await readdir(folder)).toEqual(['tint.mjs']);
  });
});

it('handlers of an object have params, state, calls and the timeline', { timeout: 60_000 }, async () => {
  const told: unknown[] = [];
  class Tint {
    level = 0;
    _seen(...what: unknown[]) {
      told.push(what);
    }
    async load({ progress }: LoadContext<unknown>) {
      progress('reading', 0.5);
      return { model: 'm' };
    }
    onStart(params: object, { requestId, stream, state }: StreamContext) {
      this._seen('start', params, requestId, stream, state);
    }
    onParams(params: Readonly<Record<string, unknown>>, context: StreamContext) {
      if (typeof params.level === 'number' && params.level > 255) throw new Error('level: at most 255');
      context.metric({ level: Number(params.level ?? 0) });
      this._seen('params', params, context.params);
    }
    onStop({ requestId, metric }: StreamContext) {
      metric({ level: 0 });
      this._seen('stop', requestId);
    }
    tint = videoHandler<NonNullable<StreamHandlers['video']>>((frame, { params, state }) => {
      frame.edit().fill(Number(params.level ?? 0));
      this._seen('video', (state as { model: string }).model);
      return frame;
    });
  }
  const server = scope.use(await runStreamProcessor({ port: 0, handlers: new Tint(), dataDir: folder }));
  await server.loaded;
  const call = async (path: string, body?: object, method = 'POST') => {
    const answer = await fetch(new URL(path, server.url), {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { code: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const picture = { pixels: new Uint8Array(32 * 16 * 3), width: 32, height: 16 };
  expect(server.sendInputFrame(picture)).toBe(false);
  expect((await call('stream/start', { gateway_request_id: 'a', params: { level: 10, own: { deep: true } } })).code).toBe(200);
  expect(told.splice(0)).toEqual([['start', { level: 10, own: { deep: true } }, 'a', 'a', { model: 'm' }]]);

  const shown = async () => {
    server.sendInputFrame(picture);
    const answer = await fetch(new URL('live/a/snapshot.npy', server.url));
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()).at(-1) : null;
  };
  await expect.poll(shown, { timeout: 20_000 }).toBe(10);
  expect(told.splice(0)).toContainEqual(['video', 'm']);

  expect(await call('stream/params', { level: 300 })).toEqual({
    code: 500,
    body: { status: 'error', message: 'Parameter update failed: level: at most 255' },
  });
  expect((await call('stream/params', { level: 20, reset: true })).code).toBe(200);
  expect(told.filter((what) => (what as unknown[])[0] === 'params')).toEqual([
    ['params', { level: 20, reset: true }, { level: 20, reset: true, own: { deep: true } }],
  ]);
  await expect.poll(shown, { timeout: 20_000 }).toBe(20);

  const { body } = await call('api/streams/a/metrics?names=level&step=0', undefined, 'GET');
  expect(JSON.stringify(body)).toContain('20');
  told.length = 0;
  expect((await call('stream/stop')).code).toBe(200);
  expect(told.splice(0)).toEqual([['stop', 'a']]);

  // Removed on the page: its timeline is gone then, its end is told.
  expect((await call('stream/start', { gateway_request_id: 'b' })).code).toBe(200);
  expect((await fetch(new URL('api/streams/b', server.url), { method: 'DELETE' })).status).toBe(204);
  await expect.poll(() => told, { timeout: 20_000 }).toContainEqual(['stop', 'b']);
});

it('functions that never return keep no stream from its end', { timeout: 60_000 }, async () => {
  const never = () => new Promise<void>(() => {});
  const server = scope.use(
    await runStreamProcessor({
      port: 0,
      dataDir: folder,
      deadline: 0.2,
      video: (frame) => frame,
      onStart: ({ wait }) => (wait ? never() : undefined),
      onStop: never,
    }),
  );
  await server.loaded;
  const post = async (path: string, body: object = {}) => {
    const answer = await fetch(new URL(path, server.url), {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return answer.status;
  };
  expect([await post('stream/start', { gateway_request_id: 'a' }), await post('stream/stop')]).toEqual([200, 200]);
  const starting = post('stream/start', { gateway_request_id: 'b', params: { wait: true } });
  await expect.poll(() => server.state.active_streams, { timeout: 20_000 }).toBe(1);
  expect([await post('stream/stop'), await starting]).toEqual([200, 200]);
  expect(server.state.status).toBe('IDLE');
});

it('an input that is silent for subscriberTimeout fails', { timeout: 60_000 }, async () => {
  const server = scope.use(await runStreamProcessor({ port: 0, dataDir: folder, subscriberTimeout: 0.3, video: (frame) => frame }));
  await server.loaded;
  const subscribe_url = new URL('trickle/input', server.url).href;
  await fetch(subscribe_url, { method: 'POST', headers: { 'Expect-Content': 'video/mp2t' } });
  const answer = await fetch(new URL('stream/start', server.url), {
    method: 'POST',
    body: JSON.stringify({ gateway_request_id: 'a', subscribe_url }),
    headers: { 'content-type': 'application/json' },
  });
  expect(answer.status).toBe(200);
  await expect
    .poll(() => server.state.additional_info.last_stream, { timeout: 20_000 })
    .toMatchObject({ request_id: 'a', reason: 'failed', error: 'nothing came for 0.3 s' });
});
