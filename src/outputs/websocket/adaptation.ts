// The settings of one viewer of pictures: what it wants, and below that what its way carries.
import type { LosslessRequest } from '../../api/schema.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { DEFAULT_QUALITY, given } from '../picture-query.ts';
import { FpsRate } from './fps-rate.ts';
import { JpegRate, type WayState } from './jpeg-rate.ts';

export interface PictureSettings {
  readonly quality?: number | undefined;
  readonly width?: number | null | undefined;
  readonly fps?: number | null | undefined;
  /** Who chooses below these: `off` nobody, `auto` the rule of jpeg-rate.ts, `fps` that of fps-rate.ts. */
  readonly adapt?: 'off' | 'auto' | 'fps' | undefined;
  /** Of lossless pictures. */
  readonly lossless?: LosslessRequest | undefined;
}

/** Width of a picture of unknown size. */
const USUAL_WIDTH = 1280;

export class Adaptation {
  readonly #stream: Stream;
  /** What the viewer says itself. */
  #own: PictureSettings;
  readonly #base: () => PictureSettings;
  #wanted: PictureSettings;
  #rate: JpegRate | FpsRate | null = null;
  #acks = false;
  /** What the viewer gets now. */
  settings: PictureSettings;

  /** @param base what holds where the viewer says nothing itself */
  constructor(stream: Stream, own: PictureSettings, base: () => PictureSettings = () => ({})) {
    this.#stream = stream;
    this.#own = own;
    this.#base = base;
    this.#wanted = this.#merge();
    this.settings = this.#begin();
  }

  #merge(): PictureSettings {
    const base = this.#base();
    const lossless = this.#own.lossless && { ...base.lossless, ...given(this.#own.lossless) };
    return { ...base, ...given(this.#own), lossless };
  }

  /** What holds where the viewer says nothing has changed; `true` = that matters to it. */
  rebase(): boolean {
    const wanted = this.#merge();
    if (JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return false;
    this.#wanted = wanted;
    this.settings = this.#begin();
    return true;
  }

  /** Takes over what the viewer says; `null` takes width or fps back. */
  change(change: {
    readonly quality?: number | undefined;
    readonly width?: number | null | undefined;
    readonly fps?: number | null | undefined;
    readonly adapt?: PictureSettings['adapt'];
    readonly lossless?: PictureSettings['lossless'];
  }): void {
    const { quality, width, fps, adapt, lossless } = this.#own;
    this.#own = {
      quality: change.quality ?? quality,
      width: change.width === null ? undefined : (change.width ?? width),
      fps: change.fps === null ? undefined : (change.fps ?? fps),
      adapt: change.adapt ?? adapt,
      lossless: lossless && { ...lossless, ...given(change.lossless ?? {}) },
    };
    this.#wanted = this.#merge();
    this.settings = this.#begin();
  }

  sent(id: number, bytes: number): void {
    this.#rate?.sent(id, bytes, performance.now());
  }

  acked(id: number): void {
    this.#acks = true;
    this.#rate?.acked(id, performance.now());
  }

  /** Whether somebody chooses for the viewer. */
  get active(): boolean {
    return this.#rate !== null;
  }

  /** Pictures that may be on their way at once; `null` = as usual. */
  get flying(): number | null {
    return this.#rate && (this.#acks ? this.#rate.flying(this.#stream.fps) : 1);
  }

  /** Looks at the way; `true` = the settings have changed. Without acknowledgements nothing is known, and they stay. */
  update(way: WayState): boolean {
    if (!this.#rate || !this.#acks) return false;
    this.#rate.update(performance.now(), way);
    const next = this.#choose(this.#rate);
    const { quality, width, fps } = this.settings;
    if (next.quality === quality && next.width === width && next.fps === fps) return false;
    this.settings = next;
    return true;
  }

  #begin(): PictureSettings {
    const { quality = DEFAULT_QUALITY, adapt = 'off' } = this.#wanted;
    this.#rate = adapt === 'off' ? null : adapt === 'auto' ? new JpegRate(quality) : new FpsRate(quality);
    return this.#rate ? this.#choose(this.#rate) : this.#wanted;
  }

  #choose(rate: JpegRate | FpsRate): PictureSettings {
    const { quality = DEFAULT_QUALITY, width, fps, adapt } = this.#wanted;
    const { step } = rate;
    const full = Math.min(width ?? Number.POSITIVE_INFINITY, this.#stream.lastFrame?.width ?? USUAL_WIDTH);
    return {
      quality: Math.min(quality, step.quality),
      // In steps of 16, so that viewers share encoders.
      width: step.scale < 1 ? Math.max(64, Math.round((full * step.scale) / 16) * 16) : width,
      fps: step.fps === null ? fps : Math.min(step.fps, fps ?? step.fps),
      adapt,
    };
  }
}
