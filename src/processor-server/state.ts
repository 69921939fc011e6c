// What a processor server says of itself: LOADING, IDLE, OK, ERROR, and its parts with their health. Seeds: pytrickle's current_state.

export type PipelineState = 'LOADING' | 'IDLE' | 'OK' | 'ERROR';
export type ComponentState = 'INIT' | 'STARTING' | 'RUNNING' | 'STOPPING' | 'STOPPED' | 'ERROR' | 'SHUTDOWN';

export interface ComponentHealth {
  readonly state: ComponentState;
  readonly error: string | null;
}

/** A stream as `additional_info` tells it. */
export interface StreamDetail {
  readonly request_id: string;
  /** Name in the server: `live/{stream}/…` shows it. */
  readonly stream: string;
  readonly state: 'starting' | 'running' | 'stopping';
  /** RFC 3339. */
  readonly since: string;
  readonly error: string | null;
}

/** A stream that is over. */
export interface EndedStream {
  readonly request_id: string;
  readonly stream: string;
  readonly reason: string;
  readonly error: string | null;
  readonly ended: string;
}

/** `current_state` of answers; the keys and their meaning are pytrickle's. */
export interface CurrentState {
  readonly status: PipelineState;
  readonly state: PipelineState;
  /** Always null, as there; what went wrong is in `additional_info`. */
  readonly error_message: null;
  readonly pipeline_ready: boolean;
  readonly active_streams: number;
  readonly startup_complete: boolean;
  readonly pipeline_state: PipelineState;
  readonly additional_info: {
    /** Why the status is ERROR. */
    readonly error?: string;
    /** What is being loaded. */
    readonly loading?: { readonly message: string; readonly progress: number | null };
    readonly components: Readonly<Record<string, ComponentHealth>>;
    readonly streams: readonly StreamDetail[];
    readonly last_stream?: EndedStream;
  };
}

export class ServerState {
  #loaded = false;
  #error: string | null = null;
  #loading: { message: string; progress: number | null } | null = null;
  #last: EndedStream | null = null;
  #told: PipelineState = 'LOADING';
  readonly #components = new Map<string, ComponentHealth>();
  readonly #streams: () => readonly StreamDetail[];
  readonly #onChange: (state: PipelineState) => void;

  /** @param streams those that run @param onChange told each time `status` has changed */
  constructor(streams: () => readonly StreamDetail[], onChange: (state: PipelineState) => void = () => {}) {
    this.#streams = streams;
    this.#onChange = onChange;
  }

  /** ERROR before streams that run, those before IDLE, that before LOADING. */
  get status(): PipelineState {
    if (this.#error !== null) return 'ERROR';
    if (this.#streams().length) return 'OK';
    return this.#loaded ? 'IDLE' : 'LOADING';
  }

  /** The processor has been loaded. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get error(): string | null {
    return this.#error;
  }

  get last(): EndedStream | null {
    return this.#last;
  }

  /** Loading goes on: what is being done, and how much of it, 0 to 1. */
  loading(message: string, progress: number | null): void {
    this.#loading = { message, progress };
  }

  ready(): void {
    this.#loaded = true;
    this.#loading = null;
    this.#error = null;
    this.changed();
  }

  fail(message: string): void {
    this.#error = message;
    this.#loading = null;
    this.changed();
  }

  /** What was wrong holds no longer: a stream has begun well, or loading begins again. */
  recover(): void {
    this.#error = null;
    this.changed();
  }

  ended(stream: EndedStream): void {
    this.#last = stream;
  }

  /** Tells a change of `status`; to be called when streams have come or gone. */
  changed(): void {
    const { status } = this;
    if (status === this.#told) return;
    this.#told = status;
    this.#onChange(status);
  }

  component(name: string, state: ComponentState, error: string | null = null): void {
    this.#components.set(name, { state, error });
  }

  removeComponent(name: string): void {
    this.#components.delete(name);
  }

  get current(): CurrentState {
    const { status } = this;
    const streams = this.#streams();
    return {
      status,
      state: status,
      error_message: null,
      pipeline_ready: this.#loaded && this.#error === null,
      active_streams: streams.length,
      startup_complete: this.#loaded,
      pipeline_state: status,
      additional_info: {
        ...(this.#error !== null && { error: this.#error }),
        ...(this.#loading && { loading: this.#loading }),
        components: Object.fromEntries(this.#components),
        streams,
        ...(this.#last && { last_stream: this.#last }),
      },
    };
  }
}
