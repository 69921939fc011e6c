// A server in a process of its own, so that it can be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServerConfigInput } from '../src/server/config.ts';

const PROGRAM = fileURLToPath(new URL('programs/serve.ts', import.meta.url));

export interface ChildServer {
  readonly child: ChildProcess;
  readonly url: string;
}

/** `fileBlocks`: the system lets it write no file of more blocks of 512 bytes. */
export async function serve(dataDir: string, config: ServerConfigInput, limits: { fileBlocks?: number } = {}): Promise<ChildServer> {
  const args = [PROGRAM, dataDir, JSON.stringify(config)];
  const [command, all] = limits.fileBlocks
    ? ['/bin/sh', ['-c', `ulimit -f ${limits.fileBlocks} && exec "$0" "$@"`, process.execPath, ...args]]
    : [process.execPath, args];
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: String(line).trim() };
}

/** As power failures do. */
export async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
