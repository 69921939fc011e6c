// `sluice stream-processor`: a server that runs one processor on streams of trickle channels, driven over REST.
import { zodProblem } from '../api/zod-problem.ts';
import { toSluiceError } from '../core/errors.ts';
import { Scope } from '../core/scope.ts';
import { chooseProcessor, type ProcessorChoice, type StreamProcessorOptions } from '../processor-server/options.ts';
import type { StreamProcessorServer } from '../processor-server/processor-server.ts';
import { ProgramLines } from '../processor-server/program-lines.ts';
import { serveProcessor, temporaryFolder } from '../processor-server/run.ts';
import { StreamProcessorSettings } from '../processor-server/settings.ts';
import { type FlagValues, loadConfig, type ResolvedConfig } from '../server/config.ts';
import { flagOf } from '../server/options.ts';
import { type CommandContext, exitCodeOf, flagText, UsageError } from './context.ts';
import { describeServer, listenError, makeLogger, untilStopped } from './serve.ts';

/** Settings of the processor server that have a flag; the others are those of the server. */
const OWN = {
  name: 'text',
  maxStreams: 'number',
  pipeline: 'text',
  capabilityName: 'text',
  version: 'text',
  routePrefix: 'text',
  deadline: 'number',
  dataInterval: 'number',
} as const;

export async function run(context: CommandContext): Promise<number> {
  const [file] = context.positionals;
  const external = context.flags.external === true;
  if (external && file !== undefined) throw new UsageError(`${file} and --external received; give one of them`);
  if (external) return runExternal(context);
  if (file === undefined) throw new UsageError('FILE is missing: sluice stream-processor FILE, or --external for a program that starts it');
  const settings = ownSettings(context);
  const choice = await chooseProcessor({ name: file.replace(/^.*[\\/]|\.\w+$/g, ''), ...settings, processor: file }, context.cwd).catch(
    (error: unknown) => {
      throw new UsageError(toSluiceError(error).message);
    },
  );
  await using scope = new Scope();
  const { config, server } = await serve(choice, context, scope, {});
  context.print([...describeServer(config, server.url), `  Streams are begun by POST ${server.url}stream/start`].join('\n'));
  return await untilStopped(server, context);
}

/** The processor is the program that started this one. */
async function runExternal(context: CommandContext): Promise<number> {
  await using scope = new Scope();
  const log = makeLogger({ logLevel: 'warn' }, context);
  const lines = new ProgramLines(context.stdin, context.print, log);
  try {
    const { video, audio, load, ...configured } = await lines.configured;
    const own = StreamProcessorSettings.keyof().options;
    const given = Object.entries(configured).filter(([, value]) => value !== null);
    const settings = Object.fromEntries(given.filter(([key]) => own.includes(key as (typeof own)[number])));
    const choice = await chooseProcessor({
      ...ownSettings(context),
      ...settings,
      processor: { external: true, video: video !== false, audio: audio === true, calls: lines.calls(load === true) },
      onState: (state) => lines.say({ type: 'state', state }),
    } as StreamProcessorOptions);
    const { server } = await serve(choice, context, scope, Object.fromEntries(given), (running, { token }) => {
      lines.serve(running);
      // Only the program that started this one reads it.
      lines.say({ type: 'listening', url: running.url, ...(token !== null && { token }) });
    });
    const abort = new AbortController();
    void lines.ended.then(() => abort.abort());
    return await untilStopped(server, { ...context, isTTY: false, signal: AbortSignal.any([context.signal, abort.signal]) });
  } catch (error) {
    const { code, message } = toSluiceError(error, 'bad-config');
    lines.say({ type: 'error', code, detail: message });
    context.warn(`sluice: ${message}\n`);
    return code === 'bad-value' || code === 'unknown-key' ? 2 : exitCodeOf(error);
  }
}

/** Starts the server. Flags and variables are those of `sluice serve`; `given` comes before them. */
async function serve(
  choice: ProcessorChoice,
  context: CommandContext,
  scope: Scope,
  given: Readonly<Record<string, unknown>>,
  onListening: (server: StreamProcessorServer, config: ResolvedConfig) => void = () => {},
): Promise<{ config: ResolvedConfig; server: StreamProcessorServer }> {
  const { env, cwd } = context;
  const { settings } = choice;
  const flags: Record<string, FlagValues[string]> = { ...context.flags };
  const server = { ...given, ...(settings.cors.length ? { origins: settings.cors } : {}) } as Record<string, unknown>;
  for (const key of ['host', 'port', 'token', 'viewToken', 'anonymous', 'allowSources', 'allowHosts', 'origins', 'dataDir']) {
    const value = server[key];
    if (value !== undefined) flags[key] = Array.isArray(value) ? value.map(String) : String(value);
  }
  if (flags.dataDir === undefined && !env.SLUICE_DATA_DIR) flags.dataDir = await temporaryFolder(scope);
  const config = await loadConfig({ flags, env, cwd, file: flagText(context, 'config') });
  const log = makeLogger(config, context);
  try {
    const { hooks } = choice;
    // Told before the processor is loaded.
    const listening = {
      ...choice,
      hooks: { ...hooks, onStartup: [...hooks.onStartup, (running: StreamProcessorServer) => onListening(running, config)] },
    };
    return { config, server: await serveProcessor(config, listening, scope, log, env) };
  } catch (error) {
    throw listenError(error, config);
  }
}

/** Values of the flags that are no settings of the server. */
function ownSettings(context: CommandContext): Partial<StreamProcessorSettings> {
  const settings: Record<string, unknown> = {};
  for (const [key, kind] of Object.entries(OWN)) {
    const text = flagText(context, key);
    if (text === undefined) continue;
    const number = kind === 'number' && text.trim() !== '' ? Number(text) : Number.NaN;
    settings[key] = Number.isNaN(number) ? text : number;
  }
  const schema = StreamProcessorSettings.partial();
  const parsed = schema.safeParse(settings);
  if (!parsed.success)
    throw zodProblem(parsed.error, '', { input: settings, schema, code: 'bad-config', name: ([key]) => optionOf(String(key)) });
  return settings as Partial<StreamProcessorSettings>;
}

/** The option of a setting: `--max-streams`. */
function optionOf(key: string): string {
  return key === 'version' ? '--app-version' : `--${flagOf(key)}`;
}
