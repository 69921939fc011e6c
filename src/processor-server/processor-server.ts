import type { Micros } from '../core/time.ts';
import type { PcmSound } from '../formats/wav.ts';
import type { InputFrame } from './input-frame.ts';
import type { StreamSession } from './session.ts';
import type { CurrentState } from './state.ts';

/** A server that `runStreamProcessor` has started. */
export interface StreamProcessorServer extends AsyncDisposable {
  /** Address of the server and its dashboard. */
  readonly url: string;
  readonly port: number;
  /** The state as `GET /stream/status` tells it. */
  readonly state: CurrentState;
  /** Streams that run, by request id. */
  readonly sessions: ReadonlyMap<string, StreamSession>;
  /** Settles when the processor has been loaded, or could not be: the state tells. */
  readonly loaded: Promise<void>;
  /**
   * Queues a text for the data channel of a stream, by its request id or `context.stream`; without one of the only stream that runs. False:
   * no such stream, or it has no data channel. Throws `bad-value` where several run and none is named.
   */
  sendData(text: string, stream?: string): boolean;
  /** An event for the events channel. */
  sendMonitoringEvent(event: Readonly<Record<string, unknown>>, type?: string, stream?: string): boolean;
  /** A picture into a stream that was started without `subscribe_url`. False: no such stream. Throws `conflict` for one that has an input. */
  sendInputFrame(frame: InputFrame, stream?: string): boolean;
  /** Sound, likewise. `timestamp` of its first sample, µs UTC; default: it ends now. */
  sendInputSound(sound: PcmSound, timestamp?: Micros, stream?: string): boolean;
  /** The loading overlay by hand, of one stream or all. False: none runs. */
  setLoadingOverlay(active: boolean, stream?: string): boolean;
  /** Frames per second that the processor is given, `null` = as they come; of one stream or all. */
  setTargetFps(fps: number | null, stream?: string): boolean;
  close(): Promise<void>;
}
