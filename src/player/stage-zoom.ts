// Zoom and pan of the stage by wheel, pointer and keys.
import { follow } from './drag.ts';
import type { Stage } from './stage.ts';
import { type Placement, panBy, WHOLE, zoomAt } from './zoom.ts';

export interface StageZoomOptions {
  readonly host: HTMLElement;
  readonly stage: Stage;
  /** It lies otherwise now; `own`: somebody did it here. */
  readonly changed: (own: boolean) => void;
}

export class StageZoom {
  readonly #options: StageZoomOptions;
  readonly #abort = new AbortController();
  #place: Placement = WHOLE;

  constructor(options: StageZoomOptions) {
    this.#options = options;
    const { element } = options.stage;
    const { signal } = this.#abort;
    element.addEventListener('wheel', (event) => this.#onWheel(event), { signal, passive: false });
    element.addEventListener('pointerdown', (event) => this.#onDown(event), { signal });
  }

  close(): void {
    this.#abort.abort();
    this.#put(WHOLE, false);
  }

  get placement(): Placement {
    return this.#place;
  }

  /** How it lies in parts of its box, for players of other sizes. */
  get relative(): Placement {
    const { width, height } = this.#box();
    const { scale, x, y } = this.#place;
    return { scale, x: width ? x / width : 0, y: height ? y / height : 0 };
  }

  /** Lies as `relative` says, without telling that somebody did it. */
  putRelative({ scale, x, y }: Placement): void {
    const box = this.#box();
    // Through `panBy`, so that nothing lies outside whatever is asked for.
    this.#put(panBy({ scale, x: x * box.width, y: y * box.height }, 0, 0, box), false);
  }

  /** Magnifies around the middle of the box; 0 = shows the whole picture. */
  zoomBy(factor: number): void {
    const box = this.#box();
    this.#put(factor === 0 ? WHOLE : zoomAt(this.#place, this.#place.scale * factor, box.width / 2, box.height / 2, box), true);
  }

  /** One pixel of the picture takes one of the screen, around the middle. */
  zoomToPixels(): void {
    const size = this.#options.stage.size();
    if (!size) return;
    const box = this.#box();
    const fitted = Math.min(box.width / size.width, box.height / size.height);
    this.#put(zoomAt(this.#place, 1 / devicePixelRatio / fitted, box.width / 2, box.height / 2, box), true);
  }

  /** Moved by parts of the box: 0.1 is a tenth of its width or height. */
  panBy(dx: number, dy: number): void {
    const box = this.#box();
    this.#put(panBy(this.#place, dx * box.width, dy * box.height, box), true);
  }

  #box(): DOMRect {
    return this.#options.host.getBoundingClientRect();
  }

  #put(place: Placement, own: boolean): void {
    this.#place = place;
    const { style } = this.#options.stage.element;
    style.transformOrigin = '0 0';
    style.transform = place.scale === 1 ? '' : `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
    // Lines over the picture keep their width.
    style.setProperty('--_zoom', String(place.scale));
    this.#options.changed(own);
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    const box = this.#box();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const factor = Math.exp(-Math.min(300, Math.max(-300, event.deltaY * lines)) / 400);
    this.#put(zoomAt(this.#place, this.#place.scale * factor, event.clientX - box.left, event.clientY - box.top, box), true);
  }

  /** Dragging moves a magnified picture. */
  #onDown(event: PointerEvent): void {
    if (event.button !== 0 || event.shiftKey || this.#place.scale === 1) return;
    const start = this.#place;
    follow(this.#options.stage.element, event, (dx, dy) => this.#put(panBy(start, dx, dy, this.#box()), true));
  }
}
