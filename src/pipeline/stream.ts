// One stream: its source or publisher, its frames, its renditions, and who needs them. Sources sleep unless somebody needs frames.
import { SOURCE_PART } from '../api/params.ts';
import type { InlineConfig, StreamConfig, StreamState, StreamStats } from '../api/schema.ts';
import type { SharedClock } from '../core/clock.ts';
import { Emitter } from '../core/emitter.ts';
import { SluiceError } from '../core/errors.ts';
import type { FrameInfo } from '../core/frame.ts';
import { ID_BLOCK } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { type Micros, parseDuration } from '../core/time.ts';
import type { RenditionSettings } from '../encoders/encoder.ts';
import type { LiveCodec } from '../native/ffmpeg-stream-decode.ts';
import { liveParamsOf } from '../sources/index.ts';
import type { SoundBlock } from '../sources/source.ts';
import { Analyses, type Analysis } from './analysis.ts';
import { levelMetrics } from './audio/level-meter.ts';
import { Sound, type SoundReceipt } from './audio/sound.ts';
import { CaptureWatch, type StreamNote } from './capture-watch.ts';
import type { Chain, ResolvedProcessor } from './chain/chain.ts';
import { type Followed, StreamFollower } from './follow/stream-follower.ts';
import { FrameHub } from './frame-hub.ts';

import { FrameIds } from './frame-ids.ts';
import { GeneratedSource } from './generated-source.ts';

import { LOST_AFTER_MS } from './grid.ts';
import type { Job, MediaPool } from './media-pool.ts';
import { MediaTimes } from './media-times.ts';
import type { DecodeEvent, RecordEvent, SoundDecodeEvent } from './messages.ts';
import { RateMeter } from './meters.ts';
import type { ParamPart, ParamValues } from './params/param-set.ts';
import { sourcePart, withParams } from './params/parts.ts';
import type { Results } from './processing.ts';
import { PushInput } from './publisher.ts';
import { type RecordOrder, startRecording } from './recording/start-recording.ts';
import type { EncodeTimings, Rendition } from './rendition.ts';
import { Renditions } from './renditions.ts';
import { SourceRunner } from './source-runner.ts';
import { type DriverSeat, type DriverState, type StreamDriver, StreamDrivers } from './stream-drivers.ts';
import { StreamProcessors } from './stream-processors.ts';

/** Notes of one sort come at most this often, µs. */
const NOTE_EVERY_US = 5_000_000;
/** Frames may take so long from the end of their source to their viewers, ms. */
const DRAIN_MS = 1500;

export interface StreamDeps {
  readonly pool: MediaPool;
  readonly clock: SharedClock;
  readonly log: Logger;
  /** Bytes of raw frames. */
  readonly ringBytes: number;
  /** Reserves frame ids: the first of the block, once that is safe on disk. */
  readonly reserveIds: (stream: string, count: number) => Promise<number>;
  /** Newest capture time of an earlier run, 0 = none. */
  readonly lastTimestamp: number;
  /** Address of a trickle channel of this server, for its own threads. */
  readonly channelUrl: (name: string) => string;
  /** Path of a recording's file; `null` = there is no such recording. */
  readonly recordingFile: (id: string) => string | null;
  /** Another stream of the server. */
  readonly findStream: (name: string) => Followed | undefined;
  /** Told when streams come and go. */
  readonly onStreams: (listener: () => void) => () => void;
  /** How a processor is run that is none of the finders. */
  readonly resolveProcessor: (config: InlineConfig) => ResolvedProcessor;
}

/** What a source says of its acquisition. */
export interface Acquisition {
  readonly on: boolean;
  /** ms */
  readonly exposure?: number | undefined;
}

export interface StreamEvents {
  frame: { info: FrameInfo; stepped: boolean; metadata: Readonly<Record<string, unknown>> | null };
  /** A frame has come from the source, before any processor. */
  captured: { info: FrameInfo; metadata: Readonly<Record<string, unknown>> | null };
  /** Captured frames go into another ring of their own, or no longer. */
  rings: object;
  state: { state: StreamState; reason: string | null };
  /** Sound has come for the first time, or its rate or channels have changed. */
  sound: object;
  /** Something for the timeline: a clock was set, the source was lost, another program took over. */
  note: StreamNote;
  /** A processor has found something. */
  results: Results;
  /** Number of viewers has changed. */
  viewers: { viewers: number };
  /** Configuration has changed. */
  config: { config: StreamConfig };
  /** The source has begun or ended to acquire. */
  acquisition: Acquisition;
  /** The source has come to its end by itself, and its last frame is out. */
  sourceEnded: { reason: string | null };
  /** A connection of its own to another server, of its source or an output, stands differently now. */
  links: object;
  /** The program that pushed has gone. */
  unplugged: object;
  closed: object;
}

export class Stream {
  readonly name: string;
  /** The server has made it to show the unprocessed pictures of this stream; it is in no list. */
  readonly companionOf: string | null;
  readonly clock: SharedClock;
  /** What everybody sees. */
  readonly hub: FrameHub;
  readonly sound: Sound;
  readonly input: PushInput;
  readonly events: Emitter<StreamEvents>;
  readonly log: Logger;
  #config: StreamConfig;
  readonly #deps: StreamDeps;
  readonly #ids: FrameIds;
  #source: SourceRunner | StreamFollower | GeneratedSource | null = null;
  readonly #renditions: Renditions;
  readonly #analyses: Analyses;
  readonly #processors: StreamProcessors;
  readonly #rate = new RateMeter();
  #demand = 0;
  #viewers = 0;
  #sleep: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #stopped = false;
  #state: StreamState = 'asleep';
  #reason: string | null = null;
  /** Last frame that viewers can see. */
  #lastFrame: FrameInfo | null = null;
  #lastCaptured: FrameInfo | null = null;
  #lastTimestamp: number;
  /** Times that frames had in the medium that they came from. */
  readonly mediaTimes = new MediaTimes();
  #sourceDetails: Readonly<Record<string, unknown>> | null = null;
  readonly #capture = new CaptureWatch();
  /** The source was noted as gone. */
  #away = false;
  readonly #noted = new Map<string, number>();
  #closed = false;
  readonly #drivers: StreamDrivers;

  private constructor(name: string, config: StreamConfig, ids: FrameIds, deps: StreamDeps, companionOf: string | null) {
    this.companionOf = companionOf;
    this.name = name;
    this.#config = config;
    this.#deps = deps;
    this.#ids = ids;
    this.clock = deps.clock;
    this.log = deps.log.child({ stream: name });
    this.events = new Emitter((error) => this.log.error({ error }, 'a listener failed'));
    this.hub = new FrameHub(deps.ringBytes);
    this.#lastTimestamp = deps.lastTimestamp;
    const stream = this;
    this.#renditions = new Renditions({
      hub: this.hub,
      pool: deps.pool,
      clock: this.clock,
      log: this.log,
      demand: () => this.demand(),
      get config() {
        return stream.#config;
      },
      get replay() {
        return stream.pushed;
      },
      onMainFailed: (error) => {
        const timestamp = this.clock.now();
        const label = `the encoder failed: ${error.message}`.slice(0, 300);
        this.note({ id: `source-encoder-${timestamp}`, kind: 'source', label, timestamp });
      },
    });
    this.#analyses = new Analyses({
      name,
      hub: this.hub,
      pool: deps.pool,
      clock: this.clock,
      get replay() {
        return stream.#state === 'live' || stream.pushed;
      },
      demand: () => this.demand(),
    });
    this.sound = new Sound({
      pool: deps.pool,
      clock: this.clock,
      log: this.log,
      get lingerMs() {
        return parseDuration(stream.#config.linger, 'linger');
      },
      demand: () => this.demand(),
      onFormat: () => this.events.emit('sound', {}),
      onShown: (block) => this.#processors.besides?.offerSound(block),
      onLevel: (level) => {
        const frame = { id: 0, timestamp: level.timestamp };
        this.events.emit('results', { processor: 'audio', frame, metrics: levelMetrics(level), markers: [], data: [] });
      },
      get live() {
        return stream.#state === 'live';
      },
    });
    this.input = new PushInput(this);
    this.input.resume(deps.lastTimestamp as Micros);
    this.#drivers = new StreamDrivers({
      get stopped() {
        return stream.#stopped || stream.#closed;
      },
      get demanded() {
        return stream.#demand > 0;
      },
      assertPush: () => this.#assertPushSource(),
      publish: (driver) => this.input.open(driver, true),
      onMaker: () => this.events.emit('config', { config: this.#config }),
      onReport: (driver, state, reason) => this.#onDriver(driver, state, reason),
    });
    this.#processors = new StreamProcessors({
      name,
      clock: this.clock,
      log: this.log,
      pool: deps.pool,
      hub: this.hub,
      ringBytes: deps.ringBytes,
      get config() {
        return stream.#config;
      },
      get live() {
        return stream.#state === 'live';
      },
      get lastFrame() {
        return stream.#lastFrame;
      },
      get lastCaptured() {
        return stream.#lastCaptured;
      },
      resolve: deps.resolveProcessor,
      takeId: () => this.takeId(),
      nextOwnId: () => this.#ids.counter.next,
      onMoved: () => this.#source?.moved(),
      onChains: () => {
        this.sound.way = this.chain ? (block) => this.chain?.offerSound(block) : null;
        this.events.emit('rings', {});
      },
      onGenerated: (info) => this.#onGenerated(info),
      onShown: (info, stepped, metadata) => this.#onShown(info, stepped, metadata),
      onSound: (block) => this.sound.show(block),
      onResults: (results) => this.events.emit('results', results),
      note: (note) => this.note(note),
    });
    void this.#processors.configure();
    this.#makeSource();
  }

  static async open(name: string, config: StreamConfig, deps: StreamDeps, companionOf: string | null = null): Promise<Stream> {
    // Who takes over the ids of another stream reserves as far as that goes.
    const count = config.source.type === 'stream' ? 0 : ID_BLOCK;
    const onError = (error: unknown) => deps.log.error({ error, stream: name }, 'frame ids could not be reserved');
    const ids = await FrameIds.open((more) => deps.reserveIds(name, more), count, onError);
    return new Stream(name, config, ids, deps, companionOf);
  }

  get config(): StreamConfig {
    return this.#config;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Why it waits, is lost or failed. */
  get reason(): string | null {
    return this.#reason;
  }

  /** What comes from the source or publisher, before any processor. */
  get captured(): FrameHub {
    return this.#processors.captured;
  }

  /** The processors in the way of the picture; `null` = there are none. */
  get chain(): Chain | null {
    return this.#processors.chain;
  }

  /** The stream whose pictures it shows. */
  get follows(): string | null {
    return this.#config.source.type === 'stream' ? this.#config.source.stream : null;
  }

  /** How the connection of its source stands; `null`: it has none now. */
  get sourceDetails(): Readonly<Record<string, unknown>> | null {
    return this.#sourceDetails;
  }

  get lastFrame(): FrameInfo | null {
    return this.#lastFrame;
  }

  get viewers(): number {
    return this.#viewers;
  }

  /** Frames come whether or not somebody needs them. */
  get pushed(): boolean {
    if (this.#config.source.type !== 'push') return false;
    const { maker, onDemand } = this.#drivers;
    return maker ? !maker.onDemand : this.input.publisher !== null || !onDemand;
  }

  /** Captured frames per second over the last seconds. */
  get fps(): number {
    return this.#rate.rates(this.clock.now()).perSecond;
  }

  // ---- who needs frames

  /** Keeps the source awake until disposed. */
  demand(): Disposable {
    this.#demand++;
    clearTimeout(this.#sleep);
    this.#wake();
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#demand--;
        if (this.#demand > 0) return;
        // Renditions linger by themselves; the source follows at once when the last of them has stopped.
        this.#sleep = setTimeout(() => this.#rest(), 50);
        this.#sleep.unref();
      },
    };
  }

  /** Counts a viewer until disposed. */
  watch(): Disposable {
    this.#viewers++;
    this.events.emit('viewers', { viewers: this.#viewers });
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#viewers--;
        this.events.emit('viewers', { viewers: this.#viewers });
      },
    };
  }

  /** The rendition of some settings: the same object for the same settings, so that everything is encoded once. */
  rendition(settings: RenditionSettings): Rendition {
    return this.#renditions.of(settings);
  }

  /** The H.264 rendition that HLS, DVR and WebSocket share. */
  get main(): Rendition {
    return this.#renditions.main;
  }

  get renditions(): Rendition[] {
    return this.#renditions.all();
  }

  /** By codec. */
  get timings(): ReadonlyMap<string, EncodeTimings> {
    return this.#renditions.timings;
  }

  // ---- processors

  /** What a processor finds in one frame of now, on demand. Throws `queue-full`, `no-frames`, `processor-failed`. */
  look(use: Parameters<Analyses['look']>[0], params: unknown): Promise<Analysis> {
    return this.#analyses.look(use, params);
  }

  /** Figures of all processors: first those in the way, in their order. */
  processorStats(): StreamStats['processors'] {
    return this.#processors.stats();
  }

  // ---- params

  /** What has params: the source, then the processors in their order. */
  paramParts(): ParamPart[] {
    return [sourcePart(this.#config.source), ...this.#processors.paramParts()];
  }

  /** Waits for processors whose params are not known yet: those that sleep are loaded, those that fail stay unknown. */
  async learnParams(): Promise<void> {
    await this.#processors.learnParams();
  }

  /**
   * Takes other params, by part, which `ParamPart.check` has given. Resolves, by part, to the id of the first frame for which they hold:
   * none before was made or looked at with them, none from there on without. A source begins anew; processors go on.
   */
  async setParams(changes: ReadonlyMap<string, ParamValues>): Promise<Map<string, number>> {
    const before = this.#config.source;
    this.#config = withParams(this.#config, changes);
    const frames = await this.#processors.setParams(changes);
    if (changes.has(SOURCE_PART)) frames.set(SOURCE_PART, await this.#changeSource(before));
    this.events.emit('config', { config: this.#config });
    return frames;
  }

  /** Gives the source its new params while it runs, if it can take them so, else makes it anew. */
  async #changeSource(before: StreamConfig['source']): Promise<number> {
    const { source } = this.#config;
    const live = this.#source instanceof SourceRunner && source.type === before.type ? liveParamsOf(source.type) : [];
    const names = new Set([...Object.keys(before), ...Object.keys(source)]) as Set<keyof typeof source>;
    const changed = [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(source[name]));
    if (!(this.#source instanceof SourceRunner) || !changed.every((name) => live.includes(name))) return await this.#beginSource();
    return (await this.#source.sendParams()) ?? this.#ids.counter.next;
  }

  /** Makes the source anew; resolves to the id of its first frame. */
  async #beginSource(): Promise<number> {
    await this.#source?.close();
    const first = this.#ids.counter.next;
    this.#makeSource();
    if (this.#demand > 0) this.#wake();
    return first;
  }

  /** Ends them for good, with what they still have to say. */
  async endProcessors(): Promise<void> {
    await this.#processors.end();
  }

  /** They look at frames while frames come; they keep no source awake. */
  #runProcessings(): void {
    // What is to make the pictures itself is needed most when none come.
    const made = this.#config.source.type === 'generate' && this.#state === 'lost';
    const frames = this.#state === 'live' || this.#state === 'starting' || made;
    this.#processors.want(frames && !this.#closed);
  }

  // ---- frames

  /** The next frame id; reserves more in time. 0 = the block is used up. */
  takeId(): number {
    this.#reserve();
    return this.#ids.counter.take();
  }

  #reserve(): void {
    if (this.#config.source.type !== 'stream') this.#ids.ahead();
  }

  /** A frame has reached the ring. */
  onFrame(info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null = null): void {
    this.#reserve();
    this.#lastCaptured = info;
    this.#lastTimestamp = info.timestamp;
    this.#rate.add(this.clock.now());
    for (const note of this.#capture.frame(info, stepped)) {
      this.log.warn({ timestamp: info.timestamp }, note.label);
      this.note(note);
    }
    if (this.#state !== 'live') this.#setState('live', null);
    this.#watchdog ??= setTimeout(() => this.#checkAlive(), LOST_AFTER_MS).unref();
    this.events.emit('captured', { info, metadata });
    this.#processors.offer(info, stepped, metadata);
  }

  /** A processor has made a picture without input. */
  #onGenerated(info: FrameInfo): void {
    this.captured.count();
    this.#lastCaptured = info;
    this.#lastTimestamp = info.timestamp;
    this.#rate.add(this.clock.now());
    if (this.#state !== 'live') this.#setState('live', null);
    this.#watchdog ??= setTimeout(() => this.#checkAlive(), LOST_AFTER_MS).unref();
  }

  /** A frame has reached the ring that viewers see. */
  #onShown(info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null): void {
    this.#lastFrame = info;
    this.#processors.besides?.offer(info, stepped, metadata);
    this.events.emit('frame', { info, stepped, metadata });
  }

  /** Sound as it was captured, pushed or made by the source. Keeps the stream alive where no pictures come. */
  takeSound(block: SoundBlock): SoundReceipt {
    const receipt = this.sound.take(block);
    if (receipt.dropped !== undefined) return receipt;
    if (this.#state !== 'live') this.#setState('live', null);
    this.#watchdog ??= setTimeout(() => this.#checkAlive(), LOST_AFTER_MS).unref();
    return receipt;
  }

  /** A camera's own clock was set: its times are mapped anew from this frame on. */
  onDeviceStep(timestamp: Micros): void {
    const label = "the camera's own clock was set";
    this.log.warn({ timestamp }, `${label}: its times are mapped anew`);
    this.note({ id: `clock-device-${timestamp}`, kind: 'clock', label, timestamp });
  }

  /** A newer publisher took the stream over. */
  onTakeover(name: string): void {
    const timestamp = this.clock.now();
    this.note({ id: `source-takeover-${timestamp}`, kind: 'source', label: `${name} took over`, timestamp });
  }

  /** Enters something into the timeline; of the same sort at most one every 5 s. */
  note(note: StreamNote): void {
    const sort = note.id.slice(0, note.id.lastIndexOf('-'));
    const now = this.clock.now();
    if (now - (this.#noted.get(sort) ?? 0) < NOTE_EVERY_US) return;
    this.#noted.set(sort, now);
    this.events.emit('note', note);
  }

  #noteState(state: StreamState, before: StreamState, reason: string | null): void {
    const at = state === 'failed' ? this.clock.now() : (this.#lastCaptured?.timestamp ?? 0);
    if (state === 'live') {
      if (this.#away) this.note({ id: `source-back-${at}`, kind: 'source', label: 'frames come again', timestamp: at });
      this.#away = false;
    } else if (state === 'failed' || (before === 'live' && (state === 'lost' || state === 'waiting'))) {
      if (this.#away || !this.#lastCaptured) return;
      this.#away = true;
      const label =
        state === 'waiting' ? 'its program has gone' : state === 'lost' ? 'no more frames came' : `the source failed: ${reason}`;
      this.note({ id: `source-${state}-${at}`, kind: 'source', label: label.slice(0, 300), timestamp: at });
    }
  }

  /** A decoder for pictures that come in encoded, in a media worker. */
  decode(codec: LiveCodec, onEvent: (event: DecodeEvent) => void): Job {
    return this.#deps.pool.run<DecodeEvent>({ kind: 'decode', codec, clock: this.clock.state }, onEvent);
  }

  /** Decodes Opus that comes from outside. */
  decodeSound(onEvent: (event: SoundDecodeEvent) => void): Job {
    return this.#deps.pool.run<SoundDecodeEvent>({ kind: 'decode-sound', clock: this.clock.state }, onEvent);
  }

  /** The source says whether it acquires pictures now. Nobody must listen. */
  announce(acquisition: Acquisition): void {
    this.events.emit('acquisition', acquisition);
  }

  /** Writes the frames from now on into a file, in a thread of its own; the source stays awake until that has ended. */
  record(order: RecordOrder, onEvent: (event: RecordEvent) => void): Job {
    return startRecording(order, { hub: this.hub, pool: this.#deps.pool, clock: this.clock, demand: () => this.demand() }, onEvent);
  }

  /** A publisher came or went; `passing`: it was there for one frame only. */
  onPublisher(passing: boolean): void {
    if (!this.input.publisher && !passing) this.events.emit('unplugged', {});
    if (!this.input.publisher && this.#state !== 'live' && this.pushed) this.#setState('waiting', this.#waitingReason());
  }

  #checkAlive(): void {
    this.#watchdog = undefined;
    const newest = Math.max(this.#lastCaptured?.received ?? 0, this.sound.captured.newest?.received ?? 0);
    if (this.#closed || !newest || this.#state !== 'live') return;
    const age = (this.clock.now() - newest) / 1000;
    if (age < LOST_AFTER_MS) {
      this.#watchdog = setTimeout(() => this.#checkAlive(), LOST_AFTER_MS - age + 20).unref();
    } else if (this.pushed && !this.input.publisher) this.#setState('waiting', this.#waitingReason());
    else this.#setState('lost', `no frame for ${Math.round(age / 1000)} s`);
  }

  #waitingReason(): string {
    return this.#lastTimestamp
      ? `its program has pushed no frame since ${new Date(this.#lastTimestamp / 1000).toISOString().replace(/\.\d+Z/, 'Z')}`
      : 'no program has pushed a frame yet';
  }

  // ---- life

  /** Changes the configuration: the source begins anew only if its own part differs. */
  async configure(config: StreamConfig): Promise<void> {
    const before = this.#config;
    this.#config = config;
    await this.#renditions.changed(before);
    if (JSON.stringify(before.source) !== JSON.stringify(config.source)) {
      await this.#beginSource();
    }
    if (JSON.stringify(before.processors) !== JSON.stringify(config.processors)) {
      await this.#processors.configure();
      this.#runProcessings();
    }
    this.events.emit('config', { config });
  }

  #makeSource(): void {
    const { source } = this.#config;
    if (source.type === 'push') {
      this.#source = null;
      this.#setState('waiting', this.#waitingReason());
      return;
    }
    if (source.type === 'stream') {
      this.#makeFollower(source);
      return;
    }
    if (source.type === 'generate') {
      this.#source = new GeneratedSource({
        possible: () => this.#processors.inline(false).length > 0,
        onState: (state, reason) => this.#setState(state === 'asleep' && this.#stopped ? 'stopped' : state, reason),
      });
      this.#setState('asleep', null);
      return;
    }
    const { type } = source;
    const stream = this;
    this.#source = new SourceRunner({
      type,
      get params() {
        return stream.#sourceParams();
      },
      get hub() {
        return stream.captured;
      },
      ids: this.#ids.counter,
      pool: this.#deps.pool,
      clock: this.clock,
      log: this.log,
      lastTimestamp: () => this.#lastTimestamp,
      onFrame: (info, stepped, metadata) => this.onFrame(info, stepped, metadata),
      onMediaTime: (id, mediaTime) => this.mediaTimes.set(id, mediaTime),
      onDetails: (details) => {
        this.#sourceDetails = details;
        this.events.emit('links', {});
      },
      onSound: (sound) => this.takeSound(sound),
      onState: (state, reason) => {
        if (state === 'asleep') this.#setState(this.#stopped ? 'stopped' : 'asleep', null);
        else if (state === 'ended') void this.#onSourceEnded(reason);
        else this.#setState(state, reason);
      },
    });
    this.#setState('asleep', null);
  }

  /** The source has come to its end: what is on its way through the processors is shown first. */
  async #onSourceEnded(reason: string | null): Promise<void> {
    const source = this.#source;
    if (this.chain?.busy) await this.chain.drained(DRAIN_MS);
    if (this.#closed || source !== this.#source) return;
    this.#setState('lost', reason);
    this.events.emit('sourceEnded', { reason });
  }

  #makeFollower({ stream: name, unprocessed }: Extract<StreamConfig['source'], { type: 'stream' }>): void {
    const stream = this;
    this.#source = new StreamFollower({
      name: this.name,
      stream: name,
      unprocessed,
      find: this.#deps.findStream,
      onStreams: this.#deps.onStreams,
      get hub() {
        return stream.captured;
      },
      ids: this.#ids.counter,
      reserveTo: (id, ahead) => this.#ids.reach(id, ahead),
      pool: this.#deps.pool,
      clock: this.clock,
      lastTimestamp: () => this.#lastTimestamp,
      onSound: (sound) => this.takeSound(sound),
      onFrame: (info, stepped, metadata) => this.onFrame(info, stepped, metadata),
      onState: (state, reason) => {
        if (state === 'asleep') this.#setState(this.#stopped ? 'stopped' : 'asleep', null);
        else this.#setState(state, reason);
      },
    });
    this.#setState('asleep', null);
  }

  /** As the source's own thread needs them: only this one knows the recordings and the channels of this server. */
  #sourceParams(): Readonly<Record<string, unknown>> {
    const { type: _, ...params } = this.#config.source;
    const { source } = this.#config;
    if (source.type === 'recording') return { ...params, file: this.#recordingFile(source) };
    if (source.type === 'trickle' && !source.url.includes('://')) return { ...params, url: this.#deps.channelUrl(source.url), own: true };
    return params;
  }

  #recordingFile({ file, recording }: { file?: string | undefined; recording?: string | undefined }): string {
    return file ?? this.#deps.recordingFile(recording!) ?? `recording ${recording}`;
  }

  #wake(): void {
    if (this.#stopped || this.#closed) return;
    this.#source?.want(true);
    this.#drivers.wake();
  }

  #rest(): void {
    if (this.#demand > 0) return;
    this.#source?.want(false);
    this.#drivers.rest();
  }

  /** Seats a part of this program that works for the stream until disposed. It is told at once, and whenever that changes, whether to run. */
  drive(driver: StreamDriver): DriverSeat {
    return this.#drivers.seat(driver);
  }

  #onDriver(driver: StreamDriver, state: DriverState, reason: string | null): void {
    if (this.#closed) return;
    const own = this.#drivers.maker === driver || (driver.onDemand && !this.pushed);
    // Who makes no frames says it beside those who do.
    if (!own && this.#state === 'live') this.#setState('live', state === 'failed' ? reason : null);
    else if (state === 'failed') this.#setState('failed', reason);
    else if (!own) return;
    else if (state === 'running') this.#setState('starting', null);
    else this.#setState(state === 'ended' ? 'lost' : 'asleep', reason);
  }

  /** Lets the source run again when it is needed. */
  start(): void {
    this.#stopped = false;
    if (this.#state === 'stopped') this.#setState(this.pushed ? 'waiting' : 'asleep', this.pushed ? this.#waitingReason() : null);
    if (this.#demand > 0) this.#wake();
    else this.#rest();
  }

  /** Stops the source whoever watches, until `start`. Pushed frames are refused meanwhile. */
  stop(): void {
    this.#stopped = true;
    this.#source?.want(false);
    this.#drivers.stop();
    this.#setState('stopped', 'stopped by hand');
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Refuses a publisher where none is meant to be. */
  assertPush(): void {
    this.#assertPushSource();
    const { maker } = this.#drivers;
    if (maker) throw new SluiceError('conflict', `${this.name} gets its frames from ${maker.name} in the server's own program`);
    if (this.#stopped)
      throw new SluiceError('conflict', `${this.name} is stopped; POST /api/streams/${this.name}/start lets frames in again`);
  }

  #assertPushSource(): void {
    if (this.#config.source.type !== 'push') {
      throw new SluiceError(
        'conflict',
        `${this.name} has a source of its own (${this.#config.source.type}); frames can be pushed only into a stream with source type push`,
      );
    }
  }

  #setState(state: StreamState, reason: string | null): void {
    if (this.#stopped && state !== 'stopped') return;
    if (state === this.#state && reason === this.#reason) return;
    const before = this.#state;
    this.#state = state;
    this.#reason = reason;
    this.#noteState(state, before, reason);
    this.#runProcessings();
    this.events.emit('state', { state, reason });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#sleep);
    clearTimeout(this.#watchdog);
    // Nobody makes frames for a stream that is gone.
    this.#drivers.stop();
    this.input.publisher?.onReplaced?.();
    // What they still have to say comes before the end.
    await this.endProcessors();
    this.events.emit('closed', {});
    await Promise.all([this.#renditions.close(), this.sound.close()]);
    await this.#source?.close();
  }
}
