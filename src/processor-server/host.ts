// What a running stream gets of the server that runs it.
import type { Logger } from '../core/log.ts';
import type { SluiceServer } from '../server/server.ts';
import type { ServedProcessor } from './processor.ts';
import type { StartRequest, StreamSession } from './session.ts';
import type { StreamProcessorSettings } from './settings.ts';

export interface SessionHost {
  readonly server: SluiceServer;
  readonly processor: ServedProcessor;
  /** Overlay, frame skipper, interval of data, time-outs. */
  readonly settings: StreamProcessorSettings;
  /** Name for its stream in the server: free, made from the request id. */
  readonly stream: string;
  readonly log: Logger;
  /** Aborted when it is stopped, also while it begins: functions of the user are not waited for then. */
  readonly stopping: AbortSignal;
  /** Makes a session known that has not quite begun: the user's function for the start may use it. */
  readonly announce: (session: StreamSession) => void;
}

/** Begins a stream. It resolves once the stream exists, whether or not its channels do. Throws what is wrong with the request. */
export type OpenSession = (request: StartRequest, host: SessionHost) => Promise<StreamSession>;
