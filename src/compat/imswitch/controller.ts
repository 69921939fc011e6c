// ImSwitch's LiveViewController in its own words, on the live views of detectors. A detector is viewed by one protocol at a time, as its clients
// expect; that holds for views that were started here.
import type { LiveView } from '../../api/live-views.ts';
import { SluiceError } from '../../core/errors.ts';
import type { LiveViews } from '../../outputs/live-views/live-views.ts';
import type { Registry } from '../../pipeline/registry.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { type ImswitchProtocol, PROTOCOLS, protocolName, VIEW_OF } from './names.ts';
import { type ImswitchParams, readParams, type StreamParams } from './params.ts';

/** An answer: always status 200 there, and `status` says how it went. */
export type Answer = Readonly<Record<string, unknown>>;

/** A live view that ImSwitch's clients can see. */
interface View {
  readonly detector: string;
  readonly protocol: ImswitchProtocol;
}

export interface ControllerOptions {
  readonly registry: Registry;
  readonly liveViews: LiveViews;
  readonly params: ImswitchParams;
}

export class Controller {
  readonly #registry: Registry;
  readonly #views: LiveViews;
  readonly #params: ImswitchParams;

  constructor({ registry, liveViews, params }: ControllerOptions) {
    this.#registry = registry;
    this.#views = liveViews;
    this.#params = params;
  }

  /** The named one, else the first. Throws `unknown-stream`. */
  detector(name: string | null): Stream {
    if (name) return this.#registry.get(name);
    const first = this.#views.detectors()[0];
    if (first) return first;
    throw new SluiceError('unknown-stream', 'there is no detector yet', {});
  }

  /** For a viewer: the named one, else the first that is viewed in its protocol, else the first. */
  viewed(name: string | null, protocol: ImswitchProtocol): Stream {
    return this.detector(name ?? this.#running.find((view) => view.protocol === protocol)?.detector ?? null);
  }

  /** Reads a protocol's name. Throws `bad-value`. */
  protocol(name: string | null): ImswitchProtocol {
    const known = PROTOCOLS.find((protocol) => protocol === (name ?? 'jpeg'));
    if (known) return known;
    throw new SluiceError('bad-value', `Unknown protocol: ${name?.slice(0, 40)}; allowed are ${PROTOCOLS.join(', ')}`, {
      field: 'protocol',
      received: name,
      allowed: PROTOCOLS,
    });
  }

  get #running(): View[] {
    return this.#views.active().flatMap((view: LiveView) => {
      const protocol = protocolName(view.protocol);
      return protocol ? [{ detector: view.stream, protocol }] : [];
    });
  }

  /** What a detector is viewed by; `null` = nothing. */
  running(detector: string): ImswitchProtocol | null {
    return this.#running.find((view) => view.detector === detector)?.protocol ?? null;
  }

  start(name: string | null, wanted: string | null, params: unknown, force: boolean): Answer {
    const protocol = this.protocol(wanted);
    const stream = this.detector(name);
    const detector = stream.name;
    const change = readParams(params);
    const long = this.#views.longExposure(detector);
    if (long.long && !force) {
      const message = `Exposure is ${long.exposure} ms (> ${long.limit} ms). Live streaming is disabled at this exposure: use Snap to capture single frames, or pass force=true to stream anyway.`;
      return { status: 'long_exposure', detector, protocol, exposureMs: long.exposure, thresholdMs: long.limit, message };
    }
    const running = this.running(detector);
    if (running) {
      const message = `Stream already active for ${detector} with protocol ${running}. Stop it first.`;
      return { status: 'already_running', detector, protocol: running, message };
    }
    // What has failed does not stand in the way of something else.
    for (const view of this.#views.all()) if (view.stream === detector && protocolName(view.protocol)) this.#views.stop(view);
    const effective = this.#params.start(protocol, detector, change);
    if (protocol === 'webrtc') this.#setVideo(stream, effective);
    this.#views.start({ stream: detector, protocol: VIEW_OF[protocol], force });
    return { status: 'success', detector, protocol, params: effective };
  }

  stop(name: string | null): Answer {
    const running = this.#running;
    const view = name ? running.find(({ detector }) => detector === name) : running[0];
    if (!view) {
      if (!name) return { status: 'not_running', message: 'No active streams to stop' };
      return { status: 'not_running', detector: name, message: `No active stream for detector ${name.slice(0, 64)}` };
    }
    this.#views.stop({ stream: view.detector, protocol: VIEW_OF[view.protocol] });
    return { status: 'success', detector: view.detector, protocol: view.protocol };
  }

  active(): boolean {
    return this.#running.length > 0;
  }

  activeStreams(): Answer {
    return { status: 'success', active_streams: this.#running };
  }

  setParameters(name: string | null, params: unknown): Answer {
    const protocol = this.protocol(name);
    const viewed = this.#running.filter((view) => view.protocol === protocol).map(({ detector }) => detector);
    const next = this.#params.setProtocol(protocol, readParams(params), viewed);
    if (protocol === 'webrtc') {
      for (const detector of viewed) this.#setVideo(this.#registry.get(detector), this.#params.effective(protocol, detector));
    }
    const answer = { status: 'success', protocol, params: next };
    if (!viewed.length) return { ...answer, message: 'Parameters updated (no active streams)' };
    const message = `Parameters updated live on ${viewed.length} stream(s); no restart required.`;
    return { ...answer, updated_detectors: viewed, message };
  }

  setDetectorParameters(name: string | null, params: unknown): Answer {
    const stream = this.detector(name);
    const running = this.running(stream.name);
    const next = this.#params.setDetector(stream.name, readParams(params), running);
    if (next.protocol === 'webrtc') this.#setVideo(stream, next);
    const answer = { status: 'success', detector: stream.name, params: next, restarted: false };
    return running ? { ...answer, updated_live: true } : answer;
  }

  parameters(name: string | null, detector: string | null): Answer {
    const running = this.#running;
    const viewed = (protocol: ImswitchProtocol) => running.filter((view) => view.protocol === protocol).map((view) => view.detector);
    const figures = (protocol: ImswitchProtocol) => ({ active_detectors: viewed(protocol), is_active: viewed(protocol).length > 0 });
    if (name) {
      const protocol = this.protocol(name);
      return { status: 'success', protocol, params: this.#params.ofProtocol(protocol), ...figures(protocol) };
    }
    return {
      status: 'success',
      current_active_protocols: Object.fromEntries(running.map((view) => [view.detector, view.protocol])),
      current_protocol: (running.find((view) => view.detector === detector) ?? running[0])?.protocol ?? null,
      total_active_streams: running.length,
      protocols: Object.fromEntries(
        PROTOCOLS.map((protocol) => [protocol, { ...this.#params.ofProtocol(protocol), ...figures(protocol) }]),
      ),
      per_detector: Object.fromEntries(this.#params.detectors),
    };
  }

  currentProtocol(name: string | null): Answer {
    const detector = name ? this.detector(name).name : (this.#running[0]?.detector ?? this.detector(null).name);
    const protocol = this.running(detector);
    const answer = { status: 'success', detector, protocol, is_streaming: protocol !== null };
    // What holds for this detector, not what holds for others of this protocol.
    if (protocol) return { ...answer, params: this.#params.effective(protocol, detector) };
    return { ...answer, message: `No active stream for detector ${detector}` };
  }

  status(): Answer {
    const detectors = this.#views.detectors().map(({ name }) => {
      const protocol = this.running(name);
      const params = protocol ? this.#params.effective(protocol, name) : {};
      return [name, { is_streaming: protocol !== null, protocol, params }];
    });
    return {
      status: 'success',
      total_detectors: detectors.length,
      active_streams: this.#running.length,
      detectors: Object.fromEntries(detectors),
      available_protocols: PROTOCOLS,
    };
  }

  diagnostics(name: string | null): Answer {
    const names = name ? [this.detector(name).name] : [...new Set(this.#running.map(({ detector }) => detector))];
    if (!names.length) names.push(...this.#views.detectors().map((stream) => stream.name));
    return Object.fromEntries(names.map((detector) => [detector, this.#diagnosticsOf(detector)]));
  }

  #diagnosticsOf(detector: string): Answer {
    const stream = this.#registry.get(detector);
    const [stages] = this.#views.diagnostics(detector);
    const protocol = this.running(detector);
    const { lastFrame } = stream;
    const camera = { fps: stream.fps, latest_frame_age_ms: lastFrame ? (stream.clock.now() - lastFrame.timestamp) / 1000 : null };
    const answer = { camera, stages };
    if (!protocol) return answer;
    const codec = { binary: 'uc2f', jpeg: 'jpeg', mjpeg: 'jpeg', webrtc: 'h264' }[protocol];
    const [rendition] = stream.renditions.filter((one) => one.running && one.settings.codec === codec).map((one) => one.stats());
    if (!rendition) return { ...answer, protocol };
    // Medians and 95th percentiles: one bad moment after the start does not stay for ever.
    const { encoded, encodeMs, fps } = rendition;
    return {
      ...answer,
      protocol,
      worker: { frames_emitted: encoded, emit_ms_avg: encodeMs.p50 ?? 0, emit_ms_max: encodeMs.p95 ?? 0, fps_emit: fps },
    };
  }

  longExposure(name: string | null): Answer {
    const { stream, exposure, limit, long } = this.#views.longExposure(this.detector(name).name);
    return { detector: stream, exposureMs: exposure ?? 0, thresholdMs: limit, isLongExposure: long };
  }

  /** Stops every live view if this detector exposes for too long, as there. */
  stopForLongExposure(name: string | null): Answer {
    const info = this.longExposure(name);
    if (!info.isLongExposure) return { ...info, stopped: false };
    const stopped = this.#running.map(({ detector }) => {
      this.stop(detector);
      return detector;
    });
    return { ...info, stopped: stopped.length > 0, stoppedDetectors: stopped };
  }

  /** Video has its size and rate from the live view's own params, which all its viewers share. */
  #setVideo(stream: Stream, params: StreamParams): void {
    const widest = stream.lastFrame ? Math.ceil(stream.lastFrame.width / params.subsampling_factor) : Number.POSITIVE_INFINITY;
    const width = Math.min(params.max_width || Number.POSITIVE_INFINITY, widest);
    this.#views.setParams('webrtc', stream.name, {
      width: Number.isFinite(width) ? Math.max(16, Math.min(8192, width)) : null,
      fps: params.throttle_ms ? Math.min(240, 1000 / params.throttle_ms) : null,
    });
  }
}
