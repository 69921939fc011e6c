// The server: starts everything in one readable order, closes in the reverse one.
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import { join } from 'node:path';
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import type { StreamConfigInput } from '../api/schema.ts';
import { openCompat } from '../compat/index.ts';
import type { SharedClock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { Scope } from '../core/scope.ts';
import { startClock, wallMicros } from '../native/system-clock.ts';
import type { HlsOutput } from '../outputs/hls/routes.ts';
import { OUTPUTS } from '../outputs/index.ts';
import { LifeSigns } from '../outputs/life-signs.ts';
import { LiveViews } from '../outputs/live-views/live-views.ts';
import { OutputMeter } from '../outputs/meter.ts';
import type { DirectHandler, Output } from '../outputs/output.ts';
import type { RecordingsOutput } from '../outputs/recordings/routes.ts';
import type { TrickleOutput } from '../outputs/trickle/index.ts';
import type { WebRtcOutput } from '../outputs/webrtc/routes.ts';
import { MediaPool } from '../pipeline/media-pool.ts';
import { Registry } from '../pipeline/registry.ts';
import type { Stream } from '../pipeline/stream.ts';
import { type ProgramAddress, ProgramDoors } from '../processors/external/address.ts';
import { Store } from '../timeline/store.ts';
import type { TrickleChannels } from '../trickle/channels.ts';
import { access, admissionOf, stripBasePath, tokenQuery } from './access.ts';
import { listenAddress } from './address.ts';
import { clockKeeper } from './clock-keeper.ts';
import type { ResolvedConfig } from './config.ts';
import { DirectRoutes } from './direct.ts';
import { diskKeeper } from './disk-keeper.ts';
import { Findings } from './findings.ts';
import { lockFolder } from './folder-lock.ts';
import { openApi } from './openapi.ts';
import { pageRoutes } from './page.ts';
import { Presets } from './params/presets.ts';
import { ParamService } from './params/service.ts';
import { installProblems, onClientError, onFrameworkError } from './problem.ts';
import { ProcessorTable } from './processors.ts';
import { analysisRoutes } from './routes/analysis.ts';
import { bandwidthRoute } from './routes/bandwidth.ts';
import { clipBundleRoute } from './routes/clip-bundle.ts';
import { dataRoutes } from './routes/data.ts';
import { eventRoutes } from './routes/events.ts';
import { frameRoutes } from './routes/frames.ts';
import { healthRoutes } from './routes/health.ts';
import { liveViewRoutes } from './routes/live-views.ts';
import { markerRoutes } from './routes/markers.ts';
import { metricRoutes } from './routes/metrics.ts';
import { paramRoutes } from './routes/params.ts';
import { programRoutes } from './routes/programs.ts';
import { soundRoutes } from './routes/sound.ts';
import { streamRoutes } from './routes/streams.ts';
import { timelineFileRoutes } from './routes/timeline-files.ts';
import { trickleRoutes } from './routes/trickle.ts';
import { StreamService } from './stream-service.ts';
import { TIMELINE_SHARE } from './timeline-keeper.ts';
import { Timelines } from './timelines.ts';
import { followTls, readTls, secureServer } from './tls.ts';
import { TrickleMount } from './trickle.ts';
import { UpgradeDispatcher } from './upgrade.ts';

/** A running server. */
export interface SluiceServer extends AsyncDisposable {
  /** Address of the dashboard, with the base path. */
  readonly url: string;
  readonly port: number;
  readonly config: ResolvedConfig;
  readonly streams: StreamService;
  readonly timelines: Timelines;
  readonly liveViews: LiveViews;
  readonly clock: SharedClock;
  readonly processors: ProcessorTable;
  /** Channels under `/trickle/`. */
  readonly trickle: TrickleChannels;
  /** HTML of the program's own pages, by name: `/pages/{name}`. */
  readonly pages: Map<string, string>;
  readonly log: Logger;
  /** Where the program of an external processor connects, and its token. Throws `unavailable` where that is not known yet. */
  programAddress(stream: string, processor: string): ProgramAddress & { readonly token: string };
  /** Makes or changes a stream of this process; it is not kept across restarts. */
  openStream(name: string, config: StreamConfigInput): Promise<Stream>;
  /** Ends playlists, encoders, sources, sockets and the store, in that order. Idempotent. */
  close(): Promise<void>;
}

export interface ServerDeps {
  readonly log: Logger;
  /** Routes of the program's own: declared before the server listens, behind the same access. */
  readonly routes?: ((app: FastifyInstance) => void | Promise<void>) | undefined;
  /** What `GET /version` tells beside its own. */
  readonly versions?: Readonly<Record<string, unknown>> | undefined;
}

/** Version of the package. */
export async function packageVersion(): Promise<string> {
  for (const path of ['../../package.json', '../../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => null);
    if (text) return (JSON.parse(text) as { version: string }).version;
  }
  return '0.0.0';
}

/** Starts a server. Throws `port-taken` if something else listens there. */
export async function startServer(config: ResolvedConfig, deps: ServerDeps): Promise<SluiceServer> {
  const scope = new Scope();
  try {
    return await start(config, deps, scope);
  } catch (error) {
    await scope.close().catch(() => {});
    throw error;
  }
}

async function start(config: ResolvedConfig, { log, routes, versions }: ServerDeps, scope: Scope): Promise<SluiceServer> {
  const version = await packageVersion();
  const mediaDir = join(config.dataDir, 'media');
  await mkdir(mediaDir, { recursive: true });
  scope.defer(await lockFolder(config.dataDir));

  const clock = startClock();

  const store = scope.use(new Store(join(config.dataDir, 'sluice.db')));
  const last = new Map((await store.call('streams')).map((row) => [row.name, row.lastTimestamp]));
  const pool = scope.use(new MediaPool(log));
  pool.warm();

  const doors = scope.use(new ProgramDoors(config.dataDir));
  const processors = new ProcessorTable(doors);
  let recordings: RecordingsOutput | undefined;
  let port = config.port;
  const registry = new Registry({
    deps: async (name) => ({
      pool,
      clock,
      log,
      ringBytes: config.ringBytes,
      reserveIds: (stream, count) => store.call('reserveIds', stream, count),
      lastTimestamp: last.get(name) ?? 0,
      channelUrl: (channel) => `${ownAddress(config, port)}trickle/${channel}${config.viewToken ? `?token=${config.viewToken}` : ''}`,
      recordingFile: (id) => recordings?.file(id) ?? null,
      resolveProcessor: (processor) => processors.resolve(name, processor),
      findStream: (stream) => registry.find(stream),
      onStreams: (listener) => {
        const offs = [registry.events.on('added', listener), registry.events.on('removed', listener)];
        return () => {
          for (const off of offs) off();
        };
      },
    }),
    onError: (error) => log.error({ error: String(error) }, 'a listener failed'),
  });
  scope.defer(() => registry.close());
  scope.interval(1000, () => clockKeeper(clock, wallMicros(), registry, log));

  const meters = new Map<string, Map<string, OutputMeter>>();
  const metersOf = (stream: string) => meters.get(stream) ?? new Map<string, OutputMeter>();
  const meter = (output: string, stream: string) => {
    const own = metersOf(stream);
    meters.set(stream, own);
    const known = own.get(output) ?? new OutputMeter();
    own.set(output, known);
    return known;
  };
  registry.events.on('removed', ({ stream }) => meters.delete(stream.name));

  const liveViews = scope.use(new LiveViews({ registry, config: config.liveViews, meters: metersOf, log, now: () => clock.now() }));

  const lifeSigns = scope.use(new LifeSigns());

  let hls: HlsOutput | undefined;
  let webrtc: WebRtcOutput | undefined;
  let trickleOutput: TrickleOutput | undefined;
  const timelines = scope.use(
    new Timelines({
      dataDir: config.dataDir,
      registry,
      recorder: (name) => hls?.recorder(name),
      recordingsOpened: async (name) => await hls?.opened(name),
      maxBytes: config.maxBytes,
      now: () => clock.now(),
      log,
    }),
  );
  scope.use(new Findings({ registry, timeline: (name) => timelines.of(name), log, now: () => clock.now() }));
  const outputs: Output[] = [];
  const removals = new Set<Promise<void>>();
  const streams = new StreamService({
    registry,
    store,
    config,
    log,
    meters: metersOf,
    recorder: (name) => hls?.recorder(name),
    outputs: () => outputs,
    processors,
    metrics: (name) => timelines.of(name).metricCounters,
    trickleOuts: (name) => trickleOutput?.links(name) ?? [],
  });

  const params = scope.use(
    new ParamService({ registry, streams, timelines, allowSources: config.allowSources, allowProcessors: config.allowProcessors, log }),
  );
  const presets = new Presets(store, streams, params);

  const guard = access(config, log);
  const direct = new DirectRoutes(config.basePath, guard);
  const trickle = scope.use(new TrickleMount(config, guard, log));
  const app = await makeApp(config, (usual) => trickle.listener(direct.listener(usual)));
  app.addHook('onRequest', guard.onRequest);
  installProblems(app, log);
  await openApi(app, version);

  const upgrades = new UpgradeDispatcher({ access: guard, basePath: config.basePath, log });
  const context = {
    app,
    upgrades,
    streams,
    params,
    presets,
    timelines,
    config,
    clock,
    log,
    signal: scope.signal,
    liveViews,
    lifeSigns,
    meter,
    trickle: trickle.channels,
    version,
  };
  streamRoutes(context);
  paramRoutes(context);
  programRoutes(context, doors);
  frameRoutes(context);
  soundRoutes(context);
  markerRoutes(context);
  metricRoutes(context);
  dataRoutes(context);
  timelineFileRoutes(context);
  clipBundleRoute(context, async (stream, query) => await hls!.clip(stream, query));
  eventRoutes(context);
  liveViewRoutes(context);
  analysisRoutes(context);
  healthRoutes(context, versions);
  bandwidthRoute(context);
  trickleRoutes(context);
  await routes?.(app);

  await timelines.opened();
  await streams.restore();
  const outputContext = {
    app,
    upgrades,
    direct: (handler: DirectHandler) => direct.add(handler),
    registry,
    store,
    timeline: (name: string) => timelines.of(name),
    mediaDir,
    recordings: { dir: config.recordingsDir, minFree: config.recordingsMinFree },
    maxBytes: config.maxBytes,
    host: listenAddress(config.host),
    webrtc: config.webrtc,
    trickle,
    forPush: (name: string) => streams.forPush(name),
    log,
    signal: scope.signal,
    tokenQuery,
    liveViews,
    lifeSigns,
    meter,
    removing: (work: Promise<void>) => {
      removals.add(work);
      void work
        .catch((error) => log.error({ error: String(error) }, 'recordings could not be removed'))
        .finally(() => removals.delete(work));
    },
    findFrame: async (stream: Stream, want: Parameters<NonNullable<Output['findFrame']>>[1]) => {
      for (const output of outputs) {
        const found = await output.findFrame?.(stream, want);
        if (found) return found;
      }
      return null;
    },
  };
  for (const row of OUTPUTS) {
    const output = await row.open(outputContext);
    outputs.push(output);
    if (row.name === 'hls') hls = output as HlsOutput;
    if (row.name === 'webrtc') webrtc = output as WebRtcOutput;
    if (row.name === 'trickle') trickleOutput = output as TrickleOutput;
    if (row.name === 'recordings') recordings = output as RecordingsOutput;
  }
  const mayChange = (request: FastifyRequest) => admissionOf(request).rights === 'all';
  openCompat({ ...outputContext, hls: hls!, webrtc: webrtc!, settings: config.compat, mayChange });
  const pages = new Map<string, string>();
  await pageRoutes(app, config.frameAncestors, pages);
  diskKeeper(scope, { registry, recorder: (name) => hls?.recorder(name), maxBytes: config.maxBytes * (1 - TIMELINE_SHARE), log });

  await listen(app, config);
  if (config.tls) followTls(scope, app.server as unknown as Http2SecureServer, config.tls, log);
  upgrades.attach(app.server);
  const address = app.server.address();
  port = typeof address === 'object' && address ? address.port : config.port;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;

  scope.defer(async () => {
    // Playlists get their end while the server can still be asked; then everything that holds a connection goes.
    await Promise.all(outputs.map((output) => output.close?.()));
    await Promise.all(removals);
    await trickle.close();
    await upgrades.close();
    app.server.closeAllConnections?.();
    await app.close();
  });

  return {
    url: `${config.tls ? 'https' : 'http'}://${host}:${port}${config.basePath}`,
    port,
    config,
    streams,
    timelines,
    liveViews,
    clock,
    processors,
    trickle: trickle.channels,
    pages,
    log,
    programAddress: (stream, processor) => ({ ...doors.address(stream, processor), token: doors.token }),
    openStream: async (name, input) => (await streams.put(name, streams.parse(input, true), false)).stream,
    close: () => scope.close(),
    [Symbol.asyncDispose]: () => scope.close(),
  };
}

/** Where this server's own threads reach it; ends with a slash. */
function ownAddress({ host, tls, basePath }: ResolvedConfig, port: number): string {
  const address = listenAddress(host) ?? '127.0.0.1';
  return `${tls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${port}${basePath}`;
}

async function makeApp(config: ResolvedConfig, first: (usual: RequestListener) => RequestListener): Promise<FastifyInstance> {
  const options: FastifyServerOptions = {
    logger: false,
    trustProxy: config.trustedProxies.length ? [...config.trustedProxies] : false,
    // Publishers and playlists hold requests open for as long as they like; headers must come in time (DESIGN 4).
    requestTimeout: 0,
    bodyLimit: 1_048_576,
    forceCloseConnections: true,
    rewriteUrl: (request) => stripBasePath(request.url ?? '/', config.basePath),
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: onFrameworkError as never,
    clientErrorHandler: onClientError as never,
  };
  const pair = config.tls && (await readTls(config.tls));
  const serverFactory = (usual: RequestListener) => {
    const listener = first(usual);
    return pair ? secureServer(pair, listener) : createServer({ keepAliveTimeout: 72_000, requestTimeout: 0 }, listener);
  };
  const app = Fastify({
    ...options,
    ...(pair ? { http2: true, https: {} } : {}),
    serverFactory,
  } as FastifyServerOptions) as unknown as FastifyInstance;
  app.setValidatorCompiler(validatorCompiler);
  // Answers are made by typed code; their schemas are for the OpenAPI document.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  return app;
}

async function listen(app: FastifyInstance, config: ResolvedConfig): Promise<void> {
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new SluiceError(
        'port-taken',
        `port ${config.port} on ${config.host} is in use by another program; choose another one with --port`,
        {
          field: 'port',
          received: config.port,
        },
      );
    }
    throw error;
  }
}
