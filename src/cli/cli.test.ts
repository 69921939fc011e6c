// The program as people start it: its own process, a real server.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { open } from '../../test/trickle-http.ts';
import { SluiceError } from '../core/errors.ts';
import { resolveConfig } from '../server/config.ts';
import { exitCodeOf, linesOf, terminalLogger, UsageError } from './context.ts';
import { nameOf } from './demo.ts';
import { describeServer, listenError } from './serve.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
let root: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-cli-'));
});
afterEach(async () => {
  for (const child of children) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<number | null>;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves once standard output fits; rejects if the process ends first. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
}

function sluice(args: readonly string[], options: { nodeArgs?: string[]; env?: Record<string, string> } = {}): Started {
  const env = { ...process.env, SLUICE_CONFIG: '', ...options.env };
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), MAIN, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let out = '';
  let err = '';
  const changed = new Set<() => void>();
  child.stdout.on('data', (data) => {
    out += data;
    for (const look of changed) look();
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const done = new Promise<number | null>((resolve) => child.once('close', resolve));
  void done.then(() => children.delete(child));
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(out);
        if (match) resolve(match);
      };
      changed.add(look);
      look();
      void done.then((code) => reject(new Error(`ended with ${code}: ${err}`)));
    });
  return { child, done, out: () => out, err: () => err, printed };
}

describe('the program', () => {
  it('refuses an old Node in a plain sentence', async () => {
    const old =
      "data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.11.0'}});Object.defineProperty(process,'version',{value:'v20.11.0'})";
    const run = sluice(['serve'], { nodeArgs: ['--import', old] });
    expect(await run.done).toBe(2);
    expect(run.err()).toMatch(/^sluice needs Node 24\.15 or newer; this is v20\.11\.0\./);
  });

  it('ends with 2 for what is to be called differently, and shows no stack', async () => {
    await writeFile(join(root, 'bad.json'), '{ "prot": 1, "host": 5 }');
    const [command, flag, config] = [sluice(['sevre']), sluice(['serve', '--prot', '1']), sluice(['serve', '-c', 'bad.json'])];
    expect(await Promise.all([command.done, flag.done, config.done])).toEqual([2, 2, 2]);
    expect(command.err()).toMatch(/did you mean "serve"\?/);
    expect(flag.err()).toMatch(/did you mean --port\?/);
    expect(config.err()).toBe(
      'sluice: bad.json: host: 5 received; expected a text\nsluice: bad.json: prot is not a known key; did you mean port?\n',
    );
    expect(command.err() + flag.err() + config.err()).not.toMatch(/\n\s+at /);
  });

  it('serves until it is asked to end; a second one says that the port is taken', async () => {
    const first = sluice(['serve', '--port', '0', '--data-dir', join(root, 'one'), '--log-level', 'warn']);
    const [, url = ''] = await first.printed(/Open +(http:\/\/127\.0\.0\.1:\d+\/)\n/);
    await first.printed(/Data .*one {2}\(at most/);
    expect((await fetch(`${url}healthz`)).status).toBe(200);
    const { port } = new URL(url);
    const second = sluice(['serve', '--port', port, '--data-dir', join(root, 'two')]);
    expect(await second.done).toBe(2);
    expect(second.err()).toContain(
      `Port ${port} on 127.0.0.1 is in use. End the program that uses it, or take another: --port ${Number(port) + 1}`,
    );
    if (process.platform === 'win32') return;
    first.child.kill('SIGTERM');
    expect(await first.done).toBe(0);
    await expect(fetch(`${url}healthz`)).rejects.toThrow();
  });

  it('serves trickle channels alone, ends readers when it is asked to end, and says what is wrong with a call', async () => {
    const bad = sluice(['trickle', '--trickle-readers', 'many', '--trickle-segment-bytes', '3 apples']);
    const own = sluice(['trickle', '--port', '0', '--base-path', '/ai', '--token', 'a-token-of-mine', '--log-level', 'warn']);
    const [, url = ''] = await own.printed(/Channels +(http:\/\/127\.0\.0\.1:\d+\/ai\/trickle\/)\n/);
    await own.printed(/Token +as given/);
    const headers = { authorization: 'Bearer a-token-of-mine' };
    expect((await fetch(`${url}cam/0`, { method: 'POST', body: 'x' })).status).toBe(401);
    expect((await fetch(`${url}cam/0`, { method: 'POST', body: 'x', headers })).status).toBe(200);
    expect(await (await fetch(`${url}cam/0`, { headers })).text()).toBe('x');
    const second = sluice(['trickle', '--port', new URL(url).port]);
    const root = sluice(['trickle', '--port', '0', '--path', '/']);
    const [, there = ''] = await root.printed(/Channels +(http:\/\/127\.0\.0\.1:\d+\/)\n/);
    expect((await fetch(`${there}cam/0`, { method: 'POST', body: 'y' })).status).toBe(200);
    root.child.kill('SIGTERM');
    const odd = sluice(['trickle', '--port', '0', '--path', '/a b']);
    expect(await odd.done).toBe(2);
    expect(odd.err()).toContain('"/a b" received; expected a path such as / or /ai/trickle/');
    expect(await second.done).toBe(2);
    expect(second.err()).toContain('is in use. End the program that uses it, or take another: --port ');
    expect(await bad.done).toBe(2);
    expect(bad.err()).toContain('--trickle-readers: "many" received');
    expect(bad.err()).toContain('--trickle-segment-bytes: "3 apples" received');
    if (process.platform === 'win32') return;
    const writer = open('POST', `${url}cam/1`, headers);
    await writer.write('begun');
    const reader = open('GET', `${url}cam/1`, headers);
    await reader.until('begun');
    own.child.kill('SIGTERM');
    expect((await reader.answer).body).toBe('begun');
    expect((await writer.answer).headers['lp-trickle-closed']).toBe('terminated');
    expect(await own.done).toBe(0);
  });

  it('shows the demo on the next free port', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      const demo = sluice(['demo', '--port', String(port), '--data-dir', join(root, 'demo')]);
      const [, url = ''] = await demo.printed(/Open +(\S+)\n/);
      await demo.printed(new RegExp(`Port ${port} was in use, so this is port ${new URL(url).port}\\.`));
      const { items } = (await (await fetch(`${url}api/streams`)).json()) as { items: { name: string; readOnly: boolean }[] };
      expect(items.map(({ name }) => name)).toEqual(['demo-checkerboard', 'demo-microscope', 'demo-testbars', 'my-camera']);
      expect(items.every(({ readOnly }) => !readOnly)).toBe(true);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('says at once that an input is not there', async () => {
    const run = sluice(['demo', '--port', '0', '--data-dir', join(root, 'none'), '--input', 'nothing.mp4']);
    expect(await run.done).toBe(2);
    expect(run.err()).toMatch(/--input: there is no file .*nothing\.mp4/);
  });

  it('examines the machine', async () => {
    const run = sluice(['doctor', '--data-dir', join(root, 'doctor'), '--port', '0']);
    await run.done;
    expect(run.out()).toMatch(/^ok +Machine +Sluice \d/);
    expect(run.out()).toMatch(/FFmpeg +\S.*\(node-av\)/);
    expect(run.out()).toMatch(/Data +.*doctor, .* free/);
  });
});

describe('describeServer', () => {
  const lines = async (input: object, url: string) => describeServer(await resolveConfig(input), url).join('\n');

  it('shows generated tokens inside the addresses that need them', async () => {
    const config = await resolveConfig({ host: '0.0.0.0', allowHosts: ['lab.test'], basePath: '/x' });
    const text = describeServer(config, 'http://0.0.0.0:8123/x/').join('\n');
    expect(text).toMatch(/Open +http:\/\/127\.0\.0\.1:8123\/x\/\n/);
    expect(text).toContain(`http://lab.test:8123/x/?token=${config.token}`);
    expect(text).toContain(`${config.viewToken}  (watching only)`);
  });

  it('keeps chosen tokens to itself', async () => {
    const config = await resolveConfig({ token: 'chosen-by-hand' });
    const text = describeServer(config, 'http://127.0.0.1:8000/').join('\n');
    expect(text).not.toContain('chosen-by-hand');
    expect(text).toMatch(/Token +as given {2}\(everything\)/);
    expect(text).toContain(`${config.viewToken}  (watching only)`);
    expect(text).toMatch(/Open +http:\/\/127\.0\.0\.1:8000\/\n/);
  });

  it('warns of an open door', async () => {
    expect(await lines({ host: '::', anonymous: 'all' }, 'http://[::]:8000/')).toMatch(/Without token +EVERYTHING/);
  });
});

describe('small parts', () => {
  it.each([
    ['clip.mp4', 'clip'],
    ['/a/b/My clip (1).mp4', 'My-clip-1'],
    ['rtsp://user:pw@cam.lab:554/1', 'cam.lab'],
    ['camera:0', 'camera'],
    ['lavfi:testsrc', 'lavfi-testsrc'],
    ['...', 'input'],
    [`${'x'.repeat(100)}.mp4`, 'x'.repeat(64)],
  ])('names the stream of %s', (input, name) => {
    expect(nameOf(input)).toBe(name);
  });

  it('gives remedies for what listening can fail at', () => {
    const error = (code: string) => listenError(Object.assign(new Error('x'), { code }), { host: '127.0.0.1', port: 80 });
    expect(error('EADDRINUSE')).toMatchObject({ code: 'port-taken' });
    expect((error('EACCES') as Error).message).toMatch(/from 1024 up/);
    expect((error('EADDRNOTAVAIL') as Error).message).toMatch(/host: "127\.0\.0\.1" received/);
    expect((error('EIO') as Error).message).toBe('x');
  });

  it('knows exit codes and lines', () => {
    expect(
      [
        new UsageError('x'),
        new SluiceError('bad-config', 'x'),
        new SluiceError('port-taken', 'x'),
        new SluiceError('unavailable', 'x'),
        'x',
      ].map(exitCodeOf),
    ).toEqual([2, 2, 2, 1, 1]);
    expect(linesOf(new SluiceError('bad-config', 'a. b', { problems: [{ message: 'a' }, { message: 'b' }] }))).toEqual(['a', 'b']);
  });

  it('logs in lines', () => {
    let text = '';
    const log = terminalLogger('info', (line) => {
      text += line;
    }).child({ stream: 'cam' });
    log.debug({}, 'unseen');
    log.warn({ count: 3 }, 'frames were lost');
    expect(text).toMatch(/^\d\d:\d\d:\d\d ! frames were lost {2}\(stream=cam count=3\)\n$/);
  });
});
