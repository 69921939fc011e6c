// A processor in another program. Its frames go over the local socket of external processors; its life-cycle calls go to whoever holds the
// program: `sluice stream-processor --external` writes them as lines of JSON (docs/external-processors.md).
import { SluiceError } from '../core/errors.ts';
import { EXTERNAL } from '../server/processors.ts';
import type { SluiceServer } from '../server/server.ts';
import { type Params, PROCESSOR_ID, type ProcessorEntry, type ServedProcessor, type StreamRun } from './processor.ts';
import type { SessionEnd, StartRequest } from './session.ts';
import type { StreamProcessorSettings } from './settings.ts';

/** Where the program finds the frames of a stream. */
export type ProgramPlace = ReturnType<SluiceServer['programAddress']>;

/** Calls of the life of a processor; a rejection is its failure. */
export interface ProgramCalls {
  load?(progress: (message: string, share: number | null) => void, signal: AbortSignal): Promise<void>;
  start?(call: {
    readonly stream: string;
    readonly request: StartRequest;
    readonly params: Params;
    readonly program: ProgramPlace;
  }): Promise<void>;
  params?(call: { readonly stream: string; readonly params: Params }): Promise<void>;
  stop?(call: { readonly stream: string; readonly reason: string; readonly error: string | null }): Promise<void>;
}

export class ExternalProcessor implements ServedProcessor {
  readonly name: string;
  readonly video: boolean;
  readonly audio: boolean;
  readonly generates = false;
  readonly #calls: ProgramCalls;
  readonly #settings: Pick<StreamProcessorSettings, 'deadline' | 'onError'>;
  #server: SluiceServer | null = null;

  constructor(
    { video = true, audio = true, calls = {} }: { readonly video?: boolean; readonly audio?: boolean; readonly calls?: ProgramCalls },
    settings: Pick<StreamProcessorSettings, 'name' | 'deadline' | 'onError'>,
  ) {
    this.name = settings.name;
    this.video = video;
    this.audio = audio;
    this.#calls = calls;
    this.#settings = settings;
  }

  attach(server: SluiceServer): void {
    this.#server = server;
  }

  async load(progress: (message: string, share: number | null) => void, signal: AbortSignal): Promise<void> {
    await this.#calls.load?.(progress, signal);
  }

  /** What comes before the program is there is not shown: it may be there to hide something. */
  entry(): ProcessorEntry {
    const { deadline, onError } = this.#settings;
    return { id: PROCESSOR_ID, use: EXTERNAL, flow: 'every', deadline: `${deadline}s`, onError, loading: 'withhold' };
  }

  /** Its params go by `calls`, which can be answered with a failure. */
  entryParams(): Params {
    return {};
  }

  async start({ request, stream }: StreamRun, params: Params): Promise<void> {
    if (!this.#server) throw new SluiceError('unavailable', 'the server has not been started');
    await this.#calls.start?.({ stream, request, params, program: this.#server.programAddress(stream, PROCESSOR_ID) });
  }

  async params({ stream }: StreamRun, params: Params): Promise<void> {
    await this.#calls.params?.({ stream, params });
  }

  async stop({ stream }: StreamRun, { reason, error }: SessionEnd): Promise<void> {
    await this.#calls.stop?.({ stream, reason, error });
  }

  async unload(): Promise<void> {}
}
