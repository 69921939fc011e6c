// Lines over the picture in its own pixels, above all zoom: SVG fits itself to the stage as the picture does.
import type { CursorPlace } from './link-group.ts';
import type { Fit, Stage } from './stage.ts';

const SVG = 'http://www.w3.org/2000/svg';
const FITS: Readonly<Record<Fit, string>> = { contain: 'xMidYMid meet', cover: 'xMidYMid slice', fill: 'none' };

/** An SVG element with attributes. */
export function shape(name: string, attributes: Readonly<Record<string, string | number>> = {}): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

export interface PictureLayerOptions {
  readonly stage: Stage;
  readonly fit: () => Fit;
}

export class PictureLayer {
  /** Whoever draws appends to it; it takes no pointer, its children may. */
  readonly svg = shape('svg', { class: 'picture-layer' }) as SVGSVGElement;
  readonly #options: PictureLayerOptions;
  readonly #cursor = shape('path', { class: 'linked-cursor', d: '' });
  #key = '';

  constructor(options: PictureLayerOptions) {
    this.#options = options;
    this.svg.append(this.#cursor);
    options.stage.element.append(this.svg);
  }

  close(): void {
    this.svg.remove();
  }

  /** Lies as the picture does now. */
  fit(): void {
    const size = this.#options.stage.size();
    const key = size ? `${size.width} ${size.height} ${this.#options.fit()}` : '';
    if (!size || key === this.#key) return;
    this.#key = key;
    this.svg.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
    this.svg.setAttribute('preserveAspectRatio', FITS[this.#options.fit()]);
  }

  /** A cross where another player's pointer is; `null` takes it away. */
  showCursor(place: CursorPlace | null): void {
    const size = this.#options.stage.size();
    if (!place || !size) return this.#cursor.setAttribute('d', '');
    this.fit();
    const [x, y] = [place.x * size.width, place.y * size.height];
    this.#cursor.setAttribute('d', `M0 ${y}H${size.width}M${x} 0V${size.height}`);
  }
}
