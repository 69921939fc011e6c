// `sluice demo`: the server with streams to look at, or with one input; finds a free port by itself.
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { basename, resolve } from 'node:path';
import type { StreamConfigInput } from '../api/schema.ts';
import { SluiceError } from '../core/errors.ts';
import { redactUrl } from '../core/redact-url.ts';
import { loadConfig, type ResolvedConfig } from '../server/config.ts';
import type { SluiceServer } from '../server/server.ts';
import { type CommandContext, flagText, UsageError } from './context.ts';
import { probe } from './probe.ts';
import { describeServer, start, untilStopped } from './serve.ts';

/** One unit: one chart. */
function brightnessMetrics(unit: string): NonNullable<StreamConfigInput['metrics']> {
  return {
    brightness: { unit, label: 'Mean brightness' },
    'brightness.p1': { unit, label: 'darkest 1 %' },
    'brightness.p99': { unit, label: 'brightest 1 %' },
    saturated: { label: 'Share of pixels at full scale', min: 0 },
  };
}

/** What the demo shows. */
const DEMO_STREAMS: Readonly<Record<string, StreamConfigInput>> = {
  'demo-checkerboard': {
    title: 'Checkerboard',
    description: 'Rolling checkerboard with mint squares at random.',
    source: { type: 'pattern', kind: 'checkerboard', width: 1280, height: 720, fps: 30 },
    processors: [{ use: 'color-patch', params: { label: 'mint square', boxes: true } }, { use: 'brightness' }],
    metrics: brightnessMetrics('levels'),
  },
  'demo-testbars': {
    title: 'Test bars',
    description: 'Colour bars with a moving line.',
    source: { type: 'pattern', kind: 'testbars', width: 1280, height: 720, fps: 25 },
    processors: [{ use: 'motion' }],
    metrics: { motion: { label: 'Changed pixels', min: 0 } },
  },
  'demo-microscope': {
    title: 'Microscope',
    description: 'Flashing cells with shot noise, 16 bit.',
    pixelSize: 0.65,
    source: { type: 'pattern', kind: 'microscope', width: 1024, height: 1024, fps: 20 },
    processors: [{ use: 'brightness' }, { use: 'focus' }],
    metrics: { ...brightnessMetrics('counts'), focus: { label: 'Sharpness' } },
  },
  'my-camera': { title: 'My camera', description: 'Waits for your program.', source: { type: 'push' } },
};

const PORTS_TO_TRY = 20;

export async function run(context: CommandContext): Promise<number> {
  const { flags, env, cwd } = context;
  const loaded = await loadConfig({ flags, env, cwd, file: flagText(context, 'config') });
  // People who look at the demo want its address, not its log.
  const logGiven = flags.logLevel !== undefined || env.SLUICE_LOG_LEVEL || loaded.configFile;
  const asked: ResolvedConfig = logGiven ? loaded : { ...loaded, logLevel: 'warn' };
  const input = flagText(context, 'input');
  const streams = input === undefined ? DEMO_STREAMS : { [nameOf(input)]: await inputStream(input, context) };
  const { server, config } = await startOnFreePort(asked, context);
  for (const [name, stream] of Object.entries(streams)) {
    if (!Object.hasOwn(config.streams, name)) await server.openStream(name, stream);
  }
  context.print(describeServer(config, server.url).join('\n'));
  if (config.port !== asked.port) context.print(`  Port ${asked.port} was in use, so this is port ${config.port}.`);
  context.print('  Ctrl-C ends it.');
  if (context.flags.open === true) openBrowser(addressOf(config, server), context);
  return untilStopped(server, context);
}

async function startOnFreePort(asked: ResolvedConfig, context: CommandContext): Promise<{ server: SluiceServer; config: ResolvedConfig }> {
  for (let port = asked.port; ; port++) {
    const last = port === 0 || port >= Math.min(65_535, asked.port + PORTS_TO_TRY);
    if (!last && !(await isFree(asked.host, port))) continue;
    const config = { ...asked, port, dataDir: dataDirFor(port, asked, context) };
    try {
      return { server: await start(config, context), config };
    } catch (error) {
      // Somebody else took it in between.
      if (last || !(error instanceof SluiceError && error.code === 'port-taken')) throw error;
    }
  }
}

/** The program on the port before is most likely another demo: two servers must not write into one folder. */
function dataDirFor(port: number, asked: ResolvedConfig, context: CommandContext): string {
  const given = context.flags.dataDir !== undefined || context.env.SLUICE_DATA_DIR || asked.configFile;
  return given || port === asked.port ? asked.dataDir : `${asked.dataDir}-${port}`;
}

/** True unless another program listens there. */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const trial = createTcpServer();
    trial.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    trial.listen({ host, port, exclusive: true }, () => trial.close(() => resolve(true)));
  });
}

function hasScheme(input: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(input);
}

/** Name of the stream that shows an input: what people would call it. */
export function nameOf(input: string): string {
  if (/^camera(:|$)/.test(input)) return 'camera';
  const text = hasScheme(input) && URL.canParse(input) ? new URL(input).hostname || input : basename(input).replace(/\.[^.]+$/, '');
  const name = text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 64);
  return name || 'input';
}

async function inputStream(input: string, context: CommandContext): Promise<StreamConfigInput> {
  const isCamera = /^camera(:|$)/.test(input);
  let url = input;
  if (isCamera) await checkCameras();
  else if (!hasScheme(input)) {
    url = resolve(context.cwd, input);
    const file = await stat(url).catch(() => null);
    if (!file) throw new UsageError(`--input: there is no file ${url}`);
    if (file.isDirectory()) throw new UsageError(`--input: ${url} is a folder; expected a file`);
  }
  return { title: isCamera ? 'Camera' : redactUrl(basename(input)), source: { type: 'ffmpeg', url } };
}

/** Says so at once if there is no camera at all; a wrong name is answered by the source, with the list. */
async function checkCameras(): Promise<void> {
  const { cameras } = await probe();
  if (cameras.length === 0) throw new UsageError('--input: no camera was found on this machine');
}

function addressOf(config: ResolvedConfig, server: SluiceServer): string {
  const line = describeServer(config, server.url).find((text) => /^\s*Open /.test(text)) ?? '';
  return line.replace(/^\s*Open\s+/, '') || server.url;
}

/** How each system opens an address. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  win32: ['cmd', '/c', 'start', ''],
  darwin: ['open'],
};

function openBrowser(url: string, context: CommandContext): void {
  const [command = '', ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const failed = () => context.print(`  The browser could not be opened (${command} failed). Open the address yourself.`);
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.once('error', failed);
  child.once('exit', (code) => code && failed());
  child.unref();
}
