// `sluice trickle`: trickle channels and nothing else, until Ctrl-C.
import { loadConfig, type ResolvedConfig } from '../server/config.ts';
import { readTls } from '../server/tls.ts';
import { TrickleServer } from '../trickle/server.ts';
import { type CommandContext, flagText } from './context.ts';
import { listenError, makeLogger, reachableAddresses, untilStopped } from './serve.ts';
import { packageVersion } from './version.ts';

export async function run(context: CommandContext): Promise<number> {
  const config = await loadConfig({ flags: context.flags, env: context.env, cwd: context.cwd, file: flagText(context, 'config') });
  const basePath = config.basePath + (flagText(context, 'path') ?? '/trickle/').replace(/^\//, '');
  const server = await start(config, basePath, context);
  context.print(describe(config, server).join('\n'));
  return untilStopped(server, context);
}

async function start(config: ResolvedConfig, basePath: string, context: CommandContext): Promise<TrickleServer> {
  const { host, port, token, viewToken, tokenGiven, anonymous, allowHosts, trickle, tls } = config;
  const { autocreate, changefeed, idle, ...limits } = trickle;
  try {
    return await TrickleServer.start({
      host,
      port,
      basePath,
      ...(tls ? { tls: await readTls(tls) } : {}),
      token: token ?? undefined,
      viewToken: viewToken ?? undefined,
      localFree: !tokenGiven,
      anonymous,
      allowHosts,
      autocreate,
      changefeed,
      idle,
      limits,
      log: makeLogger(config, context),
    });
  } catch (error) {
    throw listenError(error, config);
  }
}

/** The lines that tell where the channels are and what opens them. */
function describe(config: ResolvedConfig, server: TrickleServer): string[] {
  const { port, protocol, pathname } = new URL(server.url);
  const rows: [string, string][] = reachableAddresses(config).map(([name, host]) => [
    name === 'Open' ? 'Channels' : name,
    `${protocol}//${host}${port ? `:${port}` : ''}${pathname}`,
  ]);
  for (const [key, name, use] of [
    ['token', 'Token', 'publishing, reading, deleting'],
    ['viewToken', 'View token', 'reading only'],
  ] as const) {
    // A token that somebody chose is not shown to whoever looks at the screen.
    if (config[key] !== null) rows.push([name, `${config.generated.includes(key) ? config[key] : 'as given'}  (${use})`]);
  }
  if (config.anonymous !== 'none')
    rows.push(['Without token', config.anonymous === 'all' ? 'EVERYTHING, for everybody who reaches this server' : 'reading']);
  if (!config.trickle.autocreate) rows.push(['Channels', 'none can be made over HTTP (autocreate is off)']);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`Sluice ${packageVersion()}, trickle channels`, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)];
}
