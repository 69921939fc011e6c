// A processor that runs in this program: handlers of a stream processor, or a definition as docs/processors.md has it. It is loaded once;
// each stream gets a definition that shares what was loaded, and its life-cycle functions are called from here, so that their errors are seen.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { DataInput, MarkerInput, MetricInput } from '../api/timeline.ts';
import { parseInput } from '../api/zod-problem.ts';
import { SluiceError } from '../core/errors.ts';
import type { AnyProcessor } from '../processors/define.ts';
import type { SluiceServer } from '../server/server.ts';
import type { StreamContext, StreamHandlers } from './handlers.ts';
import { type Params, PROCESSOR_ID, type ProcessorEntry, type ServedProcessor, type StreamRun } from './processor.ts';
import type { StreamProcessorSettings } from './settings.ts';

/** Both sorts of processors as one. */
export interface OwnParts extends Pick<AnyProcessor, 'video' | 'audio' | 'generate' | 'ids' | 'native' | 'concurrent' | 'load' | 'unload'> {
  readonly name: string;
  /** Params that it knows; others pass too. */
  readonly schema?: z.ZodType | undefined;
  onStart?(params: Params, context: StreamContext): void | Promise<void>;
  onStop?(context: StreamContext): void | Promise<void>;
  /** @param all those that hold now @param sent what was sent */
  onParams?(all: Params, sent: Params, context: StreamContext): void | Promise<void>;
}

/** `onParams` gets what was sent, `onStart` the params of the request. */
export function partsOfHandlers(handlers: StreamHandlers, name: string): OwnParts {
  const { video, audio, load, unload, onStart, onStop, onParams } = handlers;
  return {
    name,
    ...(video && { video }),
    ...(audio && { audio }),
    ...(load && { load }),
    ...(unload && { unload }),
    ...(onStart && { onStart }),
    ...(onStop && { onStop }),
    ...(onParams && { onParams: (_all, sent, context) => onParams(sent, context) }),
  };
}

/** Its functions keep the arguments that docs/processors.md gives them. */
export function partsOfDefinition(definition: AnyProcessor, name: string): OwnParts {
  const { params: schema, onStart, onStop, onParams, name: own, ...rest } = definition;
  return {
    ...rest,
    name: own ?? name,
    schema,
    ...(onStart && { onStart: (_params: Params, context: StreamContext) => onStart(context) }),
    ...(onStop && { onStop: (context: StreamContext) => onStop(context) }),
    ...(onParams && { onParams: (all: Params, _sent: Params, context: StreamContext) => onParams(all, context) }),
  };
}

interface Run {
  readonly run: StreamRun;
  readonly end: AbortController;
  params: Params;
}

export class OwnProcessor implements ServedProcessor {
  readonly #parts: OwnParts;
  readonly #settings: Pick<StreamProcessorSettings, 'deadline' | 'onError'>;
  readonly #schema: z.ZodType;
  readonly #use: string;
  readonly #runs = new Map<string, Run>();
  #server: SluiceServer | null = null;
  #state: unknown;
  #loaded = false;

  constructor(parts: OwnParts, settings: Pick<StreamProcessorSettings, 'deadline' | 'onError'>) {
    this.#parts = parts;
    this.#settings = settings;
    this.#use = `served.${parts.name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 50)}`;
    const { schema } = parts;
    this.#schema = schema instanceof z.ZodObject ? schema.loose() : (schema ?? z.record(z.string(), z.unknown()));
  }

  get name(): string {
    return this.#parts.name;
  }

  get video(): boolean {
    return this.#parts.video !== undefined || this.#parts.generate !== undefined;
  }

  get audio(): boolean {
    return this.#parts.audio !== undefined;
  }

  get generates(): boolean {
    return this.#parts.generate !== undefined;
  }

  /** Makes it known to the server whose streams will use it. */
  attach(server: SluiceServer): void {
    this.#server = server;
    const { name, video, audio, generate, ids, native, concurrent } = this.#parts;
    server.processors.register(this.#use, {
      name,
      params: this.#schema,
      ...(ids && { ids }),
      ...(native !== undefined && { native }),
      ...(concurrent !== undefined && { concurrent }),
      ...(video && { video }),
      ...(audio && { audio }),
      ...(generate && { generate }),
      load: () => this.#state,
      onParams: (params, { stream }) => this.#changed(stream, params),
    } as AnyProcessor);
  }

  async load(progress: (message: string, share: number | null) => void, signal: AbortSignal): Promise<void> {
    const params = this.#check({});
    const state = await this.#parts.load?.({
      id: PROCESSOR_ID,
      stream: '',
      params,
      signal,
      progress: (message, share = null) => progress(message, share),
    });
    this.#state = state;
    this.#loaded = true;
  }

  entry(params: Params): ProcessorEntry {
    const { deadline, onError } = this.#settings;
    return { id: PROCESSOR_ID, use: this.#use, flow: 'every', deadline: `${deadline}s`, onError, loading: 'pass', params: { ...params } };
  }

  entryParams(params: Params): Params {
    return params;
  }

  async start(run: StreamRun, params: Params): Promise<void> {
    const own: Run = { run, end: new AbortController(), params: this.#check(params) };
    this.#runs.set(run.stream, own);
    await this.#parts.onStart?.(params, this.#context(own));
  }

  async params(run: StreamRun, sent: Params): Promise<void> {
    const own = this.#runs.get(run.stream);
    if (!own) throw new SluiceError('conflict', `${run.request.gateway_request_id} does not run`);
    await this.#apply(own, this.#check({ ...own.params, ...sent }), sent);
  }

  /** From the page, or as the echo of what came here first. */
  async #changed(stream: string, params: Params): Promise<void> {
    const own = this.#runs.get(stream);
    if (!own || isDeepStrictEqual(params, own.params)) return;
    await this.#apply(own, params, params);
  }

  async #apply(own: Run, all: Params, sent: Params): Promise<void> {
    const before = own.params;
    own.params = all;
    try {
      await this.#parts.onParams?.(all, sent, this.#context(own));
    } catch (error) {
      own.params = before;
      throw error;
    }
  }

  async stop(run: StreamRun): Promise<void> {
    const own = this.#runs.get(run.stream);
    if (!own) return;
    this.#runs.delete(run.stream);
    try {
      await this.#parts.onStop?.(this.#context(own));
    } finally {
      own.end.abort();
    }
  }

  async unload(): Promise<void> {
    if (!this.#loaded) return;
    this.#loaded = false;
    await this.#parts.unload?.(this.#state);
  }

  #check(values: Params): Params {
    return parseInput(this.#schema, values) as Params;
  }

  #context({ run, params, end }: Run): StreamContext {
    const server = this.#server!;
    const { stream } = run;
    // Of a stream that was removed there is none any more, and its end is told all the same.
    const timeline = () => server.timelines.of(stream);
    const log = (message: string, values: Readonly<Record<string, unknown>> = {}) =>
      server.log.info({ stream, processor: this.name, ...values }, message);
    const told = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        log('a record could not be kept', { error: String(error) });
      }
    };
    return {
      id: PROCESSOR_ID,
      requestId: run.request.gateway_request_id,
      stream,
      params,
      state: this.#state,
      signal: end.signal,
      metric: (values) => {
        const records = [parseInput(MetricInput, { values })];
        void told(() => timeline().addMetrics(records));
      },
      marker: (marker) => {
        const records = [parseInput(MarkerInput, marker)];
        void told(() => timeline().mark(records));
      },
      data: (record) => {
        const records = [parseInput(DataInput, record)];
        void told(() => timeline().addData(records));
      },
      timing: () => {},
      log,
    };
  }
}
