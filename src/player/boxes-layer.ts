// Boxes over the picture, in its source's pixels. SVG fits itself to the stage as the picture does, so nothing is computed on resizing.
import type { Box } from '../api/timeline.ts';
import { make } from './dom.ts';
import { kindLook } from './marker-look.ts';
import type { Fit } from './stage.ts';

const SVG = 'http://www.w3.org/2000/svg';
const FITS: Readonly<Record<Fit, string>> = { contain: 'xMidYMid meet', cover: 'xMidYMid slice', fill: 'none' };
const TEXT_PX = 12;

export class BoxesLayer {
  readonly element = make('div', { class: 'boxes', part: 'boxes', 'aria-hidden': 'true', hidden: '' });
  readonly #svg = document.createElementNS(SVG, 'svg');
  #key = '';
  #again: (() => void) | undefined;

  constructor() {
    this.element.append(this.#svg);
    // Boxes fit themselves; their words keep their size on the screen.
    new ResizeObserver(() => this.#again?.()).observe(this.element);
  }

  /** Draws these boxes. `size`: the source's pixels. */
  show(boxes: readonly Box[], size: { width: number; height: number }, fit: Fit): void {
    this.#again = () => this.show(boxes, size, fit);
    if (this.element.hidden !== (boxes.length === 0)) this.element.hidden = boxes.length === 0;
    const shownWidth = this.element.clientWidth || size.width;
    const shownHeight = this.element.clientHeight || size.height;
    const [x, y] = [shownWidth / size.width, shownHeight / size.height];
    const scale = fit === 'cover' ? Math.max(x, y) : Math.min(x, y);
    const key = JSON.stringify([boxes, size, fit, scale]);
    if (key === this.#key) return;
    this.#key = key;
    this.#svg.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
    this.#svg.setAttribute('preserveAspectRatio', FITS[fit]);
    this.#svg.replaceChildren(...boxes.flatMap((box) => draw(box, TEXT_PX / scale)));
  }
}

function draw(box: Box, textSize: number): SVGElement[] {
  const colour = kindLook(box.label ?? '').colour;
  const rect = document.createElementNS(SVG, 'rect');
  for (const [name, value] of Object.entries({ x: box.x, y: box.y, width: box.w, height: box.h })) rect.setAttribute(name, String(value));
  rect.style.stroke = colour;
  const words = boxText(box);
  if (!words) return [rect];
  const text = document.createElementNS(SVG, 'text');
  text.textContent = words;
  text.setAttribute('x', String(box.x));
  // Above the box, or inside where there is no room.
  text.setAttribute('y', String(box.y - textSize * 0.35 > textSize ? box.y - textSize * 0.35 : box.y + textSize * 1.1));
  text.style.fontSize = `${textSize}px`;
  text.style.stroke = colour;
  text.style.strokeWidth = String(textSize * 0.35);
  return [rect, text];
}

/** `cell 7 0.93`. */
export function boxText({ label, score, track }: Box): string {
  return [label, track, score === undefined ? undefined : String(Number(score.toFixed(2)))].filter((part) => part !== undefined).join(' ');
}
