// One running stream of a processor server, as its REST routes see it.

/** Body of `POST /stream/start`, checked. */
export interface StartRequest {
  readonly subscribe_url: string | null;
  readonly publish_url: string | null;
  readonly control_url: string | null;
  readonly events_url: string | null;
  readonly data_url: string | null;
  /** Id of the stream: several run side by side under different ones. */
  readonly gateway_request_id: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Figures of `GET /stream/status`, 1/s. */
export interface SessionFps {
  readonly ingress_video_fps: number;
  readonly ingress_audio_fps: number;
  readonly egress_video_fps: number;
  readonly egress_audio_fps: number;
}

/** How a session ended. `error`: the reason in a sentence unless it ended as it should. */
export interface SessionEnd {
  readonly reason: 'stopped' | 'input-ended' | 'input-not-found' | 'output-ended' | 'failed';
  readonly error: string | null;
}

export interface StreamSession {
  readonly request: StartRequest;
  /** Name of its stream in the server: what the page shows. */
  readonly stream: string;
  readonly ended: Promise<SessionEnd>;
  fps(): SessionFps;
  /** Params from REST or the control channel, all checked first: those of the input act on it, all go to the user's function. Throws `bad-value`, `processor-failed`. */
  updateParams(params: Readonly<Record<string, unknown>>): Promise<void>;
  setLoading(active: boolean): void;
  /** Frames per second that the processor is given; `null` = as they come. */
  setTargetFps(fps: number | null): void;
  /** Queued for the data channel. False if there is none or the stream is ending. */
  sendData(text: string): boolean;
  sendEvent(event: Readonly<Record<string, unknown>>, type: string): boolean;
  /** Ends it: output, events and data channels are closed (deleted). Idempotent. */
  stop(reason?: string): Promise<void>;
}
