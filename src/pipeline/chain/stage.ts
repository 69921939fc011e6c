// One processor in the way of the picture, seen from the main thread: which frames it gets and when (flow), what became of each (ledger), and
// what happens when it throws, hangs, crashes or grows too large. Frames leave in the order in which they came.
import { type InlineConfig, processorIdOf, type StreamStats } from '../../api/schema.ts';
import type { AudioFrame } from '../../core/audio.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { Throttle } from '../../core/throttle.ts';
import { parseDuration } from '../../core/time.ts';
import type { Findings } from '../../processors/processor.ts';
import type { SessionInfo } from '../../processors/session.ts';
import { plainError } from '../plain-error.ts';
import { FaultRecord } from './fault-record.ts';
import { Flow } from './flow.ts';
import { Generation } from './generation.ts';
import type { StageGuide } from './guide.ts';
import { Handle } from './handle.ts';
import { type Fault, StageLedger } from './ledger.ts';
import type { Loading } from './loading-overlay.ts';
import type { ThreadEvent } from './messages.ts';
import { type HeldSlot, type Moving, release, withBoxes } from './moving.ts';
import { Outcomes, type Worked } from './outcomes.ts';
import { Checks, checkBySchema, type Params } from './param-checks.ts';
import { SoundLane } from './sound-lane.ts';
import type { StageHost, StageState } from './stage-host.ts';

/** A frame that is given up may end by itself within this time, ms; then its processor hangs. */
const ABORT_MS = 100;
/** One that was loaded only to be asked stays so long, ms. */
const READY_MS = 30_000;
/** How long the end of a processor is waited for, ms. */
const CLOSE_MS = 3000;
/** How often it is looked whether what comes behind has room again, ms. */
const ROOM_MS = 4;
/** Boxes of a frame that processors behind are told. */
const MOST_BOXES = 1000;

interface Job extends Worked {
  readonly id: number;
  readonly runner: Runner;
  timer: NodeJS.Timeout;
  /** Its frame has been given up; the processor is still at it. */
  late: boolean;
}

interface Runner {
  readonly handle: Handle;
  info: SessionInfo | null;
  readonly jobs: Map<number, Job>;
  /** Params that it is asked about. */
  readonly checks: Checks;
  /** Params that it was told while it was being loaded with others. */
  told: Params | null;
}

export class Stage {
  readonly id: string;
  #config: InlineConfig;
  readonly ledger = new StageLedger();
  readonly #sound: SoundLane;
  readonly #generation: Generation;
  readonly #out: Outcomes;
  readonly #faults: FaultRecord;
  readonly #host: StageHost;
  readonly #log: Logger;
  readonly #flow: Flow;
  readonly #throttle: Throttle | null;
  readonly #deadlineMs: number;
  readonly #queue: { readonly frame: Moving; readonly at: number }[] = [];
  #runners: Runner[] = [];
  /** Of the one that was loaded last: holds while another one is being loaded. */
  #info: SessionInfo | null = null;
  #wanted = false;
  #state: StageState = 'off';
  #since = 0;
  #progress: { message: string; share: number | null } | null = null;
  #retry: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;
  #nextJob = 1;
  /** Newest frame that was taken out of the queue, whatever became of it. */
  #taken = 0;
  /** Those who wait for it to be ready. */
  #waiting: (() => void)[] = [];
  #idle: NodeJS.Timeout | undefined;
  #counts = { metrics: 0, markers: 0 };
  #guide: StageGuide | null = null;
  #roomTimer: NodeJS.Timeout | undefined;

  constructor(config: InlineConfig, host: StageHost) {
    this.id = processorIdOf(config);
    this.#config = config;
    this.#host = host;
    this.#log = host.log.child({ processor: this.id });
    this.#flow = new Flow(config);
    this.#throttle = config.fps ? new Throttle(config.fps) : null;
    this.#deadlineMs = parseDuration(config.deadline, 'deadline');
    this.#faults = new FaultRecord(host.clock);
    this.#generation = new Generation({
      clock: host.clock,
      ledger: this.ledger,
      deadlineMs: this.#deadlineMs,
      takeId: () => host.takeId(),
      made: (frame) => host.generated(frame),
      hangs: (runner) => this.#hangs(runner, 'picture'),
    });
    const stage = this;
    this.#out = new Outcomes({
      ledger: this.ledger,
      config,
      shows: host.shows,
      claim: host.claim,
      next: host.next,
      get guide() {
        return stage.#guide;
      },
      get state() {
        return stage.#state;
      },
      get unfailed() {
        return stage.#faults.error === null;
      },
      get loading() {
        return stage.#loading;
      },
      get ownTimes() {
        return stage.#info?.ids === 'own';
      },
    });
    this.#sound = new SoundLane({
      config,
      clock: host.clock,
      deadlineMs: this.#deadlineMs,
      get ready() {
        return stage.#hears;
      },
      send: (block) => this.#sendSound(block),
      hangs: (runner) => this.#hangs(runner, 'block of sound'),
      next: (block) => host.nextSound(block),
    });
  }

  get config(): InlineConfig {
    return this.#config;
  }

  get state(): StageState {
    return this.#state;
  }

  get info(): SessionInfo | null {
    return this.#info;
  }

  /** Frames or sound are on their way through it. */
  get busy(): boolean {
    return this.#queue.length > 0 || this.#out.busy || this.#sound.busy;
  }

  // ---- life

  /** Frames will come, or come no more. Idle ones are let go by `rest`. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) {
      if (!this.#runners.length) this.#open();
      else for (const { handle, info } of this.#runners) if (info) handle.send({ type: 'start' });
      return;
    }
    for (const { handle } of this.#runners) handle.send({ type: 'stop' });
    for (const { frame } of this.#queue.splice(0)) this.#drop(frame, 'stopped');
    this.#sound.stop();
  }

  /** Lets the processor go if no frames come: its threads end. */
  rest(): void {
    if (!this.#wanted) void this.#end();
  }

  async close(): Promise<void> {
    this.want(false);
    await this.#end();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
    clearTimeout(this.#idle);
    clearTimeout(this.#roomTimer);
    this.#roomTimer = undefined;
    const runners = this.#runners;
    this.#runners = [];
    for (const runner of runners) this.#abandon(runner, 'stopped');
    this.#set('off');
    // One that never ends by itself and may not be ended keeps nobody waiting.
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.all(runners.map(({ handle }) => handle.end())), patience]);
    clearTimeout(timer);
  }

  #set(state: StageState): void {
    this.#state = state;
    this.#since = performance.now();
    if (state !== 'loading') this.#progress = null;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #open(): void {
    clearTimeout(this.#retry);
    this.#set('loading');
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#pump(), this.#host.patienceMs + 5).unref();
    this.#start();
  }

  #start(): void {
    const { clock, rings, stream } = this.#host;
    const { spec, open, guide } = this.#host.resolve(this.config);
    this.#guide = guide ?? null;
    const runner: Runner = {
      handle: new Handle({
        spec: { id: this.id, stream, params: this.config.params, ...spec },
        open,
        clock,
        rings,
        memory: this.config.memory * 2 ** 20,
        onEvent: (event) => this.#on(runner, event),
        onGone: (error) => this.#fault(runner, error, 'crash'),
      }),
      info: null,
      jobs: new Map(),
      checks: new Checks(),
      told: null,
    };
    this.#runners.push(runner);
    runner.handle.send({ type: 'load' });
  }

  /** Forgets a runner: its frames have their fate, and its slots are free when it can write no more. */
  #abandon(runner: Runner, how: Fault | 'stopped'): void {
    runner.checks.abandon();
    this.#generation.gone(runner, how, runner.handle.gone);
    for (const job of runner.jobs.values()) {
      clearTimeout(job.timer);
      void runner.handle.gone.then(() => release(job.slots));
      if (job.late) continue;
      if (how === 'stopped') {
        this.#out.stopped(job);
      } else this.#out.failed(job, how);
    }
    runner.jobs.clear();
    this.#sound.gone(runner, how);
  }

  /** A processor has crashed, hangs, or could not be loaded: another one takes its place. */
  #fault(runner: Runner, error: SluiceError, how: Fault | 'load'): void {
    if (!this.#runners.includes(runner)) return;
    this.#runners = this.#runners.filter((one) => one !== runner);
    this.#abandon(runner, how === 'load' ? 'error' : how);
    void runner.handle.end(true);
    const delay = this.#faults.fell(error.message, how);
    this.#log.warn({ error: error.message, retryMs: delay }, 'a processor failed');
    const when = delay === 0 ? 'started again' : `tried again in ${delay < 1000 ? `${delay} ms` : `${Math.round(delay / 1000)} s`}`;
    this.#host.note(how, `${this.id}: ${error.message}; ${when}`);
    if (!this.#wanted) return void this.#end();
    // Others of its kind go on without it.
    const others = this.#runners.some(({ info }) => info);
    if (!others) this.#set('failed');
    this.#retry = setTimeout(() => {
      if (!this.#wanted) return;
      this.#faults.restarts++;
      if (others) this.#start();
      else {
        this.#open();
        // It was running before: nobody waits for it to come back.
        this.#since = Number.NEGATIVE_INFINITY;
      }
    }, delay).unref();
    this.#pump();
  }

  /** It has not answered in time, and may never: another one takes its place. */
  #hangs(runner: object, over: string): void {
    const message = `it took longer than ${this.#deadlineMs / 1000} s for a ${over}`;
    this.#fault(runner as Runner, new SluiceError('processor-failed', message), 'timeout');
  }

  // ---- params

  /** Makes it known what its params are, and keeps it ready for a while. Throws `unavailable` if it cannot be loaded. */
  async ready(): Promise<SessionInfo> {
    await this.#runnerReady();
    return this.#info!;
  }

  async #runnerReady(): Promise<Runner> {
    for (let opened = false; ; ) {
      const runner = this.#runners.find(({ info }) => info);
      if (runner) return runner;
      if (this.#state === 'failed' || (this.#state === 'off' && opened)) {
        const why = this.#faults.error?.message ?? 'it is not running';
        throw new SluiceError('unavailable', `${this.id} cannot check its params: ${why}`);
      }
      if (this.#state === 'off') {
        opened = true;
        this.#open();
        this.#idle = setTimeout(() => this.rest(), READY_MS).unref();
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Lays params over those that hold and checks the whole, in the processor itself; nothing changes. Gives the complete params. */
  async check(values: Params): Promise<Params> {
    // One that has just crashed can be asked as soon as it is back, or its schema can.
    for (let attempt = 1; ; attempt++) {
      try {
        const runner = await this.#runnerReady();
        const job = this.#nextJob++;
        const answer = runner.checks.ask(job);
        runner.handle.send({ type: 'validate', job, values });
        return await answer;
      } catch (error) {
        const gone = error instanceof SluiceError && error.code === 'unavailable';
        if (gone && this.#info) return checkBySchema(this.#info, values);
        if (!gone || attempt >= 3) throw error;
      }
    }
  }

  /**
   * Takes params that `check` has given: they hold between two frames, and after a fault too. Gives the id of the first frame that it works
   * on with them: none before was, none from there on is worked on without; `null` = it has been given none yet.
   */
  setParams(params: Params): number | null {
    this.#config = { ...this.#config, params };
    if (this.#info) this.#info = { ...this.#info, params };
    for (const runner of this.#runners) {
      if (!runner.info) runner.told = params;
      runner.handle.send({ type: 'apply', params });
    }
    // Orders are worked on as they were given: what was handed over before has the old ones.
    if (this.#taken) return this.#taken + 1;
    return this.#queue[0]?.frame.info.id ?? null;
  }

  /** What it runs elsewhere has gone: its thread stays and waits for it. Its frames come back as failed. */
  #away(runner: Runner, error: SluiceError, how: 'crash' | 'timeout'): void {
    runner.info = null;
    this.#faults.restarts++;
    this.#faults.note(error.message);
    this.#log.warn({ error: error.message }, 'the program of a processor has gone');
    this.#host.note(how, `${this.id}: ${error.message}; waited for`);
    if (this.#runners.some(({ info }) => info)) return;
    this.#set('loading');
    this.#since = Number.NEGATIVE_INFINITY;
    this.#pump();
  }

  // ---- frames

  /** A frame comes. Takes over its slot. */
  offer(frame: Moving): void {
    this.ledger.offered++;
    if (this.#throttle && !this.#throttle.takes(frame.info.timestamp)) return this.#drop(frame, 'thinned');
    if (this.#guide && !this.#guide.takes(frame.info)) return this.#drop(frame, 'thinned');
    this.#queue.push({ frame, at: performance.now() });
    this.#pump();
    // What is left has to wait, and only so many may.
    while (this.#queue.length > (this.#guide?.limit ?? this.#flow.limit)) this.#drop(this.#queue.shift()!.frame, this.#flow.full);
  }

  /** Frames that were lost before they could be offered: the main thread was busy. */
  missed(count: number): void {
    this.ledger.offered += count;
    for (let i = 0; i < count; i++) this.ledger.drop('latest');
  }

  #pump(): void {
    while (this.#queue.length) {
      if (this.#guide?.room === false) return this.#pumpSoon();
      if (this.#guide?.holds) {
        this.#out.held(this.#passedBy(this.#queue.shift()!.frame));
        continue;
      }
      const free = this.#free();
      if (free) {
        const { frame, at } = this.#queue.shift()!;
        this.#dispatch(free, frame, performance.now() - at);
      } else if (this.#bypassed()) this.#out.bypassed(this.#passedBy(this.#queue.shift()!.frame));
      else return;
    }
  }

  /** What comes behind has no room for a picture: that is looked at again. */
  #pumpSoon(): void {
    this.#roomTimer ??= setTimeout(() => {
      this.#roomTimer = undefined;
      this.#pump();
    }, ROOM_MS).unref();
  }

  /** One that can take a frame now. */
  #free(): Runner | null {
    if (this.#state !== 'running' || !this.#info?.video) return null;
    const { parallel } = this.#flow;
    let busy = 0;
    for (const { jobs } of this.#runners) busy += jobs.size;
    if (busy >= parallel) return null;
    return this.#runners.find(({ info, jobs }) => info && jobs.size < (info.concurrent ? parallel : 1)) ?? null;
  }

  /** No processor is there, and none is waited for. */
  #bypassed(): boolean {
    if (this.#state === 'running') return !this.#info?.video;
    return this.#state !== 'loading' || performance.now() - this.#since >= this.#host.patienceMs;
  }

  #dispatch(runner: Runner, frame: Moving, waitMs: number): void {
    const { info } = frame;
    this.#passedBy(frame);
    let slot: HeldSlot | null = null;
    if (this.#host.shows) {
      try {
        slot = this.#host.claim(info.format, info.width, info.height);
      } catch (error) {
        this.#faults.note(toSluiceError(error).message);
      }
      if (!slot) return this.#drop(frame, 'ring');
    }
    this.ledger.waited(waitMs);
    const id = this.#nextJob++;
    const timer = setTimeout(() => this.#overdue(job), this.#deadlineMs).unref();
    const job: Job = { id, frame, ticket: this.#out.ticket(), runner, slots: slot ? [slot] : [], timer, late: false };
    runner.jobs.set(id, job);
    const { handle } = runner;
    const finish = slot !== null && !frame.at.shown && this.#host.isLast();
    handle.know(frame.at.place, ...(slot ? [slot.place] : []));
    const output = slot?.place ?? null;
    handle.send({ type: 'video', job: id, info, metadata: withBoxes(frame), input: frame.at.place, output, finish });
  }

  #overdue(job: Job): void {
    const { runner, id } = job;
    job.late = true;
    this.#out.failed(job, 'timeout');
    runner.handle.send({ type: 'abort', job: id });
    job.timer = setTimeout(() => this.#hangs(runner, 'frame'), ABORT_MS).unref();
  }

  #keepBoxes(runner: Runner, { data = [] }: Findings, id: number): void {
    if (data.length === 0) return;
    for (const { frame } of runner.jobs.values()) {
      if (frame.info.id !== id) continue;
      for (const { boxes } of data) if (Array.isArray(boxes)) frame.boxes.push(...boxes.slice(0, MOST_BOXES - frame.boxes.length));
    }
  }

  /** Notes that a frame is no longer in the queue. */
  #passedBy(frame: Moving): Moving {
    this.#taken = Math.max(this.#taken, frame.info.id);
    return frame;
  }

  #drop(frame: Moving, reason: Parameters<StageLedger['drop']>[0]): void {
    this.#passedBy(frame);
    this.ledger.drop(reason);
    frame.at.release();
  }

  // ---- sound

  /** A block of sound comes. */
  offerSound(block: AudioFrame): void {
    this.#sound.offer(block);
  }

  get #hears(): 'running' | 'none' | 'loading' | 'failed' {
    if (this.#info && !this.#info.audio) return 'none';
    return this.#state === 'running' ? 'running' : this.#state === 'loading' ? 'loading' : 'failed';
  }

  #sendSound(block: AudioFrame): { job: number; runner: Runner } | null {
    const runner = this.#runners.find(({ info }) => info?.audio);
    if (!runner) return null;
    const job = this.#nextJob++;
    runner.handle.send({ type: 'audio', job, block });
    return { job, runner };
  }

  // ---- pictures without input

  /** Asks for the next picture; false = it cannot now, or is still at the one before. */
  generate(): boolean {
    const runner = this.#runners.find(({ info }) => info);
    if (this.#state !== 'running' || !this.#info?.generates || this.#generation.busy || !runner) return false;
    const id = this.#nextJob++;
    this.#generation.begin(id, runner);
    runner.handle.send({ type: 'generate', job: id });
    return true;
  }

  /** Settles when no picture is being made with the params of before. */
  settled(): Promise<void> {
    return this.#generation.settled();
  }

  /** How far loading is, for the pictures meanwhile. */
  get #loading(): Loading {
    const guide = this.#guide;
    const { message, share } = guide?.words ?? this.#progress ?? { message: 'Starting', share: null };
    return { name: guide ? null : this.id, message, share };
  }

  // ---- answers

  #on(runner: Runner, event: ThreadEvent): void {
    switch (event.type) {
      case 'progress':
        this.#progress = { message: event.message, share: event.share };
        break;
      case 'loaded':
        this.#loaded(runner, event.info);
        break;
      case 'away':
        this.#away(runner, toSluiceError(event.error), event.how);
        break;
      case 'load-failed':
        this.#fault(runner, toSluiceError(event.error), 'load');
        break;
      case 'video-done': {
        const job = this.#take(runner, event.job);
        if (!job) break;
        this.#answered(job, event.ms);
        if (job.late) release(job.slots);
        else if (event.outcome === 'pass') this.#out.passed(job, event.copied);
        else if (event.outcome === 'withhold') this.#out.withheld(job);
        else this.#out.made(job, event.pictures);
        this.#pump();
        break;
      }
      case 'generated':
        if (this.#generation.answered(event.job, event.pictures, event.ms)) this.#faults.worked();
        break;
      case 'validated':
        runner.checks.answer(event.job, event.params);
        break;
      case 'audio-done':
        this.#faults.worked();
        this.#sound.answered(event.job, event.outcome, event.blocks, event.ms);
        break;
      case 'failed': {
        if (runner.checks.refuse(event.job, toSluiceError(event.error))) break;
        if (this.#generation.failed(event.job) || this.#sound.failed(event.job)) {
          this.#thrown(toSluiceError(event.error));
          break;
        }
        const job = this.#take(runner, event.job);
        if (!job) break;
        release(job.slots);
        const error = toSluiceError(event.error);
        const away = error.details.reason === 'away';
        if (!away) this.#thrown(error);
        if (!job.late) this.#out.failed(job, away ? 'crash' : 'error');
        this.#pump();
        break;
      }
      case 'room':
        this.#room(runner, event);
        break;
      case 'found':
        this.#counts.metrics += Object.keys(event.findings.metrics ?? {}).length;
        this.#counts.markers += event.findings.markers?.length ?? 0;
        this.#keepBoxes(runner, event.findings, event.at.id);
        this.#host.found(event.findings, event.at);
        break;
      case 'timing':
        this.ledger.timed(event.parts);
        break;
      case 'log':
        this.#log.info({ ...event.values }, event.message);
        break;
      default:
    }
  }

  #take(runner: Runner, id: number): Job | null {
    const job = runner.jobs.get(id);
    if (!job) return null;
    clearTimeout(job.timer);
    runner.jobs.delete(id);
    return job;
  }

  #loaded(runner: Runner, info: SessionInfo): void {
    runner.info = info;
    // Params may have changed while it was being loaded.
    this.#info = runner.told ? { ...info, params: runner.told } : info;
    if (this.#wanted) runner.handle.send({ type: 'start' });
    if (info.generates) queueMicrotask(() => this.#host.generated(null));
    clearTimeout(this.#patience);
    if (this.#state !== 'running') {
      this.#set('running');
      this.#faults.healthy();
    }
    // What does not take several frames at once by itself gets company.
    while (!info.concurrent && this.#runners.length < this.#flow.parallel) this.#start();
    this.#pump();
    this.#sound.pump();
  }

  #answered(job: Job, ms: number): void {
    this.#faults.worked();
    this.ledger.ran(ms, job.frame.info.timestamp, this.#host.clock.now());
  }

  #thrown(error: SluiceError): void {
    if (!this.#faults.threw(error.message)) return;
    this.#log.warn({ error: error.message }, 'a processor failed on a frame');
    this.#host.note('error', `${this.id} failed on a frame: ${error.message}`);
  }

  #room(runner: Runner, { job: id, format, width, height }: Extract<ThreadEvent, { type: 'room' }>): void {
    const slots = runner.jobs.get(id)?.slots ?? this.#generation.slotsOf(id);
    if (!slots) return;
    const refuse = (message: string) => {
      const error = plainError(toSluiceError({ code: 'processor-failed', message }));
      runner.handle.send({ type: 'room', job: id, place: null, error });
    };
    try {
      const slot = this.#host.claim(format, width, height);
      if (!slot) return refuse('no free memory for its picture: the encoders do not keep up');
      slots.push(slot);
      runner.handle.know(slot.place);
      runner.handle.send({ type: 'room', job: id, place: slot.place, error: null });
    } catch (error) {
      refuse(toSluiceError(error).message);
    }
  }

  // ---- figures

  stats(): StreamStats['processors'][number] {
    const figures = this.ledger.figures(this.#host.clock.now());
    return {
      id: this.id,
      use: this.config.use,
      place: this.#host.shows ? 'inline' : 'beside',
      running: this.#state === 'running',
      state: this.#state,
      progress: this.#progress,
      flow: this.#flow.words,
      queue: { depth: this.#queue.length, limit: this.#flow.limit },
      ...figures,
      sound: this.#sound.stats(),
      ...this.#counts,
      restarts: this.#faults.restarts,
      error: this.#faults.error?.message ?? null,
      errorAt: this.#faults.error?.at ?? null,
    };
  }
}
