// One source inside a media worker: gives it slots and ids, checks its capture times and reports each frame to the main thread.
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { toSluiceError } from '../core/errors.ts';
import { frameBytes, type PixelFormat } from '../core/frame.ts';
import { TimeGate } from '../core/gate.ts';
import { IdCounter } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { FrameRing } from '../core/ring.ts';
import { sleepUntil } from '../core/sleep.ts';
import type { Micros } from '../core/time.ts';
import { sourceRow } from '../sources/index.ts';
import type { Draft, RunSource, SourceContext } from '../sources/source.ts';
import type { JobCommand, JobSpec, PlainError, SourceEvent } from './messages.ts';
import { Patience } from './patience.ts';
import { plainError } from './plain-error.ts';

export async function runSourceJob(spec: Extract<JobSpec, { kind: 'source' }>, port: MessagePort, clock: Clock): Promise<void> {
  const abort = new AbortController();
  const send = (event: SourceEvent) => port.postMessage(event);
  const sink = new RingSink(spec, send, clock);
  let onParams: ((params: unknown) => void) | null = null;
  port.on('message', (command: JobCommand) => {
    if (command.type === 'stop') abort.abort();
    else if (command.type === 'ring') sink.setRing(new FrameRing(command.ring));
    else if (command.type === 'move') sink.leaveRing();
    else if (command.type === 'no-ring') sink.noRing(command.reason);
    else if (command.type === 'params') {
      onParams?.(command.params);
      send({ type: 'params', request: command.request, frame: sink.nextId });
    }
  });
  const context: SourceContext<unknown> = {
    params: spec.params,
    clock,
    log: portLogger(send, {}),
    last: spec.last as Micros,
    signal: abort.signal,
    begin: (format, width, height, options) => sink.begin(format, width, height, abort.signal, options?.patience),
    changed: (listener) => {
      onParams = listener;
    },
    sound: (sound) =>
      port.postMessage(
        { type: 'sound', sound } satisfies SourceEvent,
        // Two channels may share one memory.
        [...new Set(sound.data.map((plane) => plane.buffer as ArrayBuffer))],
      ),
    details: (details) => send({ type: 'details', details }),
    report: (state, message) => send({ type: 'report', state, message }),
    until: (time) => sleepUntil(time, clock, abort.signal),
  };
  let failure: PlainError | null = null;
  try {
    const module = await sourceRow(spec.type).load!();
    await (module.run as RunSource<unknown>)(context);
  } catch (error) {
    if (!abort.signal.aborted) failure = plainError(toSluiceError(error, 'source-failed'));
  }
  send({ type: 'end', error: failure });
  port.close();
}

class RingSink {
  #ring: FrameRing | null;
  #waiting: (() => void) | null = null;
  /** A frame was begun and has no id yet. */
  #beginning = false;
  #refusal: string | null = null;
  readonly #ids: IdCounter;
  readonly #gate = new TimeGate();
  readonly #patience = new Patience();
  readonly #send: (event: SourceEvent) => void;
  readonly #clock: Clock;

  constructor(spec: Extract<JobSpec, { kind: 'source' }>, send: (event: SourceEvent) => void, clock: Clock) {
    this.#ring = spec.ring && new FrameRing(spec.ring);
    this.#ids = new IdCounter({ memory: spec.ids });
    this.#gate.resume(spec.last as Micros);
    this.#send = send;
    this.#clock = clock;
  }

  setRing(ring: FrameRing): void {
    this.#ring = ring;
    this.#refusal = null;
    this.#waiting?.();
  }

  /** Id of the first frame that is begun from now on. */
  get nextId(): number {
    return this.#ids.next + (this.#beginning ? 1 : 0);
  }

  /** Asks for a ring before the next frame. */
  leaveRing(): void {
    this.#ring = null;
  }

  noRing(reason: string): void {
    this.#refusal = reason;
    this.#waiting?.();
  }

  async begin(format: PixelFormat, width: number, height: number, signal: AbortSignal, patience = 0): Promise<Draft | null> {
    this.#beginning = true;
    try {
      return await this.#begin(format, width, height, signal, patience);
    } finally {
      this.#beginning = false;
    }
  }

  async #begin(format: PixelFormat, width: number, height: number, signal: AbortSignal, patience: number): Promise<Draft | null> {
    const bytes = frameBytes(format, width, height);
    while (!this.#ring || this.#ring.memory.slotBytes < bytes) {
      if (signal.aborted) return null;
      this.#send({ type: 'need-ring', format, width, height });
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      this.#waiting = null;
      if (this.#refusal) throw toSluiceError({ code: 'frame-too-large', message: this.#refusal });
    }
    if (patience > 0) await this.#patience.until(() => !this.#ring || this.#ring.hasRoom, patience, signal);
    // It may have been taken away meanwhile.
    const ring = this.#ring;
    if (!ring || ring.memory.slotBytes < bytes) return this.#begin(format, width, height, signal, patience);
    const slot = ring.claim();
    const id = slot < 0 ? 0 : this.#ids.take();
    if (id === 0) {
      if (slot >= 0) ring.release(slot);
      this.#send({ type: 'no-slot' });
      return null;
    }
    let open = true;
    return {
      id,
      pixels: ring.pixels(slot).subarray(0, bytes),
      publish: (timestamp, options) => {
        if (!open) return false;
        open = false;
        const received = this.#clock.now();
        const answer = this.#gate.check(timestamp, received);
        if (!answer.accepted) {
          ring.release(slot);
          this.#send({ type: 'refused', reason: answer.reason, detail: answer.detail });
          return false;
        }
        const info = { id, timestamp, format, width, height, significantBits: options?.significantBits ?? 0, received };
        ring.publish(slot, info);
        const metadata = options?.metadata;
        const mediaTime = options?.mediaTime;
        this.#send({
          type: 'frame',
          info,
          stepped: answer.stepped,
          ...(metadata ? { metadata } : {}),
          ...(mediaTime === undefined ? {} : { mediaTime }),
        });
        return true;
      },
      discard: () => {
        if (open) ring.release(slot);
        open = false;
      },
    };
  }
}

function portLogger(send: (event: SourceEvent) => void, bound: object): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (values: object, message: string) =>
    send({ type: 'log', level, values: { ...bound, ...values }, message });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (values) => portLogger(send, { ...bound, ...values }),
  };
}
