// The streams of a processor server by request id: begun, ended, one after the other, and never more than allowed.
import { createHash } from 'node:crypto';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { STREAM_NAME } from '../core/stream-name.ts';
import type { SluiceServer } from '../server/server.ts';
import type { OpenSession } from './host.ts';
import type { ServedProcessor } from './processor.ts';
import type { SessionEnd, StartRequest, StreamSession } from './session.ts';
import type { StreamProcessorSettings } from './settings.ts';
import { ServerState, type StreamDetail } from './state.ts';

/** A stream of the server. */
export interface Entry {
  readonly request: StartRequest;
  /** Name in the server. */
  readonly stream: string;
  readonly since: string;
  state: 'starting' | 'running' | 'stopping';
  session: StreamSession | null;
  /** Why its newest params were refused, if they were. */
  error: string | null;
  /** Settles when it has begun, or could not. */
  readonly opened: Promise<void>;
  /** Settles when it is over. */
  readonly over: Promise<void>;
  readonly stopping: AbortController;
}

export interface StreamTableOptions {
  readonly server: SluiceServer;
  readonly processor: ServedProcessor;
  readonly settings: StreamProcessorSettings;
  readonly open: OpenSession;
  readonly log: Logger;
  readonly onState?: ((state: ServerState['status']) => void) | undefined;
}

export class StreamTable implements AsyncDisposable {
  readonly state: ServerState;
  readonly #options: StreamTableOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #watch: NodeJS.Timeout;
  #closed = false;
  /** When a stream made the state ERROR, ms of `performance.now()`. */
  #failedAt: number | null = null;

  constructor(options: StreamTableOptions) {
    this.#options = options;
    this.state = new ServerState(() => this.all().map((entry) => this.#detailOf(entry)), options.onState);
    this.#watch = setInterval(() => this.#look(), options.settings.healthCheckInterval * 1000).unref();
  }

  all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** One by its request id, or by the name of its stream in the server. */
  find(id: string): Entry | undefined {
    return this.#entries.get(id) ?? this.all().find(({ stream }) => stream === id);
  }

  /** Whether another stream may begin. Throws `conflict` for an id that runs already, `unavailable` if there is no place. */
  assertPlace(id: string): void {
    if (this.#closed) throw new SluiceError('unavailable', 'the server is being ended');
    const { maxStreams } = this.#options.settings;
    if (maxStreams > 1 && this.#entries.has(id)) {
      throw new SluiceError('conflict', `${JSON.stringify(id)} runs already; expected another gateway_request_id, or stop it first`);
    }
    if (this.#entries.size >= maxStreams) throw new SluiceError('unavailable', 'Pipeline is still in use', { limit: maxStreams });
  }

  /** Begins a stream. Throws what is wrong with the request; nothing is left of it then. */
  async start(request: StartRequest): Promise<Entry> {
    const id = request.gateway_request_id;
    this.assertPlace(id);
    const over = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const entry: Entry = {
      request,
      stream: this.#nameOf(id),
      since: new Date().toISOString(),
      state: 'starting',
      session: null,
      error: null,
      opened: opened.promise,
      over: over.promise,
      stopping: new AbortController(),
    };
    this.#entries.set(id, entry);
    this.state.component(`stream:${id}`, 'STARTING');
    const { server, processor, settings, log, open } = this.#options;
    const { signal: stopping } = entry.stopping;
    try {
      const announce = (session: StreamSession) => {
        entry.session = session;
      };
      const host = { server, processor, settings, stopping, announce, stream: entry.stream, log: log.child({ request: id }) };
      const session = await open(request, host);
      entry.session = session;
      void session.ended.then(
        (end) => this.#over(entry, end, over.resolve),
        (error: unknown) => this.#over(entry, { reason: 'failed', error: toSluiceError(error).message }, over.resolve),
      );
    } catch (error) {
      entry.session = null;
      this.#remove(entry);
      over.resolve();
      throw error;
    } finally {
      opened.resolve();
    }
    // It may have been stopped while it began.
    if (entry.state === 'starting') entry.state = 'running';
    if (this.#entries.get(id) === entry) {
      this.state.component(`stream:${id}`, entry.state === 'running' ? 'RUNNING' : 'STOPPING');
      this.#recover();
    }
    this.state.changed();
    return entry;
  }

  #recover(): void {
    this.#failedAt = null;
    if (this.state.loaded) this.state.recover();
  }

  /** Ends a stream; one that is just beginning ends as soon as it has begun. Idempotent. */
  async stop(entry: Entry, reason?: string): Promise<void> {
    entry.state = 'stopping';
    entry.stopping.abort();
    this.state.component(`stream:${entry.request.gateway_request_id}`, 'STOPPING');
    await entry.opened;
    await entry.session?.stop(reason);
    await entry.over;
  }

  #over(entry: Entry, end: SessionEnd, resolve: () => void): void {
    const { gateway_request_id: id } = entry.request;
    this.#remove(entry);
    this.state.ended({ request_id: id, stream: entry.stream, reason: end.reason, error: end.error, ended: new Date().toISOString() });
    // Others that run shall not be ended by whoever watches the health of the whole.
    if (end.reason === 'failed' && this.#entries.size === 0) {
      this.state.fail(end.error ?? 'the stream failed');
      this.#failedAt = performance.now();
    }
    this.#options.log.info({ request: id, reason: end.reason, ...(end.error !== null && { error: end.error }) }, 'a stream has ended');
    this.state.changed();
    resolve();
  }

  #remove(entry: Entry): void {
    const { gateway_request_id: id } = entry.request;
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
    this.state.removeComponent(`stream:${id}`);
  }

  /** Looks how the streams of the running sessions are. */
  #look(): void {
    // A server that says ERROR may get no stream any more that could end it; the processor itself is well.
    if (this.#failedAt !== null && performance.now() - this.#failedAt >= this.#options.settings.healthCheckInterval * 1000) this.#recover();
    for (const entry of this.all()) {
      if (entry.state !== 'running') continue;
      const reason = this.#faultOf(entry);
      this.state.component(`stream:${entry.request.gateway_request_id}`, reason === null ? 'RUNNING' : 'ERROR', reason);
    }
  }

  /** What is wrong with its input now. */
  #faultOf({ stream: name }: Entry): string | null {
    const stream = this.#options.server.streams.registry.find(name);
    return stream?.state === 'failed' ? (stream.reason ?? 'its input cannot be read') : null;
  }

  #detailOf(entry: Entry): StreamDetail {
    const { request, stream, state, since, error } = entry;
    return { request_id: request.gateway_request_id, stream, state, since, error: this.#faultOf(entry) ?? error };
  }

  /** A request id as the name of a stream: as it is, if it can be one. */
  #nameOf(id: string): string {
    const { registry } = this.#options.server.streams;
    const taken = (name: string) => registry.find(name) !== undefined || this.all().some(({ stream }) => stream === name);
    if (STREAM_NAME.test(id) && !/^\.+$/.test(id) && !taken(id)) return id;
    const base = `${id.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 40)}-${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
    for (let n = 1; ; n++) {
      const name = n === 1 ? base : `${base}-${n}`;
      if (!taken(name)) return name;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    await Promise.all(this.all().map((entry) => this.stop(entry, 'the server ends').catch(() => {})));
    for (const name of ['processor', 'server']) this.state.component(name, 'SHUTDOWN');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
