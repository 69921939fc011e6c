// The line of names and values over a chart. Names are buttons that hide and show their series.
import { make } from '../dom.ts';
import { colourMap } from './colours.ts';
import { numberText, type Range } from './numbers.ts';

export interface LegendItem {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
}

interface Row {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly swatch: HTMLElement;
  readonly value: HTMLElement;
}

export class Legend {
  readonly element = make('div', { class: 'legend', part: 'legend' });
  readonly #time = make('span', { class: 'time', part: 'time' });
  readonly #list = make('ul');
  readonly #bar = make('span', { class: 'colour-bar', part: 'colour-bar', hidden: '' });
  readonly #low = make('span');
  readonly #high = make('span');
  readonly #rows = new Map<string, Row>();
  readonly #onToggle: (name: string) => void;

  constructor(onToggle: (name: string) => void) {
    this.#onToggle = onToggle;
    this.#bar.append(this.#low, ramp(), this.#high);
    this.element.append(this.#list, this.#bar, this.#time);
  }

  /** The series to name, in their order. */
  list(items: readonly LegendItem[], toggles: boolean): void {
    this.#rows.clear();
    this.#list.replaceChildren();
    for (const { name, label, unit } of items) {
      const swatch = make('span', { class: 'swatch', 'aria-hidden': 'true' });
      const button = make(
        'button',
        { type: 'button', 'aria-pressed': 'true', title: toggles ? `Hide or show ${label}` : label },
        swatch,
        label,
      );
      button.disabled = !toggles;
      if (toggles) button.addEventListener('click', () => this.#onToggle(name));
      const value = make('span', { class: 'value', part: 'value', 'data-metric': name });
      const element = make('li', {}, button, value, make('span', { class: 'unit' }, unit));
      this.#rows.set(name, { element, button, swatch, value });
      this.#list.append(element);
    }
  }

  colour(name: string, colour: string, shown: boolean): void {
    const row = this.#rows.get(name);
    if (!row) return;
    row.swatch.style.background = colour;
    row.button.setAttribute('aria-pressed', String(shown));
    row.element.classList.toggle('off', !shown);
  }

  /** A value; `null`: there is none at that time. */
  value(name: string, value: number | null, exact: boolean): void {
    const text = value === null ? '–' : `${exact ? '' : '≈ '}${numberText(value)}`;
    setText(this.#rows.get(name)?.value, text);
  }

  time(text: string): void {
    setText(this.#time, text);
  }

  /** Ends of the colour map; `null` for charts of lines. */
  range(range: Range | null): void {
    this.#bar.hidden = range === null;
    if (!range) return;
    setText(this.#low, shortText(range.min));
    setText(this.#high, shortText(range.max));
  }
}

/** Three digits are enough for the ends of a range. */
function shortText(value: number): string {
  return String(Number(value.toPrecision(3))).replaceAll('-', '−');
}

function setText(element: HTMLElement | undefined, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

function ramp(): HTMLCanvasElement {
  const canvas = make('canvas', { width: '256', height: '1', 'aria-hidden': 'true' });
  canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(colourMap().buffer as ArrayBuffer), 256, 1), 0, 0);
  return canvas;
}
