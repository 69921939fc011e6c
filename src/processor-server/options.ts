// What `runStreamProcessor` is given: settings, the processor in one of its five forms, and what belongs to the program around it.
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { AnyProcessor } from '../processors/define.ts';
import { asProcessor } from '../processors/handlers.ts';
import type { ServerConfigInput } from '../server/config.ts';
import type { SluiceServer } from '../server/server.ts';
import { ExternalProcessor, type ProgramCalls } from './external.ts';
import { findHandlers, HANDLER_KINDS, type StreamHandlers } from './handlers.ts';
import type { OpenSession } from './host.ts';
import { OwnProcessor, partsOfDefinition, partsOfHandlers } from './own-processor.ts';
import type { ServedProcessor } from './processor.ts';
import { readProcessorFile } from './processor-file.ts';
import type { StreamProcessorServer } from './processor-server.ts';
import type { CustomRoute, Middleware } from './routes.ts';
import { readSettings, type StreamProcessorSettings, type StreamProcessorSettingsInput } from './settings.ts';
import type { PipelineState } from './state.ts';

/** A processor in another program: its frames go over the local socket, its calls to `calls`. */
export interface ExternalChoice {
  readonly external: true;
  /** Default both. */
  readonly video?: boolean;
  readonly audio?: boolean;
  readonly calls?: ProgramCalls;
}

type Hook = (server: StreamProcessorServer) => void | Promise<void>;

export interface StreamProcessorOptions<State = unknown> extends StreamProcessorSettingsInput, StreamHandlers<State> {
  /**
   * In the place of handlers: what docs/processors.md describes (`defineProcessor`, a class, the path of a file; run in this program), or
   * `{ external: true }`.
   */
  readonly processor?: AnyProcessor | (new () => object) | string | ExternalChoice;
  /** In the place of handlers: an object or an instance of a class that has them, by name or marked (`videoHandler`, …). */
  readonly handlers?: object;
  /** Settings of the Sluice server, as in the configuration file: token, TLS, limits. */
  readonly server?: ServerConfigInput;
  /** Routes beside those of the server: `{ method, path, handler }`, where the handler gives a Response or what becomes JSON. */
  readonly customRoutes?: readonly CustomRoute<StreamProcessorServer>[];
  /** Stand around the routes of the processor server, not around those of Sluice. */
  readonly middleware?: readonly Middleware<StreamProcessorServer>[];
  /** What handlers of routes find in `context.app`. */
  readonly appContext?: Readonly<Record<string, unknown>>;
  /** The server listens; the processor is not loaded yet. */
  readonly onStartup?: Hook | readonly Hook[];
  /** Before streams are ended. */
  readonly onShutdown?: Hook | readonly Hook[];
  /** Told each time the state changes. */
  readonly onState?: (state: PipelineState) => void;
  readonly log?: Logger;
  /** How streams are begun; for tests. */
  readonly openSession?: OpenSession;
}

export interface ProcessorHooks {
  readonly customRoutes: readonly CustomRoute<StreamProcessorServer>[];
  readonly middleware: readonly Middleware<StreamProcessorServer>[];
  readonly appContext: Readonly<Record<string, unknown>>;
  readonly onStartup: readonly Hook[];
  readonly onShutdown: readonly Hook[];
  readonly onState: ((state: PipelineState) => void) | undefined;
  readonly openSession: OpenSession | undefined;
}

/** Everything decided. */
export interface ProcessorChoice {
  readonly settings: StreamProcessorSettings;
  readonly processor: ServedProcessor & { attach?(server: SluiceServer): void };
  readonly hooks: ProcessorHooks;
}

/** Checks the options. Throws `bad-value`, `unknown-key`, `processor-failed` for a file that is none. */
export async function chooseProcessor(options: StreamProcessorOptions, cwd?: string): Promise<ProcessorChoice> {
  const { processor, handlers, server: _server, log: _log, customRoutes = [], middleware = [], appContext = {}, ...others } = options;
  const { onStartup, onShutdown, onState, openSession, ...rest } = others;
  const direct: Record<string, unknown> = {};
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) ((HANDLER_KINDS as readonly string[]).includes(key) ? direct : plain)[key] = value;
  const settings = readSettings(plain as StreamProcessorSettingsInput);
  const hooks = {
    customRoutes,
    middleware,
    appContext,
    onStartup: [onStartup ?? []].flat() as Hook[],
    onShutdown: [onShutdown ?? []].flat() as Hook[],
    onState,
    openSession,
  };
  const given = [
    Object.keys(direct).length > 0 && 'handlers',
    processor !== undefined && 'processor',
    handlers !== undefined && 'an object of handlers',
  ];
  const forms = given.filter((form) => form !== false);
  if (forms.length > 1) throw new SluiceError('bad-value', `${forms.join(' and ')} received; expected one of them`, { field: 'processor' });
  return { settings, hooks, processor: await servedBy({ processor, handlers, direct }, settings, cwd) };
}

async function servedBy(
  { processor, handlers, direct }: { processor: StreamProcessorOptions['processor']; handlers: object | undefined; direct: object },
  settings: StreamProcessorSettings,
  cwd: string | undefined,
): Promise<ProcessorChoice['processor']> {
  const { name } = settings;
  if (typeof processor === 'string') return new OwnProcessor(await readProcessorFile(processor, cwd), settings);
  if (processor === undefined) {
    const found = handlers === undefined ? findHandlers(direct, 'options') : findHandlers(handlers);
    return new OwnProcessor(partsOfHandlers(found, name), settings);
  }
  if (isExternal(processor)) return new ExternalProcessor(processor, settings);
  const definition = asProcessor(processor, name);
  if (definition) return new OwnProcessor(partsOfDefinition(definition, name), settings);
  throw new SluiceError(
    'bad-value',
    'processor: expected what defineProcessor gives, a class, the path of a file, or { external: true }; objects with marked handlers go under handlers',
    { field: 'processor' },
  );
}

function isExternal(processor: object): processor is ExternalChoice {
  return (processor as { external?: unknown }).external === true;
}
