// From flags, environment and configuration file to one checked configuration. Precedence: flag, then variable, then file.
import { randomBytes } from 'node:crypto';
import { readFile, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import type { CompatConfig } from '../api/compat.ts';
import type { LiveViewsConfig } from '../api/live-views.ts';
import { type DvrConfig, StreamConfig } from '../api/schema.ts';
import { nearest, zodProblem } from '../api/zod-problem.ts';
import { SluiceError } from '../core/errors.ts';
import { parseDuration } from '../core/time.ts';
import type { WebRtcConfig } from '../outputs/output.ts';
import { isLoopback } from './address.ts';
import { bytesOf, OPTIONS, type Option, ServerConfig, type ServerConfigInput } from './options.ts';
import { isFileUse } from './processors.ts';
import { readTls } from './tls.ts';

export { OPTIONS, type Option, ServerConfig, type ServerConfigInput };

/** Settings `trickle`, in bytes and ms. */
interface TrickleConfig {
  readonly autocreate: boolean;
  readonly changefeed: boolean;
  readonly channels: number;
  readonly readers: number;
  readonly segmentBytes: number;
  readonly bytes: number;
  readonly idle: number;
}

/** A configuration with everything decided: what the server is started with. */
export interface ResolvedConfig {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Absolute path; made by the server if missing. */
  readonly dataDir: string;
  /** Begins and ends with `/`. */
  readonly basePath: string;
  /** Absolute paths of PEM files. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Token for everything; `null` = none exists. */
  readonly token: string | null;
  /** Token for watching; `null` = none exists. */
  readonly viewToken: string | null;
  /** True if a person chose a token: loopback then needs it too. */
  readonly tokenGiven: boolean;
  /** Tokens that were made at random: they must be printed, nobody knows them yet. */
  readonly generated: readonly ('token' | 'viewToken')[];
  readonly anonymous: 'none' | 'view' | 'all';
  readonly allowSources: readonly string[];
  readonly allowProcessors: readonly string[];
  readonly allowHosts: readonly string[];
  readonly origins: readonly string[];
  readonly frameAncestors: readonly string[];
  readonly trustedProxies: readonly string[];
  /** All data on disk. */
  readonly maxBytes: number;
  readonly createOnPush: boolean;
  /** Bytes of raw frames per stream. */
  readonly ringBytes: number;
  /** Folder for recordings. */
  readonly recordingsDir: string;
  /** Bytes of its disk that recordings leave free. */
  readonly recordingsMinFree: number;
  /** Bytes of one pushed body. */
  readonly maxFrameBytes: number;
  /** For streams that say nothing themselves; see `withStreamDefaults`. */
  readonly dvr: DvrConfig;
  readonly webrtc: WebRtcConfig;
  readonly liveViews: LiveViewsConfig;
  readonly trickle: TrickleConfig;
  readonly viewerReports: boolean;
  readonly compat: CompatConfig;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly streams: Readonly<Record<string, StreamConfig>>;
  /** Absolute path of the configuration file, for messages. */
  readonly configFile: string | null;
}

/** Types a configuration: `export default defineConfig({ port: 8000, streams: { … } })`. */
export function defineConfig(config: ServerConfigInput): ServerConfigInput {
  return config;
}

/** Values of flags by `Option.key`, as texts, lists of texts or booleans. */
export type FlagValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export interface LoadOptions {
  readonly flags?: FlagValues;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Configuration file; else `SLUICE_CONFIG`, else `sluice.config.*` in `cwd`. */
  readonly file?: string | undefined;
}

/** The whole configuration of a program start. Throws `bad-config` with one sentence per problem. */
export async function loadConfig(options: LoadOptions = {}): Promise<ResolvedConfig> {
  const { flags = {}, env = process.env, cwd = process.cwd() } = options;
  const file = await findConfigFile(options.file ?? (env.SLUICE_CONFIG || undefined), cwd);
  const merged: Record<string, unknown> = file ? anchorPaths(await readConfigFile(file), dirname(file)) : {};
  const names = new Map<string, string>();
  checkEnvironment(env);
  for (const option of OPTIONS) {
    const flag = flags[option.key];
    const variable = env[option.env];
    // A Kubernetes service called "sluice" sets SLUICE_PORT to an address: that is not ours.
    const fromEnv = variable && !/^(tcp|udp):\/\//.test(variable) ? variable : undefined;
    const name = flag !== undefined ? `--${option.flag}` : option.env;
    const text = flag ?? fromEnv;
    if (text === undefined) continue;
    setKey(merged, option.key, readText(option, text, name));
    names.set(option.key, name);
  }
  const nameOf = (path: readonly PropertyKey[]) => {
    const key = path.map(String).join('.');
    const given = [...names].find(([start]) => key === start || key.startsWith(`${start}.`));
    return given ? given[1] + key.slice(given[0].length) : file ? `${basename(file)}: ${key}` : key;
  };
  return resolveConfig(merged, { cwd, file, nameOf, env });
}

export interface ResolveOptions {
  /** Relative paths start here. */
  readonly cwd?: string;
  readonly file?: string | undefined;
  /** Name of a key for people. */
  readonly nameOf?: (path: readonly PropertyKey[]) => string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Checks a configuration given as an object (library, tests) and fills in what depends on this machine. Throws `bad-config`. */
export async function resolveConfig(input: unknown, options: ResolveOptions = {}): Promise<ResolvedConfig> {
  const { cwd = process.cwd(), file, env = process.env, nameOf = (path) => path.map(String).join('.') } = options;
  const config = check(ServerConfig, input, nameOf);
  const given = (input as ServerConfigInput).streams ?? {};
  const streams: Record<string, StreamConfig> = {};
  for (const [name, stream] of Object.entries(given)) {
    streams[name] = check(StreamConfig, withStreamDefaults(stream, config), (path) => nameOf(['streams', name, ...path]));
  }
  const dataDir = resolve(cwd, config.dataDir ?? defaultDataDir(env));
  const tokenGiven = config.token !== undefined || config.viewToken !== undefined;
  if (config.token !== undefined && config.token === config.viewToken) {
    throw badConfig(`${nameOf(['viewToken'])}: the same as ${nameOf(['token'])}; expected two different tokens`, 'viewToken');
  }
  // Somebody else than this machine can reach the server.
  const reachable = !isLoopback(config.host) || config.allowHosts.length > 0 || config.trustedProxies.length > 0;
  const needTokens = (reachable && config.anonymous !== 'all') || tokenGiven;
  return {
    host: config.host,
    port: config.port,
    dataDir,
    basePath: config.basePath.endsWith('/') ? config.basePath : `${config.basePath}/`,
    tls: await tlsOf(config, cwd, nameOf),
    token: config.token ?? (needTokens ? newToken() : null),
    viewToken: config.viewToken ?? (needTokens ? newToken() : null),
    tokenGiven,
    generated: needTokens ? (['token', 'viewToken'] as const).filter((key) => config[key] === undefined) : [],
    anonymous: config.anonymous,
    allowSources: config.allowSources,
    allowProcessors: config.allowProcessors,
    allowHosts: config.allowHosts.map((name) => name.toLowerCase()),
    origins: config.origins,
    frameAncestors: config.frameAncestors,
    trustedProxies: config.trustedProxies,
    maxBytes: config.maxBytes === undefined ? await defaultMaxBytes(dataDir) : bytesOf(config.maxBytes),
    recordingsDir: config.recordingsDir === undefined ? join(dataDir, 'recordings') : resolve(cwd, config.recordingsDir),
    recordingsMinFree: bytesOf(config.recordingsMinFree),
    createOnPush: config.createOnPush,
    ringBytes: bytesOf(config.ringBytes),
    maxFrameBytes: bytesOf(config.maxFrameBytes),
    dvr: config.dvr,
    webrtc: webrtcOf(config),
    liveViews: config.liveViews,
    trickle: trickleOf(config),
    viewerReports: config.viewerReports,
    compat: config.compat,
    logLevel: config.logLevel,
    streams,
    configFile: file ?? null,
  };
}

function webrtcOf({ webrtc, port }: ServerConfig): WebRtcConfig {
  const { delayMin: min, delayMax: max, iceServers } = webrtc;
  return { port: webrtc.port ?? port, iceServers, playoutDelay: max < 0 ? null : { min, max: Math.max(min, max) } };
}

function trickleOf({ trickle }: ServerConfig): TrickleConfig {
  return {
    ...trickle,
    segmentBytes: bytesOf(trickle.segmentBytes),
    bytes: bytesOf(trickle.bytes),
    idle: parseDuration(trickle.idle, 'trickle.idle'),
  };
}

/** The body of a stream with the server's own defaults for what it leaves out. Anything but an object comes back unchanged. */
export function withStreamDefaults(stream: unknown, config: { readonly dvr: DvrConfig }): unknown {
  if (!isPlainObject(stream)) return stream;
  if (stream.dvr !== undefined && !isPlainObject(stream.dvr)) return stream;
  return { ...stream, dvr: { ...config.dvr, ...stream.dvr } };
}

/** A token for people to copy: 128 random bits, url-safe. */
export function newToken(): string {
  return randomBytes(16).toString('base64url');
}

function check<S extends z.ZodType>(schema: S, input: unknown, name: (path: readonly PropertyKey[]) => string): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw zodProblem(parsed.error, '', { input, schema, name, code: 'bad-config' });
}

function badConfig(message: string, field: string, details: Record<string, unknown> = {}, cause?: unknown): SluiceError {
  return new SluiceError('bad-config', message, { field, ...details }, cause);
}

const CONFIG_FILES = ['ts', 'mts', 'js', 'mjs', 'json', 'yaml', 'yml'].map((end) => `sluice.config.${end}`);

async function findConfigFile(asked: string | undefined, cwd: string): Promise<string | undefined> {
  if (asked !== undefined) {
    const file = resolve(cwd, asked);
    const found = await stat(file).catch(() => null);
    if (!found?.isFile()) throw badConfig(`--config: there is no file ${file}`, 'config', { received: asked });
    if (!/\.(m?[tj]s|json|ya?ml)$/.test(file)) {
      throw badConfig(`--config: ${basename(file)} received; expected a file that ends in .ts, .js, .json, .yaml or .yml`, 'config', {
        received: asked,
      });
    }
    return file;
  }
  const found: string[] = [];
  for (const name of CONFIG_FILES) if ((await stat(join(cwd, name)).catch(() => null))?.isFile()) found.push(name);
  if (found.length > 1) {
    throw badConfig(`There are ${found.join(' and ')} in ${cwd}: choose one with --config, or remove the others`, 'config');
  }
  return found[0] && join(cwd, found[0]);
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    if (/\.m?[tj]s$/.test(file)) {
      const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
      if (module.default === undefined) {
        throw badConfig(`${basename(file)}: there is no default export; expected: export default defineConfig({ … })`, 'config');
      }
      value = module.default;
    } else {
      const text = await readFile(file, 'utf8');
      value = file.endsWith('.json') ? JSON.parse(text) : (parseYaml(text) ?? {});
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw badConfig(`${basename(file)} cannot be read: ${reason}`, 'config', {}, error);
  }
  if (isPlainObject(value)) return { ...value };
  throw badConfig(`${basename(file)}: ${JSON.stringify(value)?.slice(0, 80)} received; expected an object with settings`, 'config');
}

/** Paths in a file are relative to that file, wherever the program is started. */
function anchorPaths(config: Record<string, unknown>, folder: string): Record<string, unknown> {
  for (const key of ['dataDir', 'recordingsDir', 'tlsCert', 'tlsKey']) {
    if (typeof config[key] === 'string') config[key] = resolve(folder, config[key]);
  }
  if (!isPlainObject(config.streams)) return config;
  const streams: Record<string, unknown> = {};
  for (const [name, stream] of Object.entries(config.streams)) {
    const source = isPlainObject(stream) ? stream.source : undefined;
    const key = isPlainObject(source) && source.type === 'recording' ? 'file' : 'url';
    const path = isPlainObject(source) && (source.type === 'ffmpeg' || source.type === 'recording') ? source[key] : undefined;
    const anchored = anchorProcessors(stream, folder);
    const isFile = typeof path === 'string' && path !== '' && path !== 'camera' && !/^[a-z][a-z0-9+.-]+:/i.test(path) && !isAbsolute(path);
    streams[name] = isFile ? { ...(anchored as object), source: { ...(source as object), [key]: resolve(folder, path) } } : anchored;
  }
  return { ...config, streams };
}

/** Processors of the user's own: `./FILE`; and models. */
function anchorProcessors(stream: unknown, folder: string): unknown {
  if (!isPlainObject(stream) || !Array.isArray(stream.processors)) return stream;
  const processors = stream.processors.map((one: unknown) => {
    if (!isPlainObject(one) || typeof one.use !== 'string') return one;
    if (isFileUse(one.use)) return { ...one, use: resolve(folder, one.use) };
    const { params } = one;
    const isModel = one.use === 'onnx' && isPlainObject(params) && typeof params.model === 'string';
    return isModel ? { ...one, params: { ...params, model: resolve(folder, params.model as string) } } : one;
  });
  return { ...stream, processors };
}

/** A variable that looks like a slip of one of ours would silently do nothing. Others may belong to somebody else. */
function checkEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  const known = new Set([...OPTIONS.map((option) => option.env), 'SLUICE_CONFIG', 'SLUICE_SERVER', 'SLUICE_URL']);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('SLUICE_') || known.has(name)) continue;
    const rest = (text: string) => text.slice('SLUICE_'.length);
    const meant = nearest(rest(name), [...known].map(rest));
    if (meant)
      throw badConfig(`The environment variable ${name} is not known; did you mean SLUICE_${meant}?`, name, {
        suggestion: `SLUICE_${meant}`,
      });
  }
}

const SWITCH: Record<string, boolean> = { true: true, '1': true, yes: true, on: true, false: false, '0': false, no: false, off: false };

function readText(option: Option, given: NonNullable<FlagValues[string]>, name: string): unknown {
  if (typeof given === 'boolean') return given;
  if (typeof given !== 'string') return given.flatMap((text) => (typeof text === 'string' ? splitList(text) : []));
  switch (option.kind) {
    // What is no number stays a text: the schema then says what was received.
    case 'number':
      return /^-?\d+(\.\d+)?(e\d+)?$/i.test(given.trim()) ? Number(given) : given;
    case 'switch':
      return SWITCH[given.toLowerCase()] ?? given;
    case 'list':
      return splitList(given);
    case 'json':
      try {
        return JSON.parse(given);
      } catch (error) {
        throw badConfig(`${name}: ${given.slice(0, 80)} received; expected JSON (${(error as Error).message})`, option.key, {}, error);
      }
    case 'text':
      return option.value === 'BYTES' && /^\d+$/.test(given) ? Number(given) : given;
  }
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}

function setKey(config: Record<string, unknown>, key: string, value: unknown): void {
  const [head = '', tail] = key.split('.');
  if (tail === undefined) config[head] = value;
  else config[head] = { ...(isPlainObject(config[head]) ? config[head] : {}), [tail]: value };
}

async function tlsOf(config: ServerConfig, cwd: string, nameOf: (path: readonly PropertyKey[]) => string): Promise<ResolvedConfig['tls']> {
  const { tlsCert, tlsKey } = config;
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [has, lacks] = tlsCert === undefined ? ['tlsKey', 'tlsCert'] : ['tlsCert', 'tlsKey'];
    throw badConfig(`${nameOf([has])} is given without ${nameOf([lacks])}; expected both or none`, lacks);
  }
  const files = { cert: resolve(cwd, tlsCert), key: resolve(cwd, tlsKey) };
  await readTls(files, { tlsCert: nameOf(['tlsCert']), tlsKey: nameOf(['tlsKey']) });
  return files;
}

/** `.sluice` in a clone (only there does the source run uncompiled), else the user's data folder of the system. */
function defaultDataDir(env: Readonly<Record<string, string | undefined>>): string {
  const here = fileURLToPath(import.meta.url);
  if (here.endsWith('.ts')) return resolve(dirname(here), '..', '..', '.sluice');
  const home = homedir();
  if (process.platform === 'win32') return join(env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'sluice');
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support', 'sluice');
  return join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'sluice');
}

const TEN_GB = 10_000_000_000;

/** CONTRACT "What is kept": at most 10 GB or 10 % of the free disk. */
async function defaultMaxBytes(dataDir: string): Promise<number> {
  let folder = dataDir;
  for (;;) {
    try {
      const disk = await statfs(folder);
      return Math.max(10_000_000, Math.min(TEN_GB, Math.floor((disk.bavail * disk.bsize) / 10)));
    } catch {
      const parent = dirname(folder);
      if (parent === folder) return TEN_GB;
      folder = parent;
    }
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
