// The one processor of a processor server, whoever runs it: loaded once, used by every stream.
import type { StreamConfigInput } from '../api/schema.ts';
import type { SessionEnd, StartRequest } from './session.ts';

export type Params = Readonly<Record<string, unknown>>;

/** Id of the processor in its stream. */
export const PROCESSOR_ID = 'processor';

/** A stream that uses the processor. */
export interface StreamRun {
  readonly request: StartRequest;
  /** Name of the stream in the server. */
  readonly stream: string;
}

/** Of a stream's `processors`. */
export type ProcessorEntry = NonNullable<StreamConfigInput['processors']>[number];

export interface ServedProcessor {
  readonly name: string;
  /** It takes pictures; it takes sound. */
  readonly video: boolean;
  readonly audio: boolean;
  /** It makes pictures without input. */
  readonly generates: boolean;
  /** Opens models and files. Again after a failure. Throws whatever it likes. */
  load(progress: (message: string, share: number | null) => void, signal: AbortSignal): Promise<void>;
  /** How a stream names it in its configuration. Its params hold from the first frame on. */
  entry(params: Params): ProcessorEntry;
  /** Params of its entry for those of a request: what `setParams` of the stream is given. */
  entryParams(params: Params): Params;
  /** A stream begins: the user's `onStart`. Throws what that throws. */
  start(run: StreamRun, params: Params): Promise<void>;
  /** New params, as they were sent, laid over those that hold: the user's `onParams`. Throws `bad-value`, or what that throws; the params before hold then. */
  params(run: StreamRun, params: Params): Promise<void>;
  /** A stream has ended: the user's `onStop`. Throws what that throws. */
  stop(run: StreamRun, end: SessionEnd): Promise<void>;
  /** The server ends. */
  unload(): Promise<void>;
}
