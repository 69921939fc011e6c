// Typed client of the REST interface and of the events socket. Neutral: it needs only `fetch` and `WebSocket`, so it runs in Node and in
// browsers. Whatever comes in is parsed with the schemas of `schema.ts`; whatever goes wrong is a `SluiceError`.
import { z } from 'zod';
import { ERRORS, type ErrorCode, SluiceError } from '../core/errors.ts';
import {
  EffectiveParams,
  LiveView,
  LiveViewList,
  type LiveViewRequest,
  type LiveViewStop,
  ParamsDescription,
  StreamDiagnostics,
  type ViewProtocol,
} from './live-views.ts';
import { ParamSetInfo, ParamsChanged, Preset, PresetList } from './params.ts';
import { Recording, RecordingList, type RecordingRequestInput } from './recordings.ts';
import { ClientEvent, ServerEvent, type StreamConfigInput, StreamInfo, StreamStats } from './schema.ts';
import { DataPage, Marker, type MarkerInput, MarkerPage, type MarkerPatch } from './timeline.ts';

/** Settings of a `SluiceClient`. */
export interface ClientOptions {
  /** Address of the server with its path prefix, such as `http://127.0.0.1:8000/` or `https://lab.example/user/x/proxy/8000/`. */
  readonly base: string | URL;
  /** Sent as `Authorization: Bearer` (REST) and `?token=` (socket). Without it the page's cookie counts. */
  readonly token?: string;
  /** How long an answer may take, in ms. Default 15000. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
  readonly WebSocket?: typeof WebSocket;
}

/** Answer of `GET /api/system`. Every part may be missing: older servers have no such route. */
export const SystemInfo = z.object({
  version: z.string().optional(),
  address: z.string().optional().describe('what the server listens on'),
  disk: z
    .object({
      bytes: z.number().describe('used by all streams'),
      limit: z.number().nullish().describe('bytes; the oldest data goes first when it is reached'),
    })
    .optional(),
  python: z.unknown().optional(),
  auth: z
    .object({
      needed: z.boolean(),
      rights: z.enum(['view', 'all']).optional().describe('what the asking client may do; missing = not told'),
    })
    .optional(),
});
export type SystemInfo = z.infer<typeof SystemInfo>;

/** Listeners of an events socket. */
export interface EventListeners {
  onOpen?(): void;
  onEvent(event: ServerEvent): void;
  /** A binary message: frame header (CONTRACT "Frame header") + JPEG. */
  onBinary?(bytes: Uint8Array<ArrayBuffer>): void;
  /** Called once, when the socket has ended for whatever reason. `code` is that of RFC 6455 section 7.4. */
  onClose?(code: number, reason: string): void;
}

/** One connection to `WS /api/events`; `openEvents` makes it. It does not reconnect. */
export interface EventSocket {
  /** Sends a message; does nothing (false) unless the socket is open. */
  send(message: ClientEvent): boolean;
  close(): void;
}

const Items = z.object({ items: z.array(StreamInfo) });
const DEFAULT_TIMEOUT_MS = 15_000;

/** Client of one Sluice server. Methods reject with `SluiceError`; a server that cannot be reached has the code `unavailable`. */
export class SluiceClient {
  /** The server's address; ends with a slash. */
  readonly base: URL;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;
  readonly #WebSocket: typeof WebSocket;

  constructor(options: ClientOptions) {
    this.base = new URL(options.base);
    this.base.search = '';
    this.base.hash = '';
    if (!this.base.pathname.endsWith('/')) this.base.pathname += '/';
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    // Browsers refuse a `fetch` that is called as somebody's method.
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
  }

  /** All streams. */
  async streams(signal?: AbortSignal): Promise<StreamInfo[]> {
    return (await this.#json(Items, 'GET', 'api/streams', { signal })).items;
  }

  /** One stream; rejects with `unknown-stream` if there is none of this name. */
  stream(name: string, signal?: AbortSignal): Promise<StreamInfo> {
    return this.#json(StreamInfo, 'GET', path(name), { signal });
  }

  /** Makes the stream or changes its configuration. */
  put(name: string, config: StreamConfigInput): Promise<StreamInfo> {
    return this.#json(StreamInfo, 'PUT', path(name), { body: config });
  }

  /** Removes the stream with everything that is kept of it. `keepalive`: the request outlives the page. */
  async remove(name: string, options: { keepalive?: boolean } = {}): Promise<void> {
    await this.#request('DELETE', path(name), options);
  }

  async start(name: string): Promise<void> {
    await this.#request('POST', `${path(name)}/start`, {});
  }

  async stop(name: string): Promise<void> {
    await this.#request('POST', `${path(name)}/stop`, {});
  }

  stats(name: string, signal?: AbortSignal): Promise<StreamStats> {
    return this.#json(StreamStats, 'GET', `${path(name)}/stats`, { signal });
  }

  /** A page of markers, newest first; `after` is `next` of the page before. */
  newestMarkers(name: string, query: PageQuery = {}, signal?: AbortSignal): Promise<MarkerPage> {
    return this.#json(MarkerPage, 'GET', `${path(name)}/markers${newestFirst(query)}`, { signal });
  }

  /** Makes a marker, or changes the one of the same id. It is on disk when this settles. */
  mark(name: string, marker: MarkerInput): Promise<Marker> {
    return this.#json(Marker, 'POST', `${path(name)}/markers`, { body: marker });
  }

  /** Changes a marker: what is absent in `patch` stays. */
  changeMarker(name: string, id: string, patch: MarkerPatch): Promise<Marker> {
    return this.#json(Marker, 'PATCH', `${path(name)}/markers/${encodeURIComponent(id)}`, { body: patch });
  }

  /** Removes a marker for good. `keepalive`: the request outlives the page. */
  async removeMarker(name: string, id: string, options: { keepalive?: boolean } = {}): Promise<void> {
    await this.#request('DELETE', `${path(name)}/markers/${encodeURIComponent(id)}`, options);
  }

  /** A page of data records, newest first; `after` is `next` of the page before. */
  newestData(name: string, query: PageQuery = {}, signal?: AbortSignal): Promise<DataPage> {
    return this.#json(DataPage, 'GET', `${path(name)}/data${newestFirst(query)}`, { signal });
  }

  /** Recordings of the stream, newest first. */
  async recordings(name: string, signal?: AbortSignal): Promise<Recording[]> {
    return (await this.#json(RecordingList, 'GET', `${path(name)}/recordings`, { signal })).items;
  }

  recording(name: string, id: string, signal?: AbortSignal): Promise<Recording> {
    return this.#json(Recording, 'GET', `${path(name)}/recordings/${id}`, { signal });
  }

  /** Begins a recording with the next frame. */
  record(name: string, request: RecordingRequestInput): Promise<Recording> {
    return this.#json(Recording, 'POST', `${path(name)}/recordings`, { body: request });
  }

  /** Ends one; its file is whole when this settles. */
  stopRecording(name: string, id: string): Promise<Recording> {
    return this.#json(Recording, 'POST', `${path(name)}/recordings/${id}/stop`, {});
  }

  /** Removes one with its file. */
  async removeRecording(name: string, id: string, options: { keepalive?: boolean } = {}): Promise<void> {
    await this.#request('DELETE', `${path(name)}/recordings/${id}`, options);
  }

  /** Address of its file, without the token. */
  recordingFile(name: string, id: string): URL {
    return new URL(`${path(name)}/recordings/${id}/file`, this.base);
  }

  /** Params of the source and of all processors: values, JSON Schema, and where each comes from. */
  params(name: string, signal?: AbortSignal): Promise<ParamSetInfo> {
    return this.#json(ParamSetInfo, 'GET', `${path(name)}/params`, { signal });
  }

  /** Changes some of them, all or none; rejects with `bad-value`, `unknown-key` (`details.problems` has all that is wrong). */
  setParams(name: string, values: Record<string, unknown>): Promise<ParamsChanged> {
    return this.#json(ParamsChanged, 'PATCH', `${path(name)}/params`, { body: values });
  }

  /** Presets of the stream, by name. */
  async presets(name: string, signal?: AbortSignal): Promise<Preset[]> {
    return (await this.#json(PresetList, 'GET', `${path(name)}/presets`, { signal })).items;
  }

  /** Saves params under a name: some, or all as they are now. */
  savePreset(name: string, preset: string, values?: Record<string, unknown>): Promise<Preset> {
    return this.#json(Preset, 'PUT', `${path(name)}/presets/${encodeURIComponent(preset)}`, { body: values ? { values } : {} });
  }

  async removePreset(name: string, preset: string): Promise<void> {
    await this.#request('DELETE', `${path(name)}/presets/${encodeURIComponent(preset)}`, {});
  }

  /** Applies one, all or nothing. */
  applyPreset(name: string, preset: string): Promise<ParamsChanged> {
    return this.#json(ParamsChanged, 'POST', `${path(name)}/presets/${encodeURIComponent(preset)}/apply`, {});
  }

  /** Live views of all detectors. */
  liveViews(signal?: AbortSignal): Promise<LiveViewList> {
    return this.#json(LiveViewList, 'GET', 'api/live-views', { signal });
  }

  /** Starts a live view; rejects with `long-exposure`, `protocol-busy`, `conflict`. */
  startLiveView(body: z.input<typeof LiveViewRequest>): Promise<LiveView> {
    return this.#json(LiveView, 'POST', 'api/live-views/start', { body });
  }

  async stopLiveView(body: z.input<typeof LiveViewStop>): Promise<void> {
    await this.#request('POST', 'api/live-views/stop', { body });
  }

  /** What viewers of a stream get who say nothing themselves, with its JSON Schema. */
  viewParams(stream: string, protocol: ViewProtocol, signal?: AbortSignal): Promise<ParamsDescription> {
    return this.#json(ParamsDescription, 'GET', `api/live-views/params${viewQuery(stream, protocol)}`, { signal });
  }

  /** Changes some of it; `null` takes a value back. */
  setViewParams(stream: string, protocol: ViewProtocol, patch: Record<string, unknown>): Promise<EffectiveParams> {
    return this.#json(EffectiveParams, 'PATCH', `api/live-views/params${viewQuery(stream, protocol)}`, { body: patch });
  }

  /** Figures of a stream by stage. */
  async diagnostics(stream: string, signal?: AbortSignal): Promise<StreamDiagnostics | null> {
    const where = `api/live-views/diagnostics?stream=${encodeURIComponent(stream)}`;
    return (await this.#json(z.object({ items: z.array(StreamDiagnostics) }), 'GET', where, { signal })).items[0] ?? null;
  }

  /** About the server as a whole; `null` from a server that has no such route. */
  async system(signal?: AbortSignal): Promise<SystemInfo | null> {
    try {
      return await this.#json(SystemInfo, 'GET', 'api/system', { signal });
    } catch (error) {
      if (error instanceof SluiceError && (error.code === 'not-found' || error.code === 'method-not-allowed')) return null;
      throw error;
    }
  }

  /** Opens the events socket. Messages that do not fit the schema are left out: a newer server may say more than this client knows. */
  openEvents(listeners: EventListeners): EventSocket {
    const url = new URL('api/events', this.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (this.#token) url.searchParams.set('token', this.#token);
    const socket = new this.#WebSocket(url);
    socket.binaryType = 'arraybuffer';
    let closed = false;
    const end = (code: number, reason: string) => {
      if (closed) return;
      closed = true;
      listeners.onClose?.(code, reason);
    };
    socket.addEventListener('open', () => {
      if (!closed) listeners.onOpen?.();
    });
    socket.addEventListener('message', (message: MessageEvent) => {
      if (closed) return;
      if (message.data instanceof ArrayBuffer) return listeners.onBinary?.(new Uint8Array(message.data));
      const event = parseEvent(message.data);
      if (event) listeners.onEvent(event);
    });
    socket.addEventListener('close', (event: CloseEvent) => end(event.code, event.reason));
    socket.addEventListener('error', () => end(1006, ''));
    return {
      send(message) {
        if (socket.readyState !== 1) return false;
        socket.send(JSON.stringify(ClientEvent.parse(message)));
        return true;
      },
      close() {
        socket.close();
        end(1000, '');
      },
    };
  }

  async #json<T>(schema: z.ZodType<T>, method: string, where: string, options: RequestOptions): Promise<T> {
    const response = await this.#request(method, where, options);
    let answer: unknown;
    try {
      answer = await response.json();
    } catch (cause) {
      throw new SluiceError('bad-request', `${method} ${where}: the answer is not JSON; is this address a Sluice server?`, {}, cause);
    }
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new SluiceError('bad-request', `${method} ${where}: the answer is not understood: ${z.prettifyError(parsed.error)}`);
  }

  async #request(method: string, where: string, options: RequestOptions): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json' };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    let response: Response;
    try {
      response = await this.#fetch(new URL(where, this.base), {
        method,
        headers,
        body: options.body === undefined ? null : JSON.stringify(options.body),
        signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
        keepalive: options.keepalive ?? false,
        cache: 'no-store',
      });
    } catch (cause) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (timeout.aborted) {
        throw new SluiceError('request-timeout', `The server did not answer within ${this.#timeoutMs / 1000} s.`, {}, cause);
      }
      throw new SluiceError('unavailable', `The server at ${this.base.host} cannot be reached.`, {}, cause);
    }
    if (response.ok) return response;
    throw await problemOf(response, `${method} ${where}`);
  }
}

interface RequestOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly keepalive?: boolean;
}

/** Which page of a long list. */
export interface PageQuery {
  readonly after?: string | undefined;
  /** Items at most. */
  readonly limit?: number;
}

function newestFirst({ after, limit }: PageQuery): string {
  const query = new URLSearchParams({ order: 'newest' });
  if (after !== undefined) query.set('after', after);
  if (limit !== undefined) query.set('limit', String(limit));
  return `?${query}`;
}

function viewQuery(stream: string, protocol: ViewProtocol): string {
  return `?stream=${encodeURIComponent(stream)}&protocol=${protocol}`;
}

function path(name: string): string {
  return `api/streams/${encodeURIComponent(name)}`;
}

/** Reads a text message of the events socket; `null` if it is none that this client knows. */
export function parseEvent(text: unknown): ServerEvent | null {
  if (typeof text !== 'string') return null;
  try {
    return ServerEvent.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** The error behind an answer that is not 2xx: its problem document (RFC 9457), or one made from the status where a proxy answered. */
async function problemOf(response: Response, what: string): Promise<SluiceError> {
  let body: unknown;
  try {
    body = JSON.parse(await response.text());
  } catch {
    body = undefined;
  }
  if (body && typeof body === 'object') {
    const { type: _type, title, status: _status, code, detail, ...details } = body as Record<string, unknown>;
    const message = typeof detail === 'string' ? detail : typeof title === 'string' ? title : `${what}: status ${response.status}`;
    if (typeof code === 'string' && Object.hasOwn(ERRORS, code)) return new SluiceError(code as ErrorCode, message, details);
    if (typeof detail === 'string') return new SluiceError(codeOf(response.status), message, details);
  }
  return new SluiceError(codeOf(response.status), `${what}: the answer has the status ${response.status} ${response.statusText}`.trim());
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 405) return 'method-not-allowed';
  if (status === 408) return 'request-timeout';
  if (status === 409) return 'conflict';
  if (status === 413) return 'too-large';
  // A proxy in front of a server that is away.
  if (status === 502 || status === 503 || status === 504) return 'unavailable';
  return status >= 500 ? 'internal' : 'bad-request';
}
