// A line and a rectangle over the picture, moved by pointer and keys.
import { follow } from './drag.ts';
import { type PictureLayer, shape } from './picture-layer.ts';
import { type Line, lineWithin, type Rect, rectWithin } from './probe.ts';
import type { PicturePoint, Stage } from './stage.ts';

export interface ProbeShapesOptions {
  readonly stage: Stage;
  readonly layer: PictureLayer;
  readonly pointAt: (clientX: number, clientY: number) => PicturePoint | null;
  readonly changed: () => void;
}

export interface Measured {
  readonly line: Line | null;
  readonly rect: Rect | null;
}

const KEYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A dot of the same size at any zoom: the round end of a line without length. */
const dot = (label: string) =>
  shape('path', { class: 'probe-handle', tabindex: 0, role: 'button', 'aria-label': `${label}: arrow keys move it, with Shift by 10` });

/** Which of the four sides of the rectangle, or ends of the line, a handle moves. */
type Move = (dx: number, dy: number) => void;

export class ProbeShapes {
  readonly #options: ProbeShapesOptions;
  readonly #abort = new AbortController();
  readonly #lineGroup = shape('g', { class: 'probe', display: 'none' });
  readonly #lineBody = shape('path', { class: 'probe-line' });
  readonly #ends = [dot('Begin of the line'), dot('End of the line')] as const;
  readonly #rectGroup = shape('g', { class: 'probe', display: 'none' });
  readonly #rectBody = shape('rect', { class: 'probe-line' });
  readonly #corners = [dot('Top left of the region'), dot('Bottom right of the region')] as const;
  #line: Line | null = null;
  #rect: Rect | null = null;
  #armed: 'line' | 'rect' | null = null;

  constructor(options: ProbeShapesOptions) {
    this.#options = options;
    this.#lineGroup.append(this.#lineBody, ...this.#ends);
    this.#rectGroup.append(this.#rectBody, ...this.#corners);
    options.layer.svg.append(this.#rectGroup, this.#lineGroup);
    this.#handle(this.#lineBody, () => {
      const from = this.#line!;
      return (dx, dy) => this.#setLine({ x1: from.x1 + dx, y1: from.y1 + dy, x2: from.x2 + dx, y2: from.y2 + dy });
    });
    this.#handle(this.#ends[0], () => {
      const from = this.#line!;
      return (dx, dy) => this.#setLine({ ...from, x1: from.x1 + dx, y1: from.y1 + dy });
    });
    this.#handle(this.#ends[1], () => {
      const from = this.#line!;
      return (dx, dy) => this.#setLine({ ...from, x2: from.x2 + dx, y2: from.y2 + dy });
    });
    this.#handle(this.#rectBody, () => {
      const from = this.#rect!;
      return (dx, dy) => this.#setRect({ ...from, x: from.x + dx, y: from.y + dy });
    });
    this.#handle(this.#corners[0], () => {
      const { x, y, width, height } = this.#rect!;
      return (dx, dy) => {
        const [right, bottom] = [x + width, y + height];
        const [left, top] = [Math.max(0, Math.min(right - 1, x + dx)), Math.max(0, Math.min(bottom - 1, y + dy))];
        this.#setRect({ x: left, y: top, width: right - left, height: bottom - top });
      };
    });
    this.#handle(this.#corners[1], () => {
      const from = this.#rect!;
      const size = this.#size();
      return (dx, dy) =>
        this.#setRect({
          ...from,
          width: Math.min(size.width - from.x, from.width + dx),
          height: Math.min(size.height - from.y, from.height + dy),
        });
    });
    const { element } = options.stage;
    // Before the zoom's own: a new shape is drawn.
    element.addEventListener('pointerdown', (event) => this.#draw(event), { capture: true, signal: this.#abort.signal });
  }

  close(): void {
    this.#abort.abort();
    this.#lineGroup.remove();
    this.#rectGroup.remove();
    this.#arm(null);
  }

  get line(): Line | null {
    return this.#line;
  }

  get rect(): Rect | null {
    return this.#rect;
  }

  /** Puts a line into the middle of the picture, or takes it away. The next drag over the picture draws another one. */
  toggleLine(): boolean {
    const { width, height } = this.#size();
    if (this.#line) this.#line = null;
    else this.#line = lineWithin({ x1: width * 0.3, y1: height / 2, x2: width * 0.6, y2: height / 2 }, width, height);
    this.#arm(this.#line && 'line');
    this.#show();
    return this.#line !== null;
  }

  /** The same with a rectangle. */
  toggleRect(): boolean {
    const { width, height } = this.#size();
    if (this.#rect) this.#rect = null;
    else this.#rect = rectWithin({ x: width * 0.3, y: height * 0.4, width: width / 5, height: height / 5 }, width, height);
    this.#arm(this.#rect && 'rect');
    this.#show();
    return this.#rect !== null;
  }

  put({ line, rect }: Measured): void {
    this.#line = line;
    this.#rect = rect;
    this.fit();
    this.#show();
  }

  /** The picture may have another size now. */
  fit(): void {
    const { width, height } = this.#size();
    if (this.#line) this.#line = lineWithin(this.#line, width, height);
    if (this.#rect) this.#rect = rectWithin(this.#rect, width, height);
  }

  #size(): { width: number; height: number } {
    return this.#options.stage.size() ?? { width: 1, height: 1 };
  }

  #arm(kind: 'line' | 'rect' | null): void {
    this.#armed = kind;
    this.#options.stage.element.classList.toggle('drawing', kind !== null);
  }

  #setLine(line: Line): void {
    const { width, height } = this.#size();
    this.#line = lineWithin(line, width, height);
    this.#show();
  }

  #setRect(rect: Rect): void {
    const { width, height } = this.#size();
    this.#rect = rectWithin(rect, width, height);
    this.#show();
  }

  #show(): void {
    this.#options.layer.fit();
    const [line, rect] = [this.#line, this.#rect];
    this.#lineGroup.setAttribute('display', line ? '' : 'none');
    this.#rectGroup.setAttribute('display', rect ? '' : 'none');
    // A pixel's middle is half a pixel from its corner.
    const point = (element: SVGElement, x: number, y: number) => element.setAttribute('d', `M${x} ${y}h0`);
    if (line) {
      this.#lineBody.setAttribute('d', `M${line.x1 + 0.5} ${line.y1 + 0.5}L${line.x2 + 0.5} ${line.y2 + 0.5}`);
      point(this.#ends[0], line.x1 + 0.5, line.y1 + 0.5);
      point(this.#ends[1], line.x2 + 0.5, line.y2 + 0.5);
    }
    if (rect) {
      for (const [name, value] of Object.entries(rect)) this.#rectBody.setAttribute(name, String(value));
      point(this.#corners[0], rect.x, rect.y);
      point(this.#corners[1], rect.x + rect.width, rect.y + rect.height);
    }
    this.#options.changed();
  }

  /** Pointer and arrow keys on a part of a shape. `begin` gives what moves it, from how it lies then. */
  #handle(element: SVGElement, begin: () => Move): void {
    element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      const move = begin();
      const { width } = this.#size();
      // Pixels of the picture for one of the screen, at this zoom.
      const matrix = this.#options.layer.svg.getScreenCTM();
      const per = 1 / (matrix?.a || width);
      const perY = 1 / (matrix?.d || width);
      follow(element, event, (dx, dy) => move(dx * per, dy * perY), { least: 1 });
    });
    // A click on a shape is none on the picture.
    element.addEventListener('click', (event) => event.stopPropagation());
    element.addEventListener('keydown', (event) => {
      const way = KEYS[event.key];
      if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const by = event.shiftKey ? 10 : 1;
      begin()(way[0] * by, way[1] * by);
    });
  }

  /** A drag draws the shape that was asked for last; a click leaves it as it is. */
  #draw(event: PointerEvent): void {
    const kind = this.#armed;
    const { pointAt, stage } = this.#options;
    if (!kind || event.button !== 0 || event.shiftKey) return;
    // Whoever takes a part of the shape wants that one.
    if (event.target instanceof Element && event.target.closest('.probe')) return this.#arm(null);
    const from = pointAt(event.clientX, event.clientY);
    if (!from) return;
    event.stopPropagation();
    follow(
      stage.element,
      event,
      (_dx, _dy, { clientX, clientY }) => {
        const to = pointAt(clientX, clientY);
        if (!to) return;
        if (kind === 'line') this.#setLine({ x1: from.x, y1: from.y, x2: to.x, y2: to.y });
        else {
          const [x, y] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
          this.#setRect({ x, y, width: Math.abs(to.x - from.x) + 1, height: Math.abs(to.y - from.y) + 1 });
        }
      },
      { end: (dragged) => dragged && this.#arm(null) },
    );
  }
}
