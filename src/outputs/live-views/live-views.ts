// Live views of detectors: a started view keeps its source awake until it is stopped; viewers who say nothing themselves get its params. In
// exclusive mode a detector is viewed by one protocol at a time.
import {
  type EffectiveParams,
  type LiveView,
  type LiveViewsConfig,
  type LongExposure,
  type StreamDiagnostics,
  VIEW_PROTOCOLS,
  type ViewProtocol,
  type ViewValues,
} from '../../api/live-views.ts';
import { REPORTED_OUTPUTS, type StreamState } from '../../api/schema.ts';
import { Emitter } from '../../core/emitter.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { parseDuration } from '../../core/time.ts';
import type { Registry } from '../../pipeline/registry.ts';
import type { Acquisition, Stream } from '../../pipeline/stream.ts';
import type { OutputMeter } from '../meter.ts';
import { CaptureFigures } from './capture-figures.ts';
import { Exposures } from './exposures.ts';
import { ViewParams } from './view-params.ts';

export interface LiveViewEvents {
  started: LiveView;
  stopped: { readonly stream: string; readonly protocol: ViewProtocol; readonly reason: string | null };
  /** Its source is gone; `started` follows when frames come again. */
  failed: { readonly stream: string; readonly protocol: ViewProtocol; readonly reason: string };
  /** What viewers of a stream get has changed. */
  params: { readonly stream: string; readonly protocol: ViewProtocol };
}

export interface LiveViewsOptions {
  readonly registry: Registry;
  readonly config: LiveViewsConfig;
  readonly meters: (stream: string) => ReadonlyMap<string, OutputMeter>;
  readonly log: Logger;
  /** µs UTC */
  readonly now: () => number;
}

export interface StartRequest {
  readonly stream?: string | undefined;
  readonly protocol?: ViewProtocol | undefined;
  /** Set for this detector. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Although the exposure is long. */
  readonly force?: boolean | undefined;
}

interface Started {
  readonly stream: Stream;
  readonly protocol: ViewProtocol;
  readonly since: number;
  readonly by: LiveView['by'];
  readonly hold: Disposable;
  /** Frames have come since it was started. */
  seen: boolean;
  /** Why it counts as failed. */
  failure: string | null;
}

/** A program that is gone for so long does not come back at once. */
const UNPLUGGED_MS = 2000;

/** Viewers of a protocol that come by another way than our own pages. */
const OTHER_OUTPUTS: Partial<Record<ViewProtocol, readonly string[]>> = { lossless: ['imswitch-binary'], jpeg: ['imswitch-jpeg'] };

/** States of a stream in which no frame can be expected. */
const DEAD: ReadonlySet<StreamState> = new Set(['failed', 'lost', 'stopped']);

export class LiveViews implements Disposable {
  readonly events: Emitter<LiveViewEvents>;
  readonly #options: LiveViewsOptions;
  readonly #params: ViewParams;
  readonly #exposures: Exposures;
  readonly #captures = new Map<string, CaptureFigures>();
  readonly #views: Started[] = [];
  /** The protocol that a stream was viewed by last. */
  readonly #usual = new Map<string, ViewProtocol>();
  readonly #off: (() => void)[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: LiveViewsOptions) {
    this.#options = options;
    const { registry, config, log } = options;
    this.events = new Emitter((error) => log.error({ error: String(error) }, 'a listener failed'));
    this.#params = new ViewParams(config.params);
    this.#exposures = new Exposures(parseDuration(config.longExposure, 'liveViews.longExposure'));
    this.#off.push(
      registry.events.on('added', ({ stream }) => this.#follow(stream)),
      registry.events.on('removed', ({ stream }) => this.#forget(stream)),
    );
  }

  get mode(): LiveViewsConfig['mode'] {
    return this.#options.config.mode;
  }

  /** Views whose source is there. */
  active(): LiveView[] {
    return this.all().filter(({ state }) => state !== 'failed');
  }

  /** All that were started and not stopped. */
  all(): LiveView[] {
    return this.#views.map((view) => this.#info(view));
  }

  /** Streams that can be viewed when none is named. */
  detectors(): Stream[] {
    return this.#options.registry.all().filter(({ config }) => config.detector);
  }

  /**
   * Starts a live view, or hands back the one that runs. Without a stream: the first active one, else the first detector. Throws
   * `unknown-stream`, `protocol-busy` (exclusive mode), `long-exposure`, `unknown-key` and `bad-value` (params), `conflict` (stopped by hand).
   */
  start(request: StartRequest): LiveView {
    return this.#start(request, 'request');
  }

  #start({ stream: name, protocol: asked, params, force = false }: StartRequest, by: LiveView['by']): LiveView {
    const stream = this.#choose(name);
    const protocol = asked ?? this.#usual.get(stream.name) ?? 'lossless';
    this.admit(stream, protocol);
    if (stream.stopped) {
      throw new SluiceError('conflict', `${stream.name} is stopped; POST /api/streams/${stream.name}/start lets it run again`);
    }
    if (!force) this.#refuseLong(stream);
    if (params) this.setParams(protocol, stream.name, params);
    this.#usual.set(stream.name, protocol);
    const known = this.#find(stream.name, protocol);
    if (known) return this.#info(known);
    const { now } = this.#options;
    const view: Started = { stream, protocol, since: now(), by, hold: stream.demand(), seen: stream.state === 'live', failure: null };
    this.#views.push(view);
    // A source that is gone for now is tried again: it says so when it fails again.
    const info = this.#info(view);
    this.events.emit('started', info);
    return info;
  }

  /** Stops views and says which. Without a stream those of the first active one. Throws `unknown-stream`, `not-running`. */
  stop({ stream: name, protocol }: { readonly stream?: string | undefined; readonly protocol?: ViewProtocol | undefined }): LiveView[] {
    if (name !== undefined) this.#options.registry.get(name);
    const fits = (view: Started) => protocol === undefined || view.protocol === protocol;
    const first = this.#views.find((view) => fits(view) && view.failure === null) ?? this.#views.find(fits);
    const stream = name ?? first?.stream.name;
    const ended = this.#views.filter((view) => view.stream.name === stream && fits(view));
    if (!ended.length) {
      const what = `${protocol ? `${protocol} ` : ''}live view`;
      const running = this.#views.map((view) => `${view.protocol} of ${view.stream.name}`).join(', ') || 'none';
      throw new SluiceError('not-running', `no ${what}${name ? ` of ${name}` : ''} runs; running: ${running}`, { received: name ?? null });
    }
    return ended.map((view) => this.#end(view, null));
  }

  #end(view: Started, reason: string | null): LiveView {
    const info = this.#info(view);
    this.#views.splice(this.#views.indexOf(view), 1);
    view.hold[Symbol.dispose]();
    this.events.emit('stopped', { stream: info.stream, protocol: info.protocol, reason });
    return info;
  }

  /** Refuses a viewer or a view of a second protocol in exclusive mode (`protocol-busy`). */
  admit(stream: Stream, protocol: ViewProtocol): void {
    if (this.mode === 'shared') return;
    const running = this.#views.find((view) => view.stream === stream && view.protocol !== protocol)?.protocol;
    // Who goes back in what is kept does so by HLS, whatever is live.
    const watched = VIEW_PROTOCOLS.find((other) => other !== protocol && other !== 'hls' && this.#viewers(stream.name, other) > 0);
    const busy = running ?? watched;
    if (!busy) return;
    const how = running ? 'a live view of it runs' : 'somebody watches it';
    throw new SluiceError(
      'protocol-busy',
      `${stream.name} is viewed by ${busy} (${how}), and liveViews.mode is exclusive: one protocol at a time; ${protocol} received`,
      { running: busy, received: protocol },
    );
  }

  /** Values for a protocol, and for one stream if it is named. Throws `unknown-stream`. */
  params(protocol: ViewProtocol, stream?: string): EffectiveParams {
    if (stream !== undefined) this.#options.registry.get(stream);
    return this.#params.effective(protocol, stream ?? null);
  }

  /** What viewers of a stream get, whether or not it is still there. */
  valuesOf(protocol: ViewProtocol, stream: string): ViewValues {
    return this.#params.effective(protocol, stream).values;
  }

  /**
   * Changes params of a protocol, or of one stream alone, at once; `null` takes a value back. Gives the streams whose values have changed.
   * Throws `unknown-stream`, `unknown-key`, `bad-value`.
   */
  setParams(protocol: ViewProtocol, stream: string | undefined, patch: Readonly<Record<string, unknown>>): string[] {
    const streams = stream === undefined ? this.#options.registry.all() : [this.#options.registry.get(stream)];
    const values = (name: string) => JSON.stringify(this.#params.effective(protocol, name).values);
    const before = new Map(streams.map(({ name }) => [name, values(name)]));
    this.#params.patch(protocol, stream ?? null, patch);
    const changed = streams.map(({ name }) => name).filter((name) => values(name) !== before.get(name));
    for (const name of changed) this.events.emit('params', { stream: name, protocol });
    return changed;
  }

  /** How long a stream exposes. Without a name: the first active one, else the first detector. */
  longExposure(stream?: string): LongExposure {
    return this.#exposures.of(this.#choose(stream));
  }

  /** Figures of each stage of the views' streams, or of one stream. Throws `unknown-stream`. */
  diagnostics(only?: string): StreamDiagnostics[] {
    const now = this.#options.now();
    const names =
      only === undefined ? new Set(this.#views.map(({ stream }) => stream.name)) : new Set([this.#options.registry.get(only).name]);
    return [...names].map((name) => {
      const stream = this.#options.registry.get(name);
      return {
        stream: name,
        state: stream.state,
        reason: stream.reason,
        frame: stream.lastFrame && { id: stream.lastFrame.id, timestamp: stream.lastFrame.timestamp },
        capture: { fps: stream.fps, ...this.#captureOf(name).figures(now) },
        encode: stream.renditions
          .filter(({ running }) => running)
          .map((rendition) => {
            const { key, fps, encodeMs, dropped, failed } = rendition.stats();
            return { key, fps, encodeMs, ageMs: rendition.ages, dropped, failed };
          }),
        send: [...this.#options.meters(name)]
          .filter(([, meter]) => meter.viewers > 0)
          .map(([output, meter]) => {
            const { viewers, skipped, inFlight, shownMs } = meter.stats;
            const { fps, mean, max } = meter.ages(now);
            return { output, viewers, fps, ageMs: { mean, max }, skipped, inFlight, shownMs };
          }),
      };
    });
  }

  #captureOf(stream: string): CaptureFigures {
    const known = this.#captures.get(stream) ?? new CaptureFigures();
    this.#captures.set(stream, known);
    return known;
  }

  #choose(name: string | undefined): Stream {
    const { registry } = this.#options;
    if (name !== undefined) return registry.get(name);
    const stream = this.#views.find(({ failure }) => failure === null)?.stream ?? this.detectors()[0];
    if (stream) return stream;
    throw new SluiceError('unknown-stream', 'there is no detector yet: no stream, or all of them have detector: false', {});
  }

  #refuseLong(stream: Stream): void {
    const { exposure, limit, long } = this.#exposures.of(stream);
    if (!long) return;
    const snap = `/live/${stream.name}/snapshot.tiff?new=1`;
    throw new SluiceError(
      'long-exposure',
      `${stream.name} exposes for ${exposure} ms, and live views are meant for at most ${limit} ms: take one picture with GET ${snap}, or start with force`,
      { exposure, limit, snap },
    );
  }

  #find(stream: string, protocol: ViewProtocol): Started | undefined {
    return this.#views.find((view) => view.stream.name === stream && view.protocol === protocol);
  }

  #viewers(stream: string, protocol: ViewProtocol): number {
    const meters = this.#options.meters(stream);
    return [REPORTED_OUTPUTS[protocol], ...(OTHER_OUTPUTS[protocol] ?? [])].reduce(
      (sum, name) => sum + (meters.get(name)?.viewers ?? 0),
      0,
    );
  }

  #info({ stream, protocol, since, by, failure, seen }: Started): LiveView {
    const waits = !seen && stream.state === 'waiting';
    const state = failure !== null ? 'failed' : stream.state === 'live' ? 'live' : waits ? 'waiting' : 'starting';
    const reason = failure ?? (waits ? stream.reason : null);
    return { stream: stream.name, protocol, since, state, reason, viewers: this.#viewers(stream.name, protocol), by };
  }

  // ---- what becomes of the sources

  #follow(stream: Stream): void {
    stream.events.on('state', ({ state, reason }) => this.#onState(stream, state, reason));
    stream.events.on('frame', ({ info, metadata }) => {
      this.#exposures.frame(stream.name, metadata);
      this.#captureOf(stream.name).frame(info);
      this.#onFrame(stream);
    });
    stream.events.on('acquisition', (acquisition) => this.#onAcquisition(stream, acquisition));
    stream.events.on('unplugged', () => this.#onUnplugged(stream));
  }

  #onState(stream: Stream, state: StreamState, reason: string | null): void {
    if (state === 'waiting') this.#exposures.forget(stream.name);
    for (const view of this.#views.filter((one) => one.stream === stream)) {
      if (DEAD.has(state) || (state === 'waiting' && view.seen)) this.#fail(view, reason ?? state);
    }
  }

  #fail(view: Started, reason: string): void {
    const { stream, protocol, failure } = view;
    view.failure = reason;
    if (failure === null) this.events.emit('failed', { stream: stream.name, protocol, reason });
  }

  /** Frames come: what had failed is back. */
  #onFrame(stream: Stream): void {
    for (const view of this.#views) {
      if (view.stream !== stream) continue;
      view.seen = true;
      if (view.failure === null) continue;
      view.failure = null;
      this.events.emit('started', this.#info(view));
    }
  }

  /** A program that pushed has gone. It may be back in a moment: connections break. */
  #onUnplugged(stream: Stream): void {
    const last = stream.lastFrame?.id;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (stream.input.publisher || stream.lastFrame?.id !== last) return;
      for (const view of this.#views) if (view.stream === stream && view.seen) this.#fail(view, 'its program has gone');
    }, UNPLUGGED_MS);
    timer.unref();
    this.#timers.add(timer);
  }

  #onAcquisition(stream: Stream, { on, exposure }: Acquisition): void {
    this.#exposures.tell(stream.name, exposure);
    const running = this.#views.filter((view) => view.stream === stream);
    if (!on) {
      for (const view of running) this.#end(view, 'its source has ended acquisition');
      return;
    }
    // Whatever protocol it is viewed by already: that is its live view.
    if (running.length) return;
    try {
      this.#start({ stream: stream.name }, 'source');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.warn({ stream: stream.name, reason }, 'acquisition was announced, and no live view could be started');
      this.events.emit('failed', { stream: stream.name, protocol: this.#usual.get(stream.name) ?? 'lossless', reason });
    }
  }

  #forget(stream: Stream): void {
    for (const view of this.#views.filter((one) => one.stream === stream)) this.#end(view, 'the stream was removed');
    this.#params.forget(stream.name);
    this.#exposures.forget(stream.name);
    this.#captures.delete(stream.name);
    this.#usual.delete(stream.name);
  }

  [Symbol.dispose](): void {
    for (const off of this.#off.splice(0)) off();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const view of this.#views.splice(0)) view.hold[Symbol.dispose]();
  }
}
