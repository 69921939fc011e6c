// Window, level, gamma and colours of a picture with all its values, its histogram, and the value under the pointer.

import type { Picture } from '../core/frame.ts';
import { COLOR_MAPS, type ColorMap, type ToneWindow } from '../core/view.ts';
import { histogram, topValue } from '../formats/look.ts';
import type { DeepCanvas, LookSettings } from './deep-canvas.ts';
import { make } from './dom.ts';

const BINS = 256;
const HEIGHT = 72;

/** A number as somebody would write it. */
function plain(value: number): string {
  return String(Number(value.toPrecision(5)));
}

function check(label: string, onChange: (on: boolean) => void): { row: HTMLElement; input: HTMLInputElement } {
  const input = make('input', { type: 'checkbox' });
  input.addEventListener('change', () => onChange(input.checked));
  return { row: make('label', { class: 'check' }, input, label), input };
}

export interface LevelPanelOptions {
  readonly deep: DeepCanvas;
  /** Somebody has changed how it looks. */
  readonly changed: () => void;
  readonly line: () => void;
  readonly region: () => void;
  readonly save: (type: 'png' | 'tiff') => void;
  /** What stands under the levels. */
  readonly below: readonly HTMLElement[];
}

export class LevelPanel {
  readonly element: HTMLElement;
  readonly #deep: DeepCanvas;
  readonly #changed: () => void;
  readonly #plot = make('canvas', { width: String(BINS), height: String(HEIGHT), role: 'img', 'aria-label': 'Histogram of the values' });
  readonly #depth = make('p', { class: 'depth' });
  readonly #value = make('p', { class: 'value' }, 'Point at the picture to read a value.');
  readonly #low = make('input', { type: 'number', step: 'any' });
  readonly #high = make('input', { type: 'number', step: 'any' });
  readonly #gamma = make('input', { type: 'number', step: '0.1', min: '0.1', max: '10' });
  readonly #map = make('select', {}, ...COLOR_MAPS.map((name) => make('option', { value: name }, name)));
  readonly #auto = check('Auto', (on) => this.#set({ window: on ? null : this.#deep.window }));
  readonly #log = check('Logarithmic', () => this.update());
  readonly #saturated = check('Saturated in red', (saturated) => this.#set({ saturated }));

  /** Where the plot ends. */
  #top = 0;
  readonly #line: HTMLButtonElement;
  readonly #region: HTMLButtonElement;

  constructor({ deep, changed, line, region, save, below }: LevelPanelOptions) {
    this.#deep = deep;
    this.#changed = changed;
    const button = (label: string, title: string, onClick: () => void) => {
      const element = make('button', { type: 'button', class: 'close small', part: 'button', title }, label);
      element.addEventListener('click', onClick);
      return element;
    };
    this.#line = button('Line', 'Values along a line (X)', line);
    this.#region = button('Region', 'Statistics of a rectangle (R)', region);
    this.press('line', false);
    this.press('region', false);
    const field = (label: string, input: HTMLElement) => {
      // The text of a label holds the words of a choice too.
      input.setAttribute('aria-label', label);
      return make('label', {}, label, input);
    };
    for (const input of [this.#low, this.#high]) input.addEventListener('change', () => this.#onWindow());
    this.#gamma.addEventListener('change', () => {
      const gamma = Number(this.#gamma.value);
      if (gamma >= 0.1 && gamma <= 10) this.#set({ gamma });
      else this.update();
    });
    this.#map.addEventListener('change', () => this.#set({ map: this.#map.value as ColorMap }));
    this.#plot.addEventListener('pointerdown', (event) => this.#onDown(event));
    this.element = make(
      'section',
      { class: 'levels chrome', part: 'levels', 'aria-label': 'Levels', hidden: '' },
      this.#depth,
      this.#plot,
      make(
        'div',
        { class: 'fields' },
        field('Black', this.#low),
        field('White', this.#high),
        field('Gamma', this.#gamma),
        field('Colours', this.#map),
      ),
      make('div', { class: 'checks' }, this.#auto.row, this.#log.row, this.#saturated.row),
      this.#value,
      make(
        'div',
        { class: 'tools' },
        this.#line,
        this.#region,
        make('span', { class: 'space' }),
        button('PNG', 'Save this frame as PNG with all its bits (P)', () => save('png')),
        button('TIFF', 'Save this frame as TIFF with all its values', () => save('tiff')),
      ),
      ...below,
    );
    // Keys of the player mean nothing where something is typed or chosen.
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' && !(event.target instanceof HTMLButtonElement)) event.stopPropagation();
    });
  }

  /** Brings figures and histogram up to date; cheap while hidden. */
  update(): void {
    const { picture, window, settings } = this.#deep;
    if (this.element.hidden || !picture || !window) return;
    const top = topValue(picture);
    const bits = picture.significantBits ? `${picture.significantBits} bit` : picture.format === 'grayf32le' ? 'float' : '';
    this.#depth.textContent = `Lossless${bits && `, ${bits}`}, ${picture.width} × ${picture.height}`;
    const root = this.element.getRootNode() as ShadowRoot | Document;
    const write = (input: HTMLInputElement, value: number) => {
      if (root.activeElement !== input) input.value = plain(value);
    };
    write(this.#low, window.low);
    write(this.#high, window.high);
    write(this.#gamma, settings.gamma);
    this.#map.value = settings.map;
    this.#auto.input.checked = settings.window === null;
    this.#saturated.input.checked = settings.saturated;
    this.#fitTop(picture, window, top);
    this.#draw(histogram(picture, ...this.#span(window, top), BINS), window, top);
  }

  /** Whether there is a line or a region now. */
  press(what: 'line' | 'region', on: boolean): void {
    (what === 'line' ? this.#line : this.#region).setAttribute('aria-pressed', String(on));
  }

  /** The value under the pointer, as text; empty beside the picture. */
  show(text: string): void {
    this.#value.textContent = text || 'Point at the picture to read a value.';
  }

  /** What the histogram spans: what is used of the sensor's range, or for floats the window and as much on each side. */
  #span(window: ToneWindow, top: number): [low: number, high: number] {
    if (top > 1) return [0, Math.min(top, this.#top || top)];
    const width = window.high - window.low;
    return [window.low - width, window.high + width];
  }

  /** 12-bit values in 16-bit samples would be a thin line at the left: the plot ends at the power of two above all values and the window. */
  #fitTop(picture: Picture, { high }: ToneWindow, top: number): void {
    if (top <= 255) return;
    const counts = histogram(picture, 0, top + 1, BINS);
    const used = Math.max(high, ((counts.findLastIndex((count) => count > 0) + 1) * (top + 1)) / BINS - 1, 255);
    // It shrinks only when there is much room.
    if (used > this.#top || used < this.#top * 0.45) this.#top = 2 ** Math.ceil(Math.log2(used + 1)) - 1;
  }

  #draw(counts: Uint32Array, window: ToneWindow, top: number): void {
    const context = this.#plot.getContext('2d');
    if (!context) return;
    const style = getComputedStyle(this.element);
    const [low, high] = this.#span(window, top);
    const size = (count: number) => (this.#log.input.checked ? Math.log1p(count) : count);
    // The ends collect what lies outside, and a dark ground would flatten all else.
    const tallest = size(Math.max(1, [...counts.subarray(1, BINS - 1)].sort((a, b) => b - a)[2] ?? 1));
    context.clearRect(0, 0, BINS, HEIGHT);
    context.fillStyle = style.color;
    for (let i = 0; i < BINS; i++) {
      const height = Math.min(HEIGHT, (size(counts[i]!) / tallest) * (HEIGHT - 6));
      context.fillRect(i, HEIGHT - height, 1, height);
    }
    context.fillStyle = style.getPropertyValue('--_accent') || 'red';
    for (const end of [window.low, window.high]) context.fillRect(((end - low) / (high - low)) * BINS - 1, 0, 2, HEIGHT);
  }

  /** Dragging in the histogram moves the nearer end. */
  #onDown(event: PointerEvent): void {
    const { picture, window } = this.#deep;
    if (!picture || !window || event.button !== 0) return;
    const [low, high] = this.#span(window, topValue(picture));
    const at = (x: number) => {
      const box = this.#plot.getBoundingClientRect();
      return low + Math.min(1, Math.max(0, (x - box.left) / box.width)) * (high - low);
    };
    const start = at(event.clientX);
    const end = Math.abs(start - window.low) < Math.abs(start - window.high) ? 'low' : 'high';
    const move = (x: number) => {
      const next = { ...(this.#deep.window ?? window), [end]: at(x) };
      if (next.high - next.low > (high - low) / 4096) this.#set({ window: next });
    };
    this.#plot.setPointerCapture(event.pointerId);
    const abort = new AbortController();
    this.#plot.addEventListener('pointermove', ({ clientX }) => move(clientX), { signal: abort.signal });
    for (const name of ['pointerup', 'pointercancel'] as const) {
      this.#plot.addEventListener(name, () => abort.abort(), { signal: abort.signal });
    }
    move(event.clientX);
  }

  #onWindow(): void {
    const [low, high] = [Number(this.#low.value), Number(this.#high.value)];
    if (this.#low.value !== '' && this.#high.value !== '' && low < high) this.#set({ window: { low, high } });
    else this.update();
  }

  #set(change: Partial<LookSettings>): void {
    this.#deep.settings = { ...this.#deep.settings, ...change };
    this.update();
    this.#changed();
  }
}
