// Gives the player's present picture its view of levels, zoom and values, if it has all its values; and zoom and cursor to any picture of a
// linked player. Loaded only then. The zoom outlives a lost connection and a way back in time: whoever looks at a detail goes on looking.
import type { DeepCanvas } from './deep-canvas.ts';
import type { DeepView, DeepViewOptions } from './deep-view.ts';
import type { Link, readLink } from './link-group.ts';
import type { PictureLayer } from './picture-layer.ts';
import type { FrameEvent } from './player-types.ts';
import type { StageZoom } from './stage-zoom.ts';

type Parts = typeof import('./deep-view.ts');

export interface DeepSeatOptions extends Omit<DeepViewOptions, 'deep' | 'zoom' | 'layer' | 'link' | 'measured'> {
  /** Goes to the frame of this capture time (µs), paused; `null`: to the live edge. */
  readonly goTo: (timestamp: number | null) => Promise<void>;
}

export class DeepSeat {
  readonly #options: DeepSeatOptions;
  #parts: Parts | null = null;
  #deep: DeepCanvas | null = null;
  #view: DeepView | null = null;
  #zoom: StageZoom | null = null;
  #layer: PictureLayer | null = null;
  /** Line and region of the picture before. */
  #measured: DeepViewOptions['measured'] = null;
  #abort = new AbortController();
  /** Rises with each reset: what is still being loaded then is for nobody. */
  #resets = 0;
  #wanted: ReturnType<typeof readLink> = null;
  #link: Link | null = null;
  #moment: number | null = null;
  /** It goes where another one of its group has gone. */
  #led = 0;

  constructor(options: DeepSeatOptions) {
    this.#options = options;
  }

  /** The view of the present picture; `null` where there is none, or not yet. */
  get view(): DeepView | null {
    return this.#view;
  }

  /** `null` where the picture can neither be measured nor is linked. */
  get zoom(): StageZoom | null {
    return this.#zoom;
  }

  /** The picture may be another one now. */
  async follow(deep: DeepCanvas | null): Promise<void> {
    if (deep === this.#deep) return;
    this.#deep = deep;
    this.#measured = this.#view?.measured ?? this.#measured;
    this.#view?.close();
    this.#view = null;
    if (!deep) return;
    await this.#open();
    if (this.#deep !== deep || !this.#parts || this.#view) return;
    this.#view = new this.#parts.DeepView({
      ...this.#options,
      deep,
      zoom: this.#zoom!,
      layer: this.#layer!,
      link: () => this.#link,
      measured: this.#measured,
    });
    if (this.#link?.look) this.#view.look = this.#link.look;
  }

  /** Joins a group, or leaves it. */
  async join(wanted: ReturnType<typeof readLink>): Promise<void> {
    this.#wanted = wanted;
    this.#link?.leave();
    this.#link = null;
    if (!wanted) return;
    await this.#open();
    if (this.#wanted !== wanted || !this.#parts) return;
    this.#link = new this.#parts.Link(wanted.name, {
      place: (place) => this.#zoom?.putRelative(place),
      cursor: (cursor) => {
        this.#layer?.showCursor(cursor);
        this.#view?.pointFromElsewhere(cursor);
      },
      moment: (timestamp) => {
        this.#led++;
        void this.#options.goTo(timestamp).finally(() => setTimeout(() => this.#led--, 300));
      },
      ...(wanted.levels && {
        look: (look) => {
          if (this.#view) this.#view.look = look;
        },
      }),
    });
  }

  /** A picture is on the screen. */
  shown(frame: FrameEvent): void {
    this.#view?.shown(frame);
    this.#layer?.fit();
  }

  /** The player stands at a frame (µs), or is live (`null`): so do those that are linked to it. */
  paused(timestamp: number | null): void {
    if (timestamp === this.#moment) return;
    this.#moment = timestamp;
    // Being led ends in a moment, never in going on.
    if (this.#led === 0 || timestamp === null) this.#link?.tellMoment(timestamp);
  }

  /** The others go to this moment (µs), even if it was one of them that began. */
  lead(timestamp: number): void {
    this.#moment = timestamp;
    this.#link?.tellMoment(timestamp);
  }

  /** Of another stream, or none: nothing stays. */
  reset(): void {
    this.#resets++;
    void this.follow(null);
    this.#moment = null;
    this.#measured = null;
    this.#wanted = null;
    this.#abort.abort();
    this.#link?.leave();
    this.#link = null;
    this.#zoom?.close();
    this.#layer?.close();
    this.#zoom = null;
    this.#layer = null;
  }

  async #open(): Promise<void> {
    const resets = this.#resets;
    this.#parts = await import('./deep-view.ts');
    if (this.#zoom || resets !== this.#resets) return;
    const { host, stage } = this.#options;
    this.#layer = new this.#parts.PictureLayer(this.#options);
    this.#zoom = new this.#parts.StageZoom({
      host,
      stage,
      changed: (own) => {
        this.#view?.placed();
        if (own && this.#zoom) this.#link?.tellPlace(this.#zoom.relative);
      },
    });
    const { element } = stage;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const point = (event: PointerEvent | null) => {
      if (!this.#link) return;
      const size = stage.size();
      const at = event && size && this.#options.pointAt(event.clientX, event.clientY);
      this.#layer?.showCursor(null);
      this.#link.tellCursor(at && size ? { x: (at.x + 0.5) / size.width, y: (at.y + 0.5) / size.height } : null);
    };
    element.addEventListener('pointermove', (event) => point(event), { signal });
    element.addEventListener('pointerleave', () => point(null), { signal });
  }
}
