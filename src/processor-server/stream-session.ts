// One running stream of a processor server: its input comes from a trickle channel, goes through the user's processor and out into another
// one; params come by REST and by the control channel, events and data go out.
import type { StreamConfigInput } from '../api/schema.ts';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import type { FrameInfo } from '../core/frame.ts';
import { Scope } from '../core/scope.ts';
import { publishTrickle, type TricklePublication } from '../outputs/trickle/publication.ts';
import { showPublication } from '../outputs/trickle/shown.ts';
import type { AudioHub } from '../pipeline/audio/audio-hub.ts';
import type { Stream } from '../pipeline/stream.ts';
import { TricklePublisher } from '../trickle/publisher.ts';
import type { TricklePublisherOptions } from '../trickle/publisher-options.ts';
import type { ChannelEnd } from '../trickle/segments.ts';
import { TrickleSubscriber } from '../trickle/subscriber.ts';
import { readControl } from './control-channel.ts';
import { DataChannel } from './data-channel.ts';
import { EventsChannel, STREAM_EVENTS } from './events-channel.ts';
import { FpsMeter } from './fps-meter.ts';
import type { OpenSession, SessionHost } from './host.ts';
import { type Params, PROCESSOR_ID, type ProcessorEntry, type StreamRun } from './processor.ts';
import type { SessionEnd, SessionFps, StartRequest, StreamSession } from './session.ts';
import { SessionGuide } from './session-guide.ts';
import { type InputParams, inputParamsOf, showLoadingOf } from './session-params.ts';
import { systemTicker } from './ticker.ts';
import { readParams } from './validation.ts';

/** An input that cannot be read is given up after so long, ms. */
const INPUT_PATIENCE_MS = 5000;
/** How the source says that there is no such channel. */
const NO_CHANNEL = 'there is no such channel';
/** Frames may take so long from the end of the input until they have been sent, ms. */
const FLUSH_MS = 800;
/** So long the user's `onStop` is waited for before the channels are closed, ms. */
const HOOK_MS = 500;
/** So long what is on its way into the output may take at the end, ms; and what is said in events and data. */
const CLOSE_MS = 1500;
const LAST_WORDS_MS = 2500;
/** Pictures a second of a processor that makes them without input. */
const MADE_FPS = 24;
/** Between two looks at what is still on its way, ms. */
const LOOK_MS = 5;

/** Begins a stream; it resolves once the stream is there, whether or not its channels are. */
export const openStreamSession: OpenSession = async (request, host) => {
  const session = new RunningSession(request, host);
  await session.open();
  return session;
};

class RunningSession implements StreamSession {
  readonly request: StartRequest;
  readonly stream: string;
  readonly ended: Promise<SessionEnd>;
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #host: SessionHost;
  readonly #run: StreamRun;
  readonly #input: InputParams;
  readonly #guide: SessionGuide;
  readonly #egress: FpsMeter;
  readonly #sound: { readonly ingress: FpsMeter; readonly egress: FpsMeter };
  readonly #scope = new Scope();
  #stream: Stream | null = null;
  #publication: TricklePublication | null = null;
  #events: EventsChannel | null = null;
  #data: DataChannel | null = null;
  /** Newest picture of the input. */
  #newest: FrameInfo | null = null;
  #ingested = false;
  #published = false;
  #failing: NodeJS.Timeout | undefined;
  /** Ends it when its input has been silent for too long. */
  #silence: NodeJS.Timeout | undefined;
  #finishing: Promise<void> | null = null;
  /** Changes of params are made one after the other. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(request: StartRequest, host: SessionHost) {
    this.request = request;
    this.stream = host.stream;
    this.ended = this.#end.promise;
    this.#host = host;
    this.#run = { request, stream: host.stream };
    this.#input = inputParamsOf(request.params);
    const now = () => systemTicker.now();
    this.#egress = new FpsMeter(now);
    this.#sound = { ingress: new FpsMeter(now), egress: new FpsMeter(now) };
    this.#guide = new SessionGuide({
      settings: host.settings,
      ticker: systemTicker,
      maxFramerate: this.#input.maxFramerate,
      timeOf: (info) => this.#timeOf(info),
      encoderQueue: () => this.#encoders((rendition) => rendition.waiting),
    });
  }

  // ---- start

  async open(): Promise<void> {
    const { server, processor, stopping } = this.#host;
    const { params } = this.request;
    this.#guide.overlay.manual = showLoadingOf(params) ?? false;
    this.#scope.defer(server.processors.guide(this.stream, PROCESSOR_ID, this.#guide));
    try {
      const stream = await server.openStream(this.stream, this.#config());
      this.#stream = stream;
      // Programs find its door open when they are told of the stream.
      void stream.learnParams();
      this.#connectWords();
      this.#host.announce(this);
      const started = processor.start(this.#run, params).catch((error: unknown) => {
        const { code } = toSluiceError(error);
        if (code === 'bad-value' || code === 'unknown-key') throw error;
        this.#fault('the hook for the start of a stream failed', error);
      });
      await unlessAborted(started, stopping);
      this.#listen(stream);
      this.#connect(stream);
    } catch (error) {
      await processor.stop(this.#run, { reason: 'failed', error: toSluiceError(error).message }).catch(() => {});
      await this.#closeChannels();
      await this.#leave();
      throw error;
    }
  }

  #config(): StreamConfigInput {
    const { subscribe_url: url, gateway_request_id: id, params } = this.request;
    const { processor } = this.#host;
    const { size, maxFramerate } = this.#input;
    const entry = processor.entry(params);
    const source: StreamConfigInput['source'] = url
      ? { type: 'trickle', url, start: -2, ...size }
      : processor.generates
        ? { type: 'generate' }
        : { type: 'push', clock: 'utc' };
    const made = !url && processor.generates;
    return {
      title: id.slice(0, 200),
      source,
      processors: [made ? ({ ...entry, fps: maxFramerate ?? MADE_FPS } as ProcessorEntry) : entry],
      linger: '100ms',
    };
  }

  #listen(stream: Stream): void {
    const { events } = stream;
    const off = [
      events.on('captured', ({ info }) => this.#onInput(info)),
      events.on('frame', () => this.#egress.add()),
      events.on('sourceEnded', () => void this.#finish('input-ended')),
      events.on('state', ({ state, reason }) => this.#onState(state, reason)),
      events.on('closed', () => void this.#finish('stopped')),
      events.on('results', ({ processor, data }) => {
        if (!this.#host.settings.dataRecords || processor !== PROCESSOR_ID) return;
        for (const record of data) this.sendData(JSON.stringify(record));
      }),
    ];
    for (const stop of off) this.#scope.defer(stop);
    this.#scope.use(stream.demand());
    this.#watchSilence(this.#host.settings.subscriberTimeout);
    this.#meter(stream.sound.captured, () => {
      this.#onInput(null);
      this.#sound.ingress.add();
    });
    this.#meter(stream.sound.hub, () => this.#sound.egress.add());
  }

  /** Without a limit an input may be silent for as long as its channel is there. */
  #watchSilence(seconds: number | null): void {
    if (seconds === null || !this.request.subscribe_url) return;
    const timer = setTimeout(() => void this.#finish('failed', `nothing came for ${seconds} s`), seconds * 1000).unref();
    this.#silence = timer;
    this.#scope.defer(() => clearTimeout(timer));
  }

  #meter(hub: AudioHub, count: () => void): void {
    const { queue } = this.#scope.use(hub.subscribe('fps', 100));
    void (async () => {
      while (await queue.take()) count();
    })();
  }

  /** Events and data: the user's function for the start may have something to say. */
  #connectWords(): void {
    const { settings } = this.#host;
    const { events_url, data_url } = this.request;
    if (events_url) {
      // Several events in a moment are several segments on their way.
      const publisher = this.#publisher(events_url, { contentType: 'application/json', maxInFlight: 1000, closeTimeout: LAST_WORDS_MS });
      this.#events = new EventsChannel({ publisher, ticker: systemTicker, heartbeat: () => this.#heartbeat() });
    }
    if (data_url) {
      const publisher = this.#publisher(data_url, { contentType: 'application/jsonl', maxInFlight: 100, closeTimeout: LAST_WORDS_MS });
      this.#data = new DataChannel({ publisher, ticker: systemTicker, interval: settings.dataInterval });
    }
  }

  #connect(stream: Stream): void {
    const { settings, log } = this.#host;
    const { control_url, publish_url, subscribe_url } = this.request;
    if (control_url) {
      const idle = settings.subscriberTimeout === null ? {} : { idle: settings.subscriberTimeout * 1000 };
      const subscriber = new TrickleSubscriber(control_url, {
        start: -2,
        retries: Number.POSITIVE_INFINITY,
        waitMissing: 10_000,
        ...idle,
        signal: this.#scope.signal,
      });
      this.#scope.use(subscriber);
      const report = (message: string) => {
        log.warn({ stream: this.stream, error: message }, 'a control message was skipped');
        const timestamp = stream.clock.now();
        stream.note({ id: `control-skipped-${timestamp}`, kind: 'processor', label: message.slice(0, 300), timestamp });
      };
      const onParams = (value: Params) => this.updateParams(readParams(value, 'The message'));
      void readControl({ subscriber, onParams, report }).then(
        () => subscriber.reason === 'failed' && report(`the control channel is read no more: ${subscriber.figures.error}`),
        (error: unknown) => report(toSluiceError(error).message),
      );
    }
    // The size of an input that is to be kept is known with its first picture.
    const { detectOutResolution, size } = this.#input;
    if (publish_url && (detectOutResolution || size || !subscribe_url)) this.#publish(stream, size);
  }

  #publisher(url: string, options: TricklePublisherOptions): TricklePublisher {
    const { publisherTimeout } = this.#host.settings;
    const answerTimeout = publisherTimeout === null ? {} : { answerTimeout: publisherTimeout * 1000 };
    return new TricklePublisher(url, { retries: Number.POSITIVE_INFINITY, closeTimeout: CLOSE_MS, ...answerTimeout, ...options });
  }

  /** @param size of the output unless the first processed picture decides, pixels */
  #publish(stream: Stream, size: InputParams['size']): void {
    const publisher = this.#publisher(this.request.publish_url!, { contentType: 'video/mp2t' });
    const fixed = this.#input.detectOutResolution || !size ? { hold: true } : { size: `${size.width}x${size.height}` };
    const onSegment = () => {
      stream.events.emit('links', {});
      if (this.#published) return;
      this.#published = true;
      this.#events?.tell('send_first_processed_segment');
    };
    this.#publication = publishTrickle(stream, { gop: 2, audio: 'opus', exact: true, ...fixed }, publisher, { onSegment });
    showPublication(this.#publication, this.request.publish_url!);
    void this.#publication.ended.then((end) => this.#onOutputEnded(end));
  }

  // ---- what happens on the way

  #timeOf({ id, timestamp }: FrameInfo): number {
    const ticks = this.#stream?.mediaTimes.of(id) ?? null;
    return ticks === null ? timestamp / 1e6 : ticks / 90_000;
  }

  #onInput(info: FrameInfo | null): void {
    this.#newest = info ?? this.#newest;
    this.#silence?.refresh();
    if (info && !this.#publication && this.request.publish_url && !this.#finishing) this.#publish(this.#stream!, info);
    if (this.#ingested) return;
    this.#ingested = true;
    if (this.request.subscribe_url) this.#events?.tell('receive_first_ingest_segment');
  }

  #onState(state: string, reason: string | null): void {
    if (state === 'live') {
      clearTimeout(this.#failing);
      this.#failing = undefined;
    } else if (state === 'failed' && !this.#failing) {
      const error = reason?.replace(/; trying again.*$/, '') ?? 'the input cannot be read';
      if (!this.#ingested && error.endsWith(NO_CHANNEL)) return void this.#finish('input-not-found', error);
      this.#failing = setTimeout(() => void this.#finish('failed', error), INPUT_PATIENCE_MS).unref();
    }
  }

  #onOutputEnded(end: ChannelEnd): void {
    if (end === 'closed') return;
    const { error } = this.#publication!.figures;
    void this.#finish('output-ended', end === 'ended' ? null : (error ?? 'the output channel cannot be written'));
  }

  #encoders(figure: (rendition: Stream['renditions'][number]) => number): number {
    const own = this.#stream?.renditions.filter(({ settings }) => 'repeats' in settings && settings.repeats === false) ?? [];
    return own.reduce((most, rendition) => Math.max(most, figure(rendition)), 0);
  }

  #heartbeat() {
    const { subscribe_url, publish_url, control_url, events_url, data_url } = this.request;
    const { size } = this.#input;
    const { width = 0, height = 0 } = size ?? this.#newest ?? {};
    return {
      urls: {
        subscribe: subscribe_url ?? '',
        publish: publish_url ?? '',
        control: control_url ?? '',
        events: events_url ?? '',
        data: data_url ?? '',
      },
      dimensions: { width, height },
      fps: this.fps(),
    };
  }

  // ---- what others ask for

  fps(): SessionFps {
    return {
      ingress_video_fps: this.#guide.ingress.fps,
      ingress_audio_fps: this.#sound.ingress.fps,
      egress_video_fps: this.#egress.fps,
      egress_audio_fps: this.#sound.egress.fps,
    };
  }

  updateParams(params: Params): Promise<void> {
    const change = this.#changes.then(() => this.#update(params));
    this.#changes = change.catch(() => {});
    return change;
  }

  async #update(params: Params): Promise<void> {
    const stream = this.#stream;
    if (this.#finishing || !stream) throw new SluiceError('conflict', `${this.request.gateway_request_id} is being ended`);
    const { processor } = this.#host;
    const values = processor.entryParams(params);
    const part = stream.paramParts().find(({ id }) => id === PROCESSOR_ID);
    // Nothing has changed if it refuses them.
    const checked = part && Object.keys(values).length ? await part.check({ ...part.values, ...values }) : null;
    await processor.params(this.#run, params);
    // The answer need not wait for the first picture that is made with them.
    if (checked) stream.setParams(new Map([[PROCESSOR_ID, checked]])).catch(() => {});
    const { maxFramerate } = inputParamsOf(params);
    if (maxFramerate !== null) this.#guide.maxFramerate = maxFramerate;
    const loading = showLoadingOf(params);
    if (loading !== null) this.setLoading(loading);
    this.#events?.tell('params_updated', { params });
  }

  setLoading(active: boolean): void {
    this.#guide.overlay.manual = active;
  }

  setTargetFps(fps: number | null): void {
    this.#guide.targetFps = fps;
  }

  sendData(text: string): boolean {
    return this.#data?.push(text) ?? false;
  }

  sendEvent(event: Readonly<Record<string, unknown>>, type: string = STREAM_EVENTS): boolean {
    return this.#events?.send(event, type) ?? false;
  }

  stop(_reason?: string): Promise<void> {
    return this.#finish('stopped');
  }

  // ---- end

  /** The first reason counts. */
  #finish(reason: SessionEnd['reason'], error: string | null = null): Promise<void> {
    this.#finishing ??= this.#close({ reason, error });
    return this.#finishing;
  }

  async #close(end: SessionEnd): Promise<void> {
    const { processor } = this.#host;
    clearTimeout(this.#failing);
    this.#guide.ending = true;
    await this.#flushed();
    const stopped = processor.stop(this.#run, end).catch((error: unknown) => this.#fault('the hook for the end of a stream failed', error));
    await within(stopped, HOOK_MS);
    this.#events?.tell('stream_stopped', { reason: end.reason, ...(end.error === null ? {} : { error: end.error }) });
    await this.#closeChannels();
    await this.#leave();
    const { deadline } = this.#host.settings;
    // One that never returns must not keep the place of the stream.
    if (!(await within(stopped, deadline * 1000)))
      this.#fault('the hook for the end of a stream failed', `it took longer than ${deadline} s`);
    this.#end.resolve(end);
  }

  async #closeChannels(): Promise<void> {
    const closed = await Promise.allSettled([this.#publication?.close(), this.#events?.close(), this.#data?.close()]);
    for (const one of closed) if (one.status === 'rejected') this.#fault('a channel could not be closed', one.reason);
  }

  #fault(what: string, error: unknown): void {
    this.#host.log.error({ stream: this.stream, error: toSluiceError(error).message }, what);
  }

  /** What is on its way goes out. */
  async #flushed(): Promise<void> {
    const until = performance.now() + FLUSH_MS;
    const stream = this.#stream;
    // Its source may have stopped at the very moment when its last frame came.
    while (performance.now() < until && (stream?.chain?.busy || this.#encoders((rendition) => rendition.pending) > 0)) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    // Packets of the last frames are handed from thread to thread.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Takes the stream out of the server. */
  async #leave(): Promise<void> {
    // Whatever fails here, the place of the stream becomes free.
    await this.#scope.close().catch((error: unknown) => this.#fault('a part of a stream could not be closed', error));
    const { streams } = this.#host.server;
    if (this.#stream && streams.registry.find(this.stream) === this.#stream) {
      await streams.remove(this.stream).catch((error: unknown) => this.#fault('a stream could not be removed', error));
    }
  }
}

/** Whether it was done in time. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const done = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => aborted.resolve(), { once: true });
  if (signal.aborted) aborted.resolve();
  await Promise.race([work, aborted.promise]);
}
