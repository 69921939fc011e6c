// What a picture with all its values offers beyond looking at it: zoom and pan, levels, values under the pointer, a scale bar. The settings
// are kept for each stream.
import type { ToneWindow } from '../core/view.ts';
import type { DeepCanvas } from './deep-canvas.ts';
import { make } from './dom.ts';
import { keepLook, keptLook } from './kept-look.ts';
import { LevelPanel } from './level-panel.ts';
import type { PicturePoint, Stage } from './stage.ts';
import { lengthName, type Placement, panBy, scaleBar, WHOLE, zoomAt } from './zoom.ts';

const UPDATE_MS = 250;
/** Room for the scale bar, CSS pixels. */
const BAR_PX = 130;

export interface DeepViewOptions {
  readonly host: HTMLElement;
  readonly stage: Stage;
  readonly deep: DeepCanvas;
  /** Name of the stream, under which settings are kept. */
  readonly stream: string;
  /** µm; `null` = not known. */
  readonly pixelSize: () => number | null;
  readonly pointAt: (clientX: number, clientY: number) => PicturePoint | null;
}

export class DeepView {
  readonly #options: DeepViewOptions;
  readonly #panel: LevelPanel;
  readonly #bar = make('div', { class: 'scale-bar', part: 'scale-bar' });
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #place: Placement = WHOLE;
  #pointer: { x: number; y: number } | null = null;

  constructor(options: DeepViewOptions) {
    this.#options = options;
    const { host, stage, deep } = options;
    deep.replaced = (canvas) => stage.show(canvas);
    this.#panel = new LevelPanel(deep, () => this.#keep());
    const kept = keptLook(options.stream);
    deep.settings = kept.look;
    this.#panel.element.hidden = !kept.open;
    host.shadowRoot?.append(this.#panel.element, this.#bar);
    const { signal } = this.#abort;
    const { element } = stage;
    element.addEventListener('wheel', (event) => this.#onWheel(event), { signal, passive: false });
    element.addEventListener('pointerdown', (event) => this.#onDown(event), { signal });
    element.addEventListener('pointermove', (event) => this.#onMove(event), { signal });
    element.addEventListener('pointerleave', () => this.#onMove(null), { signal });
    this.#timer = setInterval(() => this.#update(), UPDATE_MS);
    this.#update();
  }

  close(): void {
    this.#abort.abort();
    this.#options.deep.replaced = () => {};
    clearInterval(this.#timer);
    this.#panel.element.remove();
    this.#bar.remove();
    this.#put(WHOLE);
  }

  /** Shows or hides the levels; tells whether they are shown now. */
  toggle(): boolean {
    this.#panel.element.hidden = !this.#panel.element.hidden;
    this.#panel.update();
    this.#keep();
    return !this.#panel.element.hidden;
  }

  get placement(): Placement {
    return this.#place;
  }

  /** Magnifies around the middle of the box; 0 = shows the whole picture. */
  zoomBy(factor: number): void {
    const box = this.#box();
    this.#put(factor === 0 ? WHOLE : zoomAt(this.#place, this.#place.scale * factor, box.width / 2, box.height / 2, box));
  }

  /** One pixel of the picture takes one of the screen, around the middle. */
  zoomToPixels(): void {
    const size = this.#options.stage.size();
    if (!size) return;
    const box = this.#box();
    const fitted = Math.min(box.width / size.width, box.height / size.height);
    this.#put(zoomAt(this.#place, 1 / devicePixelRatio / fitted, box.width / 2, box.height / 2, box));
  }

  panBy(dx: number, dy: number): void {
    this.#put(panBy(this.#place, dx, dy, this.#box()));
  }

  #box(): DOMRect {
    return this.#options.host.getBoundingClientRect();
  }

  #put(place: Placement): void {
    this.#place = place;
    const { style } = this.#options.stage.element;
    style.transformOrigin = '0 0';
    style.transform = place === WHOLE || place.scale === 1 ? '' : `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
    this.#update();
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    const box = this.#box();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const factor = Math.exp(-Math.min(300, Math.max(-300, event.deltaY * lines)) / 400);
    this.#put(zoomAt(this.#place, this.#place.scale * factor, event.clientX - box.left, event.clientY - box.top, box));
    this.#readOut();
  }

  /** Dragging moves a magnified picture; with Shift it changes the window: sideways its width, up and down its level. */
  #onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    const { deep, stage } = this.#options;
    const window = event.shiftKey ? deep.window : null;
    if (!window && this.#place.scale === 1) return;
    const start = { x: event.clientX, y: event.clientY, place: this.#place };
    let dragged = false;
    const abort = new AbortController();
    const { element } = stage;
    element.setPointerCapture(event.pointerId);
    element.addEventListener(
      'pointermove',
      (move) => {
        const [dx, dy] = [move.clientX - start.x, move.clientY - start.y];
        if (!dragged && Math.hypot(dx, dy) < 4) return;
        dragged = true;
        if (window) this.#turn(window, dx, dy);
        else this.#put(panBy(start.place, dx, dy, this.#box()));
      },
      { signal: abort.signal },
    );
    const end = () => {
      abort.abort();
      // The click at the end of a drag is none.
      if (dragged) element.addEventListener('click', (click) => click.stopImmediatePropagation(), { capture: true, once: true });
    };
    for (const name of ['pointerup', 'pointercancel'] as const) element.addEventListener(name, end, { signal: abort.signal });
  }

  /** The window from which a drag began, changed by its way. */
  #turn({ low, high }: ToneWindow, dx: number, dy: number): void {
    const { deep } = this.#options;
    const width = (high - low) * Math.exp(dx / 200);
    const middle = (low + high) / 2 + ((high - low) * dy) / 300;
    deep.settings = { ...deep.settings, window: { low: middle - width / 2, high: middle + width / 2 } };
    this.#panel.update();
    this.#keep();
  }

  #onMove(event: PointerEvent | null): void {
    this.#pointer = event && { x: event.clientX, y: event.clientY };
    this.#readOut();
  }

  #readOut(): void {
    const { deep, pointAt } = this.#options;
    const point = this.#pointer && pointAt(this.#pointer.x, this.#pointer.y);
    const values = point && deep.valuesAt(point.x, point.y);
    this.#panel.show(point && values ? `x ${point.x}, y ${point.y}: ${values.join(', ')}` : '');
  }

  #update(): void {
    this.#panel.update();
    this.#readOut();
    const { stage, pixelSize } = this.#options;
    const size = stage.size();
    const micrometres = pixelSize();
    this.#bar.hidden = !size || !micrometres;
    if (size) {
      const box = this.#box();
      const css = Math.min(box.width / size.width, box.height / size.height) * this.#place.scale;
      // Single pixels stay squares.
      stage.element.classList.toggle('pixels', css * devicePixelRatio >= 2);
      if (micrometres && css > 0) {
        const { micrometres: length, width } = scaleBar(micrometres, css, BAR_PX);
        this.#bar.textContent = lengthName(length);
        this.#bar.style.width = `${width}px`;
      }
    }
  }

  #keep(): void {
    keepLook(this.#options.stream, { look: this.#options.deep.settings, open: !this.#panel.element.hidden });
  }
}
