// One server per data folder: two would share frame ids, recordings and the store.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../core/errors.ts';

/** Takes the folder for this process; returns what gives it back. Throws `conflict` if another living process has it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'sluice.lock');
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const pid = Number(await readFile(file, 'utf8').catch(() => ''));
    if (isAlive(pid)) {
      throw new SluiceError('conflict', `${folder} is in use by another server (process ${pid}); choose another folder with --data-dir`, {
        field: 'dataDir',
        received: folder,
      });
    }
    // Left by a process that was killed.
    await rm(file, { force: true });
  }
  throw new SluiceError('conflict', `${folder} cannot be locked; choose another folder with --data-dir`, {
    field: 'dataDir',
    received: folder,
  });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
