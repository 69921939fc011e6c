// Each test file gets a folder for temporary files of its own, and has to leave it empty; nothing that it started may run on: no process, no
// port. A test that fails in this leaves something behind on every machine that runs it.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** Processes and sockets take a moment to end, on a busy machine some seconds. */
const GRACE_MS = 25_000;
const LOOK_MS = 50;
/** Node's own cache of compiled modules. */
const ALLOWED: ReadonlySet<string> = new Set(['node-compile-cache']);
/** What of this process listens or runs, as Node names it. */
const OPEN = ['TCPServerWrap', 'UDPWrap', 'ProcessWrap'];

// Before the imports of the test file: some ask for the folder there.
const folder = await mkdtemp(join(tmpdir(), 'sluice-file-'));
for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder;
let openBefore: readonly string[] = [];

beforeAll(() => {
  openBefore = openNow();
});

// Hooks of files that are set up first run last.
afterAll(async () => {
  const end = performance.now() + GRACE_MS;
  let left = await leavings();
  while (left.length && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    left = await leavings();
  }
  await rm(folder, { recursive: true, force: true });
  if (left.length) throw new Error(`These tests left something behind:\n${left.join('\n')}`);
}, GRACE_MS * 2);

async function leavings(): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => !ALLOWED.has(name)).map((name) => `the file ${join(folder, name)}`);
  const before = [...openBefore];
  const open = openNow().filter((name) => {
    const at = before.indexOf(name);
    if (at >= 0) before.splice(at, 1);
    return at < 0;
  });
  return [...files, ...(await processes()), ...open.map((name) => `an open ${name}`)];
}

function openNow(): string[] {
  return process.getActiveResourcesInfo().filter((name) => OPEN.includes(name));
}

/** Processes that were started with this folder for temporary files: by these tests, directly or not. Only Linux tells. */
async function processes(): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const mark = `TMPDIR=${folder}\0`;
  const found = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(async (pid) => {
        // Those of others cannot be read, others have ended meanwhile.
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        if (!environment.includes(mark)) return [];
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        return command ? [`the process ${pid}: ${command.replaceAll('\0', ' ').trim().slice(-160)}`] : [];
      }),
  );
  return found.flat();
}
