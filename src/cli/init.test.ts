import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { StreamStats } from '../api/schema.ts';
import { silentLogger } from '../core/log.ts';
import { loadConfig } from '../server/config.ts';
import { startServer } from '../server/server.ts';
import { parseArguments } from './arguments.ts';
import { COMMANDS } from './commands.ts';
import { run } from './init.ts';
import { TEMPLATES } from './templates.ts';

const INIT = COMMANDS.find(({ name }) => name === 'init')!;

async function init(cwd: string, ...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  const { flags, positionals } = parseArguments(INIT, args);
  const signal = new AbortController().signal;
  await run({
    flags,
    positionals,
    env: {},
    cwd,
    stdin: Readable.from([]),
    print: (line) => printed.push(line),
    warn: () => {},
    isTTY: false,
    signal,
  });
  return printed;
}

const SESSIONS = fileURLToPath(new URL('../processors/sessions.ts', import.meta.url));
const LOAD = `
  const { openSession } = await import(${JSON.stringify(SESSIONS)});
  const [cwd, ...names] = process.argv.slice(1);
  const host = { parse: (schema, input) => schema.parse(input), now: () => 0, progress() {}, found() {}, log() {}, broken() {} };
  const loaded = {};
  for (const name of names) {
    const spec = { id: 'processor', stream: name, kind: 'file', use: cwd + '/' + name + '/processor.ts', params: {} };
    const { video, audio, schema } = await (await openSession(spec, host)).load(new AbortController().signal);
    loaded[name] = { video, audio, params: Object.keys(schema.properties) };
  }
  console.log(JSON.stringify(loaded));
`;

const folders: string[] = [];
afterEach(async () => {
  for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'sluice-init-'));
  folders.push(made);
  return made;
}

describe('sluice init', () => {
  it('writes a project and says how to start it, and never writes over one', async () => {
    const cwd = await folder();
    const printed = await init(cwd, 'my lamp');
    expect((await readdir(join(cwd, 'my lamp'))).sort()).toEqual(['README.md', 'processor.ts', 'sluice.config.yaml']);
    expect(printed.join('\n')).toMatch(/serve -c ".*my lamp\/sluice\.config\.yaml"/);
    expect(await readFile(join(cwd, 'my lamp', 'sluice.config.yaml'), 'utf8')).toContain('my-lamp:');
    await writeFile(join(cwd, 'my lamp', 'processor.ts'), 'mine');
    await expect(init(cwd, 'my lamp')).rejects.toThrow(/processor\.ts is there already.*--force/);
    expect(await readFile(join(cwd, 'my lamp', 'processor.ts'), 'utf8')).toBe('mine');
    await init(cwd, 'my lamp', '--force');
    expect(await readFile(join(cwd, 'my lamp', 'processor.ts'), 'utf8')).toContain('defineProcessor');
    await writeFile(join(cwd, 'file'), '');
    await expect(init(cwd, 'file')).rejects.toThrow(/is no folder/);
  });

  it('names its templates', async () => {
    const cwd = await folder();
    await expect(init(cwd, 'a', '--template', 'vide')).rejects.toThrow(/did you mean video\?[\s\S]*python\s+the negative/);
    await expect(init(cwd, 'a', '--template', 'video', '--python')).rejects.toThrow(/one of them/);
    expect((await init(cwd, 'a', '--python')).join('\n')).toContain('python3 processor.py');
    await promisify(execFile)('python3', ['-m', 'py_compile', join(cwd, 'a', 'processor.py')]);
  });

  it('what it writes can be loaded, with a configuration that fits', { timeout: 60_000 }, async () => {
    const cwd = await folder();
    const names = Object.keys(TEMPLATES).filter((name) => name !== 'python');
    for (const name of names) {
      await init(cwd, name, '--template', name);
      const { streams } = await loadConfig({ flags: {}, env: {}, cwd, file: join(cwd, name, 'sluice.config.yaml') });
      expect(streams[name]!.processors).toMatchObject([{ id: 'processor', use: join(cwd, name, 'processor.ts') }]);
    }
    // A thread of a processor has imports of its own, which the runner of these tests would replace.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', LOAD, cwd, ...names]);
    expect(JSON.parse(stdout)).toEqual({
      video: { video: true, audio: false, params: ['mirror', 'amount'] },
      markers: { video: true, audio: false, params: ['amount'] },
      text: { video: true, audio: false, params: ['every'] },
      sound: { video: false, audio: true, params: ['delay', 'amount'] },
    });
  });

  it('what it writes runs', { timeout: 60_000 }, async () => {
    const cwd = await folder();
    await init(cwd, 'lamp');
    const flags = { port: '0', dataDir: join(cwd, 'data') };
    const config = await loadConfig({ flags, env: {}, cwd, file: join(cwd, 'lamp', 'sluice.config.yaml') });
    await using server = await startServer(config, { log: silentLogger });
    for (;;) {
      // Somebody looks: what nobody looks at sleeps.
      await (await fetch(new URL('live/lamp/snapshot.npy', server.url))).arrayBuffer();
      const stats = (await (await fetch(new URL('api/streams/lamp/stats', server.url))).json()) as StreamStats;
      const [{ error, processed }] = stats.processors as [StreamStats['processors'][number]];
      expect(error).toBeNull();
      if (processed > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
