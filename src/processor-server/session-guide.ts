// What decides for the processor of a running stream which frames it gets, how many may wait, and what is shown while it gives none.
import type { FrameInfo } from '../core/frame.ts';
import type { GuideWords, StageGuide } from '../pipeline/chain/guide.ts';
import { FpsMeter } from './fps-meter.ts';
import { FrameSkipper, RateLimit } from './frame-skipper.ts';
import { OverlayControl } from './overlay-control.ts';
import type { StreamProcessorSettings } from './settings.ts';
import type { Ticker } from './ticker.ts';

/** A subscriber is given the segment at hand from its first byte: so many frames may wait until that is worked off. */
const JOIN_FRAMES = 64;
/** So long that may take, ms. */
const JOIN_MS = 3000;
/** Frames that may wait for the encoder before others wait in front of the processor. */
const ENCODER_FRAMES = 6;

export interface SessionGuideOptions {
  readonly settings: Pick<StreamProcessorSettings, 'frameSkip' | 'overlay'>;
  readonly ticker: Ticker;
  /** Frames per second at most; `null` = all. */
  readonly maxFramerate: number | null;
  /** Time of a frame in its medium, s. */
  readonly timeOf: (info: FrameInfo) => number;
  /** Frames that wait for the encoder. */
  readonly encoderQueue: () => number;
}

export class SessionGuide implements StageGuide {
  readonly #options: SessionGuideOptions;
  readonly ingress: FpsMeter;
  readonly overlay: OverlayControl;
  readonly #skipper: FrameSkipper;
  readonly #rate: RateLimit;
  /** Frames per second by the times of the medium: what comes in a burst at first is no faster source. */
  #medium: FpsMeter;
  /** Newest frame in its medium, ms. */
  #mediumNow = 0;
  #began: number | null = null;
  /** No further frame is taken: what is on its way goes out. */
  ending = false;

  constructor(options: SessionGuideOptions) {
    this.#options = options;
    const { ticker, settings, maxFramerate } = options;
    const now = () => ticker.now();
    this.ingress = new FpsMeter(now);
    this.#medium = this.#mediumMeter();
    this.overlay = new OverlayControl(settings.overlay, now);
    const { targetFps, adaptationCooldown } = settings.frameSkip;
    this.#skipper = new FrameSkipper(targetFps, () => this.#medium.fps, now, adaptationCooldown * 1000);
    this.#rate = new RateLimit(maxFramerate);
  }

  set maxFramerate(fps: number | null) {
    this.#rate.max = fps;
  }

  set targetFps(fps: number | null) {
    this.#skipper.target = fps;
  }

  get limit(): number {
    const { maxQueueSize } = this.#options.settings.frameSkip;
    const joining = this.#began === null || this.#options.ticker.now() - this.#began < JOIN_MS;
    return joining ? Math.max(JOIN_FRAMES, maxQueueSize) : maxQueueSize;
  }

  get room(): boolean {
    return this.#options.encoderQueue() < ENCODER_FRAMES;
  }

  get holds(): boolean {
    return this.overlay.holds;
  }

  get words(): GuideWords {
    return { message: this.overlay.message, share: this.overlay.progress };
  }

  takes(info: FrameInfo): boolean {
    this.#began ??= this.#options.ticker.now();
    const time = this.#options.timeOf(info);
    if (this.ending || !this.#rate.takes(time)) return false;
    this.ingress.add();
    // The clock of the medium was set.
    if (time * 1000 < this.#mediumNow) this.#medium = this.#mediumMeter();
    this.#mediumNow = time * 1000;
    this.#medium.add();
    return this.#skipper.takes();
  }

  #mediumMeter(): FpsMeter {
    return new FpsMeter(() => this.#mediumNow);
  }

  shown(made: boolean): 'answer' | 'original' | 'loading' | 'nothing' {
    return this.overlay.shown(made);
  }
}
