// What `sluice stream-processor` has against its command line and its file.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from './run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-cli-processor-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** In this process: nothing is started where the options are wrong. */
async function refused(...args: string[]): Promise<string> {
  let said = '';
  const code = await runCli(['stream-processor', ...args], {
    env: {},
    cwd: folder,
    stdin: Readable.from([]),
    print: () => {},
    warn: (text) => {
      said += text;
    },
    isTTY: false,
    signal: new AbortController().signal,
  });
  expect(code).toBe(2);
  return said;
}

it('says which option is wrong, what was received and what is allowed', { timeout: 60_000 }, async () => {
  expect(await refused('grey.ts', '--max-streams', '0')).toBe('sluice: --max-streams: 0 received; expected an integer from 1 to 64\n');
  expect(await refused('grey.ts', '--max-streams', 'many')).toContain('--max-streams: "many" received; expected an integer from 1 to 64');
  expect(await refused('grey.ts', '--deadline', '-1')).toContain('--deadline: -1 received; expected a number above 0');
  expect(await refused('grey.ts', '--route-prefix', 'v1')).toContain('--route-prefix: "v1" received; expected a path that begins with /');
});

it('says where in a file the mistake is, and nothing of this program', { timeout: 60_000 }, async () => {
  expect(await refused('grey.ts')).toContain(`there is no file ${join(folder, 'grey.ts')}`);
  // A process of its own: here files are read by the test runner.
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const run = (file: string) =>
    new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, [main, 'stream-processor', file, '--port', '0'], { cwd: folder, timeout: 50_000 }, (error, _out, stderr) =>
        resolve({ code: error?.code, stderr }),
      );
    });
  await writeFile(join(folder, 'torn.ts'), 'const level: number = 5;\n\nexport default { video: (frame) => };\n');
  const [torn, away] = await Promise.all([run('torn.ts'), run('.')]);
  expect(torn).toMatchObject({ code: 2, stderr: expect.stringMatching(/^sluice: torn\.ts cannot be read: line 3: [^\n]+\nRun /) });
  expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining(`${folder} is a folder; expected a file`) });
});
