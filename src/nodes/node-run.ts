// The life of one node: started, paced, stopped by signal, started again by policy. Its failures stay with it.
import type { DataInput, MarkerInput, MetricInput } from '../api/timeline.ts';
import type { Clock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import type { Picture } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import { sleepUntil } from '../core/sleep.ts';
import type { Micros } from '../core/time.ts';
import { type ReadItem, readItem } from './items.ts';
import { LEFT, Leave } from './leave.ts';
import type { CallbackContext, FrameShape, NodeContext, NodeSource } from './node.ts';
import { Pacer } from './pacer.ts';
import type { RestartDecision } from './restart.ts';

/**
 * idle: not started yet · asleep: nobody watches · running · failed: it will start again, or not (see `reason`) · ended · stopped: closed ·
 * stuck: did not stop when asked
 */
export type NodeState = 'idle' | 'asleep' | 'running' | 'failed' | 'ended' | 'stopped' | 'stuck';

/** What became of a frame. `id` 0: it was dropped. */
export interface Taken {
  readonly id: number;
  readonly timestamp: number;
}

/** Where a node's yields go. */
export interface NodeHost {
  readonly clock: Clock;
  readonly log: Logger;
  /** Never waits. Throws for a picture that does not fit its description. */
  push(
    picture: Picture,
    options: {
      /** Absent: the device time says when. */
      readonly timestamp: Micros | undefined;
      readonly deviceTimestamp: number | undefined;
      readonly metadata: Readonly<Record<string, unknown>> | null;
      readonly stride: number;
    },
  ): Taken;
  addMetrics(samples: readonly MetricInput[]): void;
  mark(markers: readonly MarkerInput[]): Promise<unknown>;
  addData(records: readonly DataInput[]): Promise<unknown>;
  /** The node begins or ends to acquire. */
  announce?(on: boolean): void;
  /** The node's state has changed. */
  onState(state: NodeState, reason: string | null): void;
  /** Waits until a time of the clock; for tests. */
  readonly until?: (time: number, signal: AbortSignal) => Promise<void>;
}

export interface NodeRunOptions {
  readonly name: string;
  readonly stream: string;
  readonly source: NodeSource;
  /** Checked by the source's schema. */
  readonly params: unknown;
  /** Overrides what the source declares. */
  readonly fps?: number | undefined;
  readonly shape: FrameShape;
  readonly restart: RestartDecision;
  /** How long a node may take to stop when the program closes, ms. */
  readonly deadlineMs: number;
}

/** What a node has done so far. */
export interface NodeStats {
  readonly name: string;
  readonly stream: string;
  readonly state: NodeState;
  /** Why it failed or is stuck, in a sentence. */
  readonly reason: string | null;
  readonly starts: number;
  readonly frames: number;
  readonly dropped: number;
  /** Samples, markers and records. */
  readonly values: number;
  /** Due times that passed while it was at work. */
  readonly missed: number;
}

/** Markers and data on their way to the disk; beyond this a node waits for them. */
const MAX_PENDING = 256;
/** A node that never waits hands the thread back this often, ms. */
const TURN_MS = 5;

export class NodeRun {
  readonly #options: NodeRunOptions;
  readonly #host: NodeHost;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  /** Aborted to end the present run only. */
  #running: AbortController | null = null;
  #failure: { error: unknown } | null = null;
  #wanted: boolean;
  #wake: (() => void) | null = null;
  #late: NodeJS.Timeout | undefined;
  #life: Promise<void> | null = null;
  #state: NodeState = 'idle';
  #reason: string | null = null;
  #pacer: Pacer | null = null;
  readonly #pending = new Set<Promise<unknown>>();
  #last: Taken | null = null;
  #starts = 0;
  #frames = 0;
  #dropped = 0;
  #values = 0;
  #missedBefore = 0;
  #turn = 0;

  /** @param wanted whether somebody needs it already; see `want` */
  constructor(options: NodeRunOptions, host: NodeHost, wanted = true) {
    this.#options = options;
    this.#host = host;
    this.#log = host.log.child({ node: options.name });
    this.#wanted = wanted;
  }

  get stats(): NodeStats {
    return {
      name: this.#options.name,
      stream: this.#options.stream,
      state: this.#state,
      reason: this.#reason,
      starts: this.#starts,
      frames: this.#frames,
      dropped: this.#dropped,
      values: this.#values,
      missed: this.#missedBefore + (this.#pacer?.missed ?? 0),
    };
  }

  /** Starts its life; settles when the node will not start again. Never rejects. */
  start(): Promise<void> {
    this.#life ??= this.#live();
    return this.#life;
  }

  /** Lets it run, or puts it to sleep until wanted again. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#wake?.();
    else this.#running?.abort(STOPPED);
  }

  /** Stops it. `false`: it did not stop within the deadline and was left behind. */
  async close(): Promise<boolean> {
    this.#closing.abort(STOPPED);
    this.#running?.abort(STOPPED);
    this.#wake?.();
    if (!this.#life) this.#set('stopped', null);
    await this.#life;
    return this.#state !== 'stuck';
  }

  async #live(): Promise<void> {
    const { signal } = this.#closing;
    const clock = this.#host.clock;
    while (!signal.aborted) {
      if (!this.#wanted) {
        this.#set('asleep', null);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
        continue;
      }
      const began = clock.now();
      const outcome = await this.#once();
      if (outcome === 'stuck') return;
      if (outcome === 'stopped') continue;
      const delay = this.#options.restart.after(outcome.kind, (clock.now() - began) / 1000);
      this.#tell(outcome, delay);
      if (delay === null) return;
      await this.#until(clock.now() + delay * 1000, signal);
    }
    this.#set('stopped', null);
  }

  #tell(outcome: Outcome, delay: number | null): void {
    const { name } = this.#options;
    const next = delay === null ? 'it is not started again' : `it starts again in ${inSeconds(delay)}`;
    if (outcome.kind === 'ended') return this.#set('ended', `node ${name} has come to its end; ${next}`);
    const error = outcome.error instanceof Error ? outcome.error : new Error(String(outcome.error));
    this.#log.error({ error: error.message, stack: error instanceof SluiceError ? undefined : error.stack, delay }, 'a node failed');
    this.#set('failed', `node ${name} failed: ${error.message}; ${next}`);
  }

  /** One run, from start to end, failure or stop. */
  async #once(): Promise<Outcome | 'stopped' | 'stuck'> {
    const run = new AbortController();
    this.#running = run;
    this.#failure = null;
    this.#last = null;
    this.#starts++;
    this.#set('running', null);
    const leave = this.#leave(run.signal);
    const { source } = this.#options;
    const left = await (source.run ? this.#generate(source.run, run.signal, leave) : this.#callBack(source.open!, run, leave));
    clearTimeout(this.#late);
    // From here on nothing that the node still does counts.
    this.#running = null;
    run.abort(OVER);
    this.#missedBefore += this.#pacer?.missed ?? 0;
    this.#pacer = null;
    await Promise.allSettled(this.#pending);
    if (left) return 'stuck';
    const failure = this.#failure as { error: unknown } | null;
    if (failure) return { kind: 'failed', error: failure.error };
    return run.signal.reason === STOPPED ? 'stopped' : { kind: 'ended' };
  }

  /** Runs a generator; `true`: it was left behind. */
  async #generate(make: NonNullable<NodeSource['run']>, signal: AbortSignal, leave: Leave): Promise<boolean> {
    const { clock } = this.#host;
    let iterator: Iterator<unknown> | AsyncIterator<unknown> | null = null;
    try {
      const iterable = make(this.#context(signal) as NodeContext<never>);
      iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
      const fps = this.#options.fps ?? this.#options.source.fps;
      let began = clock.now();
      const pacer = fps ? new Pacer(fps, began) : null;
      this.#pacer = pacer;
      let hasFrames = false;
      while (!signal.aborted) {
        const step = await leave.wait(iterator.next());
        if (step === LEFT) return true;
        if (step.done) return false;
        if (signal.aborted) break;
        const item = readItem(step.value, this.#options.shape);
        // A paced node works from its due time on; else the frame is as old as its yield.
        this.#take(item, pacer ? began : clock.now());
        hasFrames ||= item.frame !== null;
        if (this.#pending.size > MAX_PENDING) await Promise.race([...this.#pending]);
        // What follows a frame without being one belongs to the same tick.
        if (pacer && (item.frame || !hasFrames)) await this.#until(pacer.next(clock.now()), signal);
        else await this.#giveWay();
        began = clock.now();
      }
    } catch (error) {
      // What a node throws while it is being stopped is not news.
      if (!signal.aborted) this.#fail(error);
    }
    return await this.#cleanUp(() => iterator?.return?.(), leave);
  }

  /** Runs callbacks; `true`: they were left behind. */
  async #callBack(open: NonNullable<NodeSource['open']>, run: AbortController, leave: Leave): Promise<boolean> {
    const { clock } = this.#host;
    const { signal } = run;
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const context: CallbackContext = {
      ...this.#context(signal),
      emit: (item) => {
        if (signal.aborted) return;
        try {
          this.#take(readItem(item, this.#options.shape), clock.now());
        } catch (error) {
          this.#fail(error);
        }
      },
      fail: (error) => {
        if (!signal.aborted) this.#fail(error);
      },
      end: () => run.abort(OVER),
    };
    let cleanUp: (() => unknown) | undefined;
    try {
      const opened = await leave.wait(open(context as CallbackContext<never>));
      if (opened === LEFT) return true;
      cleanUp = opened;
      await over;
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
    return await this.#cleanUp(() => cleanUp?.(), leave);
  }

  async #cleanUp(work: () => unknown, leave: Leave): Promise<boolean> {
    try {
      return (await leave.wait(work())) === LEFT;
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'a node failed while it was being stopped');
      return false;
    }
  }

  #context(signal: AbortSignal): NodeContext {
    const { name, stream, params } = this.#options;
    return { name, stream, params, clock: this.#host.clock, signal, log: this.#log, run: this.#starts };
  }

  /** The frame first, so that everything beside it can be bound to its id. */
  #take(item: ReadItem, began: Micros): void {
    const { frame, metrics, markers, data, acquisition } = item;
    if (acquisition === true) this.#host.announce?.(true);
    if (frame) {
      const { picture, timestamp, deviceTimestamp, metadata, stride } = frame;
      const taken = this.#host.push(picture, {
        timestamp: timestamp ?? (deviceTimestamp === null ? began : undefined),
        deviceTimestamp: deviceTimestamp ?? undefined,
        metadata,
        stride,
      });
      if (taken.id) this.#frames++;
      else this.#dropped++;
      this.#last = taken;
    }
    // A dropped frame has no id, but its time still holds.
    const last = this.#last;
    const place = last ? (last.id ? { frame: last.id } : { timestamp: last.timestamp }) : {};
    const bound = <T extends { readonly frame?: unknown; readonly timestamp?: unknown }>(value: T): T =>
      value.frame === undefined && value.timestamp === undefined ? { ...value, ...place } : value;
    this.#values += metrics.length + markers.length + data.length;
    if (metrics.length) this.#host.addMetrics(metrics.map(bound));
    if (markers.length) this.#follow(this.#host.mark(markers.map(bound)));
    if (data.length) this.#follow(this.#host.addData(data.map(bound)));
    if (acquisition === false) this.#host.announce?.(false);
  }

  #follow(work: Promise<unknown>): void {
    const followed: Promise<unknown> = work.catch((error) => this.#fail(error)).finally(() => this.#pending.delete(followed));
    this.#pending.add(followed);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#running?.abort(error);
  }

  /** Gives a node that must stop its time. */
  #leave(run: AbortSignal): Leave {
    const { name, deadlineMs } = this.#options;
    const leave = new Leave();
    const late = () => {
      if (this.#running?.signal !== run) return;
      this.#log.warn({ deadlineMs }, 'a node did not stop when asked');
      this.#set('stuck', `node ${name} did not stop within ${inSeconds(deadlineMs)} after its signal was aborted`);
      // While the program goes on it is waited for: a second run beside it would be two of them.
      const { signal } = this.#closing;
      if (signal.aborted) leave.now();
      else signal.addEventListener('abort', () => leave.now(), { once: true });
    };
    const onAbort = () => {
      if (this.#running?.signal === run) this.#late = setTimeout(late, deadlineMs);
    };
    run.addEventListener('abort', onAbort, { once: true });
    return leave;
  }

  #until(time: number, signal: AbortSignal): Promise<void> {
    const host = this.#host;
    return host.until ? host.until(time, signal) : sleepUntil(time, host.clock, signal);
  }

  /** Lets timers and sockets have the thread now and then. */
  async #giveWay(): Promise<void> {
    const now = performance.now();
    if (now - this.#turn < TURN_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turn = performance.now();
  }

  #set(state: NodeState, reason: string | null): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#host.onState(state, reason);
  }
}

/** Reasons of an abort: asked to stop, or come to its end. */
const STOPPED = new Error('the node is asked to stop');
const OVER = new Error('the run is over');

type Outcome = { readonly kind: 'ended' } | { readonly kind: 'failed'; readonly error: unknown };

function inSeconds(ms: number): string {
  return ms < 950 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}
