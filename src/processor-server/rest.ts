// The routes that a gateway drives a stream processor by: bodies and status codes are pytrickle's (docs/stream-processor.md has the table).
import { type SluiceError, toSluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { gpuInfo, gpuStats } from '../native/gpu.ts';
import { checkChannels } from '../server/source-access.ts';
import type { Params } from './processor.ts';
import type { StreamProcessorServer } from './processor-server.ts';
import type { Route, RouteHandler } from './routes.ts';
import type { StartRequest } from './session.ts';
import type { Entry, StreamTable } from './streams.ts';
import { readJson, readParams, readStart } from './validation.ts';

export interface RestOptions {
  /** Known once the server runs. */
  readonly table: () => StreamTable;
  /** Begins to load again what could not be loaded. */
  readonly reload: () => void;
  readonly maxStreams: number;
  readonly allowSources: readonly string[];
  readonly routePrefix: string;
  readonly pipeline: string;
  readonly model: string;
  /** Of the user's application. */
  readonly version: string;
  readonly log: Logger;
}

type Handler = RouteHandler<StreamProcessorServer>;

export function defaultRoutes(options: RestOptions): Route<StreamProcessorServer>[] {
  const rest = new Rest(options);
  const start = { handler: rest.start, summary: 'Begin a stream', onError: rest.startFailed };
  const prefixes = new Set(['', '/api', options.routePrefix.replace(/\/+$/, '')]);
  const streams = [...prefixes].flatMap((prefix): Route<StreamProcessorServer>[] => [
    { method: 'POST', path: `${prefix}/stream/start`, ...start },
    {
      method: 'POST',
      path: `${prefix}/stream/params`,
      handler: rest.params,
      summary: 'Change params of a stream',
      onError: (error) => failure(500, `Parameter update failed: ${error.message}`),
    },
    { method: 'GET', path: `${prefix}/stream/status`, handler: rest.status, summary: 'State of the server and its streams' },
    {
      method: 'POST',
      path: `${prefix}/stream/stop`,
      handler: rest.stop,
      summary: 'End a stream',
      onError: (error) => failure(500, `Error stopping stream: ${error.message}`),
    },
  ]);
  const { pipeline, model: model_id, version } = options;
  return [
    ...streams,
    { method: 'POST', path: '/live-video-to-video', ...start },
    { method: 'GET', path: '/health', handler: rest.health, summary: 'LOADING, IDLE, OK or ERROR' },
    { method: 'GET', path: '/app-version', handler: () => ({ version }), summary: 'Version of the application' },
    {
      method: 'GET',
      path: '/hardware/info',
      handler: async () => ({ pipeline, model_id, gpu_info: await gpuInfo() }),
      summary: 'Graphics processors',
    },
    {
      method: 'GET',
      path: '/hardware/stats',
      handler: async () => ({ pipeline, model_id, gpu_stats: await gpuStats() }),
      summary: 'How busy graphics processors are',
    },
  ];
}

function failure(status: number, message: string, more: object = {}): Response {
  return Response.json({ status: 'error', message, ...more }, { status });
}

class Rest {
  readonly #options: RestOptions;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  get #table(): StreamTable {
    return this.#options.table();
  }

  get #state() {
    return { current_state: this.#table.state.current };
  }

  readonly start: Handler = async (request, { admission }) => {
    const { state } = this.#table;
    if (!state.loaded) {
      if (state.error !== null) this.#options.reload();
      return failure(503, 'Pipeline is still initializing. Please wait for IDLE status.', this.#state);
    }
    try {
      const asked = readStart(readJson(request.headers.get('content-type'), await request.text()));
      checkChannels(channelsOf(asked), admission, this.#options.allowSources);
      const { request: begun } = await this.#table.start(asked);
      return {
        status: 'success',
        message: 'Stream started successfully',
        request_id: begun.gateway_request_id,
        ...this.#state,
      };
    } catch (error) {
      return this.startFailed(toSluiceError(error));
    }
  };

  readonly startFailed = (error: SluiceError): Response => {
    const { code, message } = error;
    this.#log('a stream could not be started', error);
    if (code === 'unavailable') return failure(503, message, this.#state);
    return failure(code === 'conflict' ? 409 : 400, `Error starting stream: ${plain(error)}`, this.#state);
  };

  readonly params: Handler = async (request, { query }) => {
    try {
      const sent = readParams(readJson(request.headers.get('content-type'), await request.text()));
      const several = this.#options.maxStreams > 1;
      const { gateway_request_id: named, ...others } = sent;
      const byBody = several && typeof named === 'string' ? named : null;
      const entry = this.#one(query.get('request_id') ?? byBody, 'update');
      if (entry instanceof Response) return entry;
      await entry.opened;
      if (!entry.session) return failure(400, 'No active stream to update');
      await change(entry, byBody === null ? sent : others);
      return { status: 'success', message: 'Parameters updated successfully' };
    } catch (error) {
      const known = toSluiceError(error);
      this.#log('params could not be changed', known);
      return failure(500, `Parameter update failed: ${plain(known)}`);
    }
  };

  readonly stop: Handler = async (request, { query }) => {
    try {
      const entry = this.#one(query.get('request_id') ?? (await this.#namedIn(request)), 'stop');
      if (entry instanceof Response) return entry;
      await this.#table.stop(entry, 'stopped over REST');
      return { status: 'success', message: 'Stream stopped successfully' };
    } catch (error) {
      const known = toSluiceError(error);
      this.#log('a stream could not be stopped', known);
      return failure(500, `Error stopping stream: ${plain(known)}`);
    }
  };

  /** A body is not needed, and no body is wrong. */
  async #namedIn(request: Request): Promise<string | null> {
    if (this.#options.maxStreams === 1) return null;
    try {
      const body: unknown = JSON.parse(await request.text());
      const named = typeof body === 'object' && body !== null && 'gateway_request_id' in body ? body.gateway_request_id : null;
      return typeof named === 'string' ? named : null;
    } catch {
      return null;
    }
  }

  /** The stream that is meant, or the answer that there is none. */
  #one(id: string | null, to: 'update' | 'stop'): Entry | Response {
    if (id !== null) {
      const found = this.#table.find(id);
      return found ?? failure(400, `No active stream ${JSON.stringify(id.slice(0, 256))} to ${to}`);
    }
    const all = this.#table.all();
    if (!all[0]) return failure(400, `No active stream to ${to}`);
    if (all.length === 1) return all[0];
    const ids = all.map(({ request }) => request.gateway_request_id).join(', ');
    return failure(400, `${all.length} streams run; say with ?request_id= or gateway_request_id which one to ${to}: ${ids}`);
  }

  readonly status: Handler = (_request, { query }) => {
    const { current } = this.#table.state;
    const id = query.get('request_id');
    const entry = id === null ? this.#table.all()[0] : this.#table.find(id);
    if (id !== null && !entry) return failure(404, `No active stream ${JSON.stringify(id.slice(0, 256))}`, this.#state);
    if (!entry) return { ...current, client_active: false };
    const all = this.#table.all();
    return {
      ...current,
      client_active: true,
      ...figuresOf(entry),
      ...(this.#options.maxStreams > 1 && {
        streams: all.map((one) => ({ request_id: one.request.gateway_request_id, ...figuresOf(one) })),
      }),
    };
  };

  readonly health: Handler = () => {
    try {
      return { status: this.#table.state.status };
    } catch (error) {
      this.#log('the state could not be told', toSluiceError(error));
      return Response.json({ detail: { msg: 'Failed to retrieve pipeline status.' } }, { status: 500 });
    }
  };

  #log(message: string, error: SluiceError): void {
    const { log } = this.#options;
    const values = { code: error.code, error: error.message };
    if (error.code === 'internal') log.error({ ...values, cause: String(error.cause) }, message);
    else log.info(values, message);
  }
}

/** Changes params; the state tells of those that were refused until others are taken. */
async function change(entry: Entry, params: Params): Promise<void> {
  try {
    await entry.session!.updateParams(params);
    entry.error = null;
  } catch (error) {
    entry.error = plain(toSluiceError(error));
    throw error;
  }
}

/** What clients are told: the words of errors that were foreseen, and of the user's own. */
function plain({ message }: SluiceError): string {
  return message.split('\n')[0]!.slice(0, 1000);
}

function channelsOf(request: StartRequest): string[] {
  const { subscribe_url, publish_url, control_url, events_url, data_url } = request;
  return [subscribe_url, publish_url, control_url, events_url, data_url].filter((url) => url !== null);
}

const STILL = { ingress_video_fps: 0, ingress_audio_fps: 0, egress_video_fps: 0, egress_audio_fps: 0 };

function figuresOf({ session, state, request }: Entry) {
  const { subscribe_url, publish_url, gateway_request_id } = request;
  return {
    client_running: state === 'running',
    fps: session?.fps() ?? STILL,
    current_params: { subscribe_url, publish_url, gateway_request_id },
  };
}
