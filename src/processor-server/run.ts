// `runStreamProcessor`: a Sluice server that runs one processor on streams that come and go over REST and trickle.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/log.ts';
import { Scope } from '../core/scope.ts';
import type { Micros } from '../core/time.ts';
import type { PcmSound } from '../formats/wav.ts';
import { pushSound } from '../pipeline/audio/push-sound.ts';
import type { Publisher } from '../pipeline/publisher.ts';
import { type ResolvedConfig, resolveConfig } from '../server/config.ts';
import { packageVersion, type SluiceServer, startServer } from '../server/server.ts';
import { capabilityOf, Registration } from './capability.ts';
import { type InputFrame, pushInputFrame } from './input-frame.ts';
import { chooseProcessor, type ProcessorChoice, type StreamProcessorOptions } from './options.ts';
import type { ServedProcessor } from './processor.ts';
import type { StreamProcessorServer } from './processor-server.ts';
import { defaultRoutes } from './rest.ts';
import { checkRoutes, mountRoutes } from './routes.ts';
import type { StreamSession } from './session.ts';
import { MAX_TARGET_FPS, type StreamProcessorSettings, serverConfigOf } from './settings.ts';
import type { CurrentState } from './state.ts';
import { openStreamSession } from './stream-session.ts';
import { type Entry, StreamTable } from './streams.ts';

/** Starts a processor server. Throws `bad-value`, `unknown-key`, `processor-failed` (no such file), `bad-config`, `port-taken`. */
export async function runStreamProcessor<State = unknown>(options: StreamProcessorOptions<State>): Promise<StreamProcessorServer> {
  const { settings, processor, hooks } = await chooseProcessor(options as StreamProcessorOptions);
  const scope = new Scope();
  try {
    const dataDir = settings.dataDir ?? (await temporaryFolder(scope));
    const config = await resolveConfig(serverConfigOf(settings, options.server ?? {}, dataDir));
    return await serveProcessor(config, { settings, processor, hooks }, scope, options.log);
  } catch (error) {
    await scope.close().catch(() => {});
    throw error;
  }
}

/** Nothing of the streams of a processor server outlives it. */
export async function temporaryFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-processor-'));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The same with a configuration that is decided. The scope closes with the server. */
export async function serveProcessor(
  config: ResolvedConfig,
  { settings, processor, hooks }: ProcessorChoice,
  scope: Scope,
  log: Logger = silentLogger,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<StreamProcessorServer> {
  const pipeline = settings.pipeline || env.PIPELINE || 'byoc';
  const model = settings.capabilityName || env.CAPABILITY_NAME || env.MODEL_ID || '';
  const app = new Map(Object.entries(hooks.appContext));
  // Declared before there is a server, asked when it runs.
  let parts: { readonly table: StreamTable; readonly running: RunningProcessor; readonly loader: Loader } | undefined;
  const routes = settings.enableDefaultRoutes
    ? defaultRoutes({
        table: () => parts!.table,
        reload: () => void parts!.loader.load(),
        maxStreams: settings.maxStreams,
        allowSources: config.allowSources,
        routePrefix: settings.routePrefix,
        pipeline,
        model,
        version: settings.version,
        log,
      })
    : [];
  const { customRoutes, middleware } = hooks;
  const table = {
    routes: [...routes, ...customRoutes],
    middleware,
    staticRoutes: settings.staticRoutes,
    app,
    server: () => parts!.running,
  };
  checkRoutes(table);
  const server = scope.use(
    await startServer(config, {
      log,
      routes: (framework) => mountRoutes(framework, table),
      versions: settings.enableDefaultRoutes ? { pipeline, model_id: model, version: await packageVersion() } : {},
    }),
  );
  processor.attach?.(server);
  scope.defer(() => processor.unload());
  const open = hooks.openSession ?? openStreamSession;
  const streams = scope.use(new StreamTable({ server, processor, settings, open, log, onState: hooks.onState }));
  const running = new RunningProcessor(server, streams, scope);
  const loader = new Loader(processor, streams, settings, scope, log);
  parts = { table: streams, running, loader };
  scope.defer(async () => {
    for (const hook of hooks.onShutdown) await hook(running);
  });
  for (const hook of hooks.onStartup) await hook(running);
  const capability = capabilityOf(settings, { env, url: server.url, name: model });
  if (capability) scope.use(new Registration(capability, streams.state, log));
  running.loaded = loader.load();
  return running;
}

/** Loads the processor once, and again when a start asks for it after a failure. */
class Loader {
  readonly #processor: ServedProcessor;
  readonly #table: StreamTable;
  readonly #scope: Scope;
  readonly #log: Logger;
  readonly #name: string;
  #running: Promise<void> | null = null;

  constructor(processor: ServedProcessor, table: StreamTable, { name }: StreamProcessorSettings, scope: Scope, log: Logger) {
    this.#processor = processor;
    this.#table = table;
    this.#scope = scope;
    this.#log = log;
    this.#name = name;
  }

  /** Never rejects: the state tells how it went. */
  load(): Promise<void> {
    this.#running ??= this.#load().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #load(): Promise<void> {
    const { state } = this.#table;
    state.component('processor', 'STARTING');
    try {
      await this.#processor.load((message, share) => state.loading(message, share), this.#scope.signal);
      state.component('processor', 'RUNNING');
      state.ready();
    } catch (error) {
      if (this.#scope.closed) return;
      const { message } = toSluiceError(error, 'processor-failed');
      this.#log.error({ processor: this.#name, error: message }, 'the processor could not be loaded');
      state.component('processor', 'ERROR', message);
      state.fail(`Model loading failed: ${message}`);
    }
  }
}

class RunningProcessor implements StreamProcessorServer {
  readonly #server: SluiceServer;
  readonly #table: StreamTable;
  readonly #scope: Scope;
  readonly #publishers = new WeakMap<Entry, Publisher>();
  loaded: Promise<void> = Promise.resolve();

  constructor(server: SluiceServer, table: StreamTable, scope: Scope) {
    this.#server = server;
    this.#table = table;
    this.#scope = scope;
  }

  get url(): string {
    return this.#server.url;
  }

  get port(): number {
    return this.#server.port;
  }

  get state(): CurrentState {
    return this.#table.state.current;
  }

  get sessions(): ReadonlyMap<string, StreamSession> {
    return new Map(this.#table.all().flatMap(({ request, session }) => (session ? [[request.gateway_request_id, session] as const] : [])));
  }

  /** The one that is meant; null = none. */
  #one(id: string | undefined): Entry | null {
    if (id !== undefined) return this.#table.find(id) ?? null;
    const all = this.#table.all();
    if (all.length < 2) return all[0] ?? null;
    const ids = all.map(({ request }) => request.gateway_request_id);
    throw new SluiceError('bad-value', `${all.length} streams run; say for which one it is: ${ids.join(', ')}`, { allowed: ids });
  }

  #sessionsOf(id: string | undefined): StreamSession[] {
    const entries = id === undefined ? this.#table.all() : [this.#table.find(id)];
    return entries.flatMap((entry) => (entry?.session ? [entry.session] : []));
  }

  sendData(text: string, stream?: string): boolean {
    return this.#one(stream)?.session?.sendData(text) ?? false;
  }

  sendMonitoringEvent(event: Readonly<Record<string, unknown>>, type = 'custom_monitoring_event', stream?: string): boolean {
    return this.#one(stream)?.session?.sendEvent(event, type) ?? false;
  }

  sendInputFrame(frame: InputFrame, stream?: string): boolean {
    const entry = this.#one(stream);
    const input = entry?.session ? this.#server.streams.registry.find(entry.stream) : undefined;
    if (!entry || !input) return false;
    pushInputFrame(input, frame, this.#publishers, entry);
    return true;
  }

  sendInputSound(sound: PcmSound, timestamp?: Micros, stream?: string): boolean {
    const entry = this.#one(stream);
    const input = entry?.session ? this.#server.streams.registry.find(entry.stream) : undefined;
    if (!input) return false;
    input.assertPush();
    pushSound(input, sound, timestamp, this.#server.clock.now());
    return true;
  }

  setLoadingOverlay(active: boolean, stream?: string): boolean {
    const sessions = this.#sessionsOf(stream);
    for (const session of sessions) session.setLoading(active);
    return sessions.length > 0;
  }

  setTargetFps(fps: number | null, stream?: string): boolean {
    if (fps !== null && !(fps > 0 && fps <= MAX_TARGET_FPS)) {
      throw new SluiceError('bad-value', `fps: ${fps} received; expected more than 0, up to ${MAX_TARGET_FPS}, or null`, { field: 'fps' });
    }
    const sessions = this.#sessionsOf(stream);
    for (const session of sessions) session.setTargetFps(fps);
    return sessions.length > 0;
  }

  close(): Promise<void> {
    return this.#scope.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
