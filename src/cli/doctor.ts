// `sluice doctor`: what works here and why the rest does not. Changes nothing.
import { existsSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfig, type ResolvedConfig } from '../server/config.ts';
import { type CommandContext, flagText, linesOf } from './context.ts';
import { isFree } from './demo.ts';
import { type Probe, probe } from './probe.ts';
import { packageRoot, packageVersion } from './version.ts';

/** `bad`: the server cannot do its work. `warn`: something is missing that not everybody needs. */
interface Finding {
  readonly state: 'ok' | 'warn' | 'bad';
  readonly name: string;
  readonly text: string;
}

const MARKS = { ok: 'ok  ', warn: '!   ', bad: 'FAIL' } as const;

export async function run(context: CommandContext): Promise<number> {
  const findings: Finding[] = [machine()];
  const probed = probe();
  let config: ResolvedConfig | null = null;
  try {
    config = await loadConfig({ flags: context.flags, env: context.env, cwd: context.cwd, file: flagText(context, 'config') });
    findings.push({ state: 'ok', name: 'Configuration', text: config.configFile ?? 'defaults (no configuration file)' });
  } catch (error) {
    findings.push({ state: 'bad', name: 'Configuration', text: linesOf(error).join('; ') });
  }
  findings.push(...native(await probed), page());
  if (config) findings.push(await disk(config), await port(config));
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { state, name, text } of findings) context.print(`${MARKS[state]}  ${name.padEnd(width)}  ${text}`);
  return findings.some(({ state }) => state === 'bad') ? 1 : 0;
}

function machine(): Finding {
  const memory = (totalmem() / 2 ** 30).toFixed(1);
  const text = `Sluice ${packageVersion()}, Node ${process.version}, ${process.platform}-${process.arch}, ${availableParallelism()} cores, ${memory} GiB`;
  return { state: 'ok', name: 'Machine', text };
}

function native({ ffmpeg, jpeg, cameras }: Probe): Finding[] {
  const install = 'install the packages again with "npm ci --ignore-scripts"';
  const findings: Finding[] = [];
  if ('error' in ffmpeg) findings.push({ state: 'bad', name: 'FFmpeg', text: `node-av cannot be loaded: ${ffmpeg.error}; ${install}` });
  else {
    findings.push({ state: 'ok', name: 'FFmpeg', text: `${ffmpeg.version} (node-av)` });
    const software = ffmpeg.h264.filter((name) => name.startsWith('lib'));
    const hardware = ffmpeg.h264.filter((name) => !name.startsWith('lib'));
    findings.push(
      software.length
        ? { state: 'ok', name: 'H.264', text: `${software.join(', ')}; built in for hardware, not tried: ${hardware.join(', ') || 'none'}` }
        : { state: 'bad', name: 'H.264', text: 'no software encoder in this FFmpeg' },
    );
  }
  findings.push(
    'error' in jpeg
      ? { state: 'bad', name: 'JPEG', text: `jpeg-turbo cannot be loaded: ${jpeg.error}; ${install}` }
      : { state: 'ok', name: 'JPEG', text: 'jpeg-turbo' },
  );
  const names = cameras.map(({ name, description }) => (description && description !== name ? `${description} (${name})` : name));
  findings.push(
    names.length ? { state: 'ok', name: 'Cameras', text: names.join(', ') } : { state: 'warn', name: 'Cameras', text: 'none found' },
  );
  return findings;
}

function page(): Finding {
  const file = join(packageRoot(), 'dist', 'web', 'index.html');
  if (existsSync(file)) return { state: 'ok', name: 'Page', text: 'built' };
  return { state: 'bad', name: 'Page', text: 'not built; in a clone "npm start" builds it' };
}

async function disk(config: ResolvedConfig): Promise<Finding> {
  let folder = config.dataDir;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    const text = `${config.dataDir}, ${gb(free)} free, at most ${gb(config.maxBytes)} used`;
    return { state: free < 1e9 || free < config.maxBytes ? 'warn' : 'ok', name: 'Data', text };
  } catch {
    return { state: 'bad', name: 'Data', text: `${folder} cannot be written; choose another place with --data-dir` };
  }
}

async function port(config: ResolvedConfig): Promise<Finding> {
  const name = 'Port';
  if (config.port === 0) return { state: 'ok', name, text: 'any free one' };
  if (await isFree(config.host, config.port)) return { state: 'ok', name, text: `${config.port} on ${config.host} is free` };
  return { state: 'warn', name, text: `${config.port} on ${config.host} is in use (by a running Sluice?); choose another with --port` };
}
