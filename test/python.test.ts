// The Python client: its own tests, run by Python's unittest against real servers.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTool, pythonWith } from './python.ts';
import { type TestServer, testServer } from './server.ts';

const client = fileURLToPath(new URL('../clients/python', import.meta.url));
const python = pythonWith('numpy') ?? pythonWith();

/** Runs a module of the client's tests; everything that it says is in the failure. */
function unittest(module: string, env: Record<string, string>, program = python!): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['-B', '-W', 'error', '-m', 'unittest', '-v', module], {
      cwd: client,
      env: { ...process.env, PYTHONPATH: `${client}${process.platform === 'win32' ? ';' : ':'}${client}/tests`, ...env },
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

describe.skipIf(!python)('Python client', () => {
  let server: TestServer;
  let guarded: TestServer;

  beforeAll(async () => {
    server = await testServer({ maxFrameBytes: 4_000_000 });
    guarded = await testServer({ token: 'test-token-all', viewToken: 'test-token-view' });
  });
  afterAll(async () => {
    await guarded?.close();
    await server?.close();
  });

  it('makes frames of pictures and times', async () => {
    const { code, output } = await unittest('test_frames', {});
    expect(code, output).toBe(0);
  });

  it('pushes, reconnects and says what went wrong', { timeout: 120_000 }, async () => {
    const { code, output } = await unittest('test_server', { SLUICE_TEST_URL: server.url, SLUICE_TEST_TOKEN_URL: guarded.url });
    expect(code, output).toBe(0);
    expect(output).toMatch(/Ran \d\d tests/);
  });

  it('sends numbers and events, and runs nodes', { timeout: 120_000 }, async () => {
    const { code, output } = await unittest('test_nodes', { SLUICE_TEST_URL: server.url });
    expect(code, output).toBe(0);
    expect(output).toMatch(/Ran \d\d tests/);
  });

  it('hosts processors', { timeout: 240_000 }, async () => {
    const { code, output } = await unittest('test_processors', { SLUICE_TEST_URL: server.url, SLUICE_TEST_TOKEN_URL: guarded.url });
    expect(code, output).toBe(0);
    expect(output).toMatch(/Ran \d\d tests/);
  });

  it('has the interface of pytrickle', { timeout: 120_000 }, async () => {
    const { code, output } = await unittest('test_pytrickle', {}, pythonWith('torch') ?? python!);
    expect(code, output).toBe(0);
    for (const [line] of output.matchAll(/^.*skipped '.* not tried.*'$/gm)) process.stderr.write(`\n  SKIPPED: ${line}\n`);
  });

  it('starts a server for programs of pytrickle', { timeout: 300_000 }, async () => {
    const env = {
      SLUICE: fileURLToPath(new URL('../src/cli/main.ts', import.meta.url)),
      SLUICE_TENSORS: process.env.PYTRICKLE ? '' : 'numpy',
    };
    const { code, output } = await unittest(
      'test_pytrickle_server.Ends',
      env,
      process.env.PYTRICKLE ? (pythonWith('torch') ?? python!) : python!,
    );
    expect(code, output).toBe(0);
    if (!process.env.PYTRICKLE)
      process.stderr.write('\n  SKIPPED: PYTRICKLE is not set; its examples were not tried (bench/pytrickle/README.md)\n');
  });

  it('is valid for Python 3.9', () => {
    const script =
      "import ast, glob; [ast.parse(open(name, encoding='utf8').read(), feature_version=(3, 9)) for name in glob.glob('sluice/**/*.py', recursive=True)]";
    const done = spawnSync(python!, ['-c', script], { cwd: client, encoding: 'utf8' });
    expect(done.status, done.stderr).toBe(0);
  });

  it.skipIf(pythonWith('numpy'))('numpy is missing: arrays were not tried', () => missingTool('numpy for Python 3'));
});

it.skipIf(python)('python3 is missing: its client was not tried', () => missingTool('python3'));
