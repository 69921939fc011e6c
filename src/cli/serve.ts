// `sluice serve`: the server until Ctrl-C; also the part of it that `sluice demo` shares.
import { networkInterfaces } from 'node:os';
import { pino } from 'pino';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { isLoopback, isWildcard } from '../server/address.ts';
import { loadConfig, type ResolvedConfig } from '../server/config.ts';
import type { SluiceServer } from '../server/server.ts';
import { type CommandContext, flagText, terminalLogger } from './context.ts';
import { packageVersion } from './version.ts';

/** How long a graceful end may take before the process goes. */
const CLOSE_MS = 5000;

export async function run(context: CommandContext): Promise<number> {
  const config = await loadConfig({ flags: context.flags, env: context.env, cwd: context.cwd, file: flagText(context, 'config') });
  const server = await start(config, context);
  context.print(describeServer(config, server.url).join('\n'));
  return untilStopped(server, context);
}

/** Starts a server; its log goes to standard error, for people on a terminal, else as JSON lines. */
export async function start(config: ResolvedConfig, context: CommandContext): Promise<SluiceServer> {
  // Loaded here: commands that use only the rest of this file start sooner.
  const { startServer } = await import('../server/server.ts');
  try {
    return await startServer(config, { log: makeLogger(config, context) });
  } catch (error) {
    throw listenError(error, config);
  }
}

/** Log on standard error: for people on a terminal, else as JSON lines. */
export function makeLogger(config: Pick<ResolvedConfig, 'logLevel'>, context: CommandContext): Logger {
  if (context.isTTY) return terminalLogger(config.logLevel, context.warn);
  return pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => context.warn(line) },
  );
}

/** What went wrong with listening, with its remedy. Other errors come back unchanged. */
export function listenError(error: unknown, config: Pick<ResolvedConfig, 'host' | 'port'>): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const { host, port } = config;
  switch (code) {
    case 'EADDRINUSE':
    case 'port-taken':
      return new SluiceError(
        'port-taken',
        `Port ${port} on ${host} is in use. End the program that uses it, or take another: --port ${port < 65_535 ? port + 1 : 8000} (--port 0 = any free one)`,
        { field: 'port', received: port },
        error,
      );
    case 'EACCES':
      return new SluiceError(
        'bad-config',
        `port: ${port} received; this system lets only its administrator listen there. Take one from 1024 up`,
        { field: 'port' },
        error,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new SluiceError(
        'bad-config',
        `host: "${host}" received; expected an address of this machine, such as 127.0.0.1 or 0.0.0.0`,
        { field: 'host' },
        error,
      );
    default:
      return error;
  }
}

/** Waits for Ctrl-C or SIGTERM, then closes within 5 s. */
export async function untilStopped(server: Pick<SluiceServer, 'close'>, context: CommandContext): Promise<number> {
  const { signal } = context;
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  if (context.isTTY) context.warn('\nEnding. Ctrl-C again ends at once.\n');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), CLOSE_MS);
  });
  const done = await Promise.race([server.close().then(() => 'closed' as const), late]);
  clearTimeout(timer);
  if (done === 'late') {
    context.warn(`sluice: not everything ended within ${CLOSE_MS / 1000} s\n`);
    return 1;
  }
  return 0;
}

/** The lines that tell where the server is, what opens it and where its data lies. */
export function describeServer(config: ResolvedConfig, url: string): string[] {
  const { port, protocol } = new URL(url);
  const here = (host: string) => `${protocol}//${host}${port ? `:${port}` : ''}${config.basePath}`;
  const rows: [string, string][] = [];
  const local = isWildcard(config.host) ? '127.0.0.1' : config.host;
  // A token that somebody chose is not shown to whoever looks at the screen.
  const token = config.generated.includes('token') ? config.token : null;
  const withToken = (address: string) => (token === null ? address : `${address}?token=${token}`);
  for (const [name, host] of reachableAddresses(config)) {
    const free = name === 'Open' && isLoopback(local) && !config.tokenGiven;
    rows.push([name, free ? here(host) : withToken(here(host))]);
  }
  for (const [key, name, use] of [
    ['token', 'Token', 'everything'],
    ['viewToken', 'View token', 'watching only'],
  ] as const) {
    if (config[key] !== null) rows.push([name, `${config.generated.includes(key) ? config[key] : 'as given'}  (${use})`]);
  }
  if (config.anonymous !== 'none')
    rows.push(['Without token', config.anonymous === 'all' ? 'EVERYTHING, for everybody who reaches this server' : 'watching']);
  rows.push(['Data', `${config.dataDir}  (at most ${(config.maxBytes / 1e9).toFixed(1)} GB)`]);
  if (config.configFile) rows.push(['Configuration', config.configFile]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`Sluice ${packageVersion()}`, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)];
}

/** Under which hosts the server answers, as they stand in an address, each with what it is. */
export function reachableAddresses({
  host,
  allowHosts,
}: Pick<ResolvedConfig, 'host' | 'allowHosts'>): ['Open' | 'Network' | 'Name', string][] {
  const bracketed = (name: string) => (name.includes(':') ? `[${name}]` : name);
  return [
    ['Open', bracketed(isWildcard(host) ? '127.0.0.1' : host)],
    ...(isWildcard(host) ? ownAddresses() : []).map((address) => ['Network', address] as ['Network', string]),
    ...allowHosts.filter((name) => !name.startsWith('*.')).map((name) => ['Name', bracketed(name)] as ['Name', string]),
  ];
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && entry.family === 'IPv4')
    .map((entry) => entry.address)
    .slice(0, 4);
}
