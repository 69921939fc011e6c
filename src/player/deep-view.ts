// What a picture with all its values offers beyond looking at it: levels, values under the pointer, a scale bar, presets, line profile and
// region. The settings are kept for each stream.
import type { ToneWindow } from '../core/view.ts';
import type { DeepCanvas, LookSettings } from './deep-canvas.ts';
import { make } from './dom.ts';
import { follow } from './drag.ts';
import { keepLook, keptLook } from './kept-look.ts';
import { LevelPanel } from './level-panel.ts';
import { type CursorPlace, Link } from './link-group.ts';
import { PictureLayer } from './picture-layer.ts';
import { PresetBar } from './preset-bar.ts';
import type { Preset } from './presets.ts';
import { ProbePanel } from './probe-panel.ts';
import { type Measured, ProbeShapes } from './probe-shapes.ts';
import type { Fit, PicturePoint, Stage } from './stage.ts';
import { StageZoom } from './stage-zoom.ts';
import type { TimelineApi } from './timeline-api.ts';
import type { ShownFrame } from './transport.ts';
import { lengthName, scaleBar } from './zoom.ts';

// Loaded together, by players that need them.
export { Link, PictureLayer, StageZoom };

const UPDATE_MS = 250;
/** Room for the scale bar, CSS pixels. */
const BAR_PX = 130;

/** A sample in as few digits as name it: floats have 32 bits. */
function shortest(value: number): string {
  if (Number.isInteger(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const near = Number(value.toPrecision(digits));
    if (Math.fround(near) === value) return String(near);
  }
  return String(Number(value.toPrecision(9)));
}

export interface DeepViewOptions {
  readonly host: HTMLElement;
  readonly stage: Stage;
  readonly deep: DeepCanvas;
  readonly zoom: StageZoom;
  readonly layer: PictureLayer;
  readonly fit: () => Fit;
  /** Line and region that there were in the picture before. */
  readonly measured: Measured | null;
  /** The group that it shares its levels with. */
  readonly link: () => Link | null;
  /** Name of the stream, under which settings are kept. */
  readonly stream: () => string;
  /** µm; `null` = not known. */
  readonly pixelSize: () => number | null;
  readonly pointAt: (clientX: number, clientY: number) => PicturePoint | null;
  readonly api: () => TimelineApi | undefined;
  readonly tell: (text: string) => void;
  /** Saves the shown frame as a file. */
  readonly save: (type: 'png' | 'tiff') => void;
}

export class DeepView {
  readonly #options: DeepViewOptions;
  readonly #stream: string;
  readonly #panel: LevelPanel;
  readonly #probes: ProbePanel;
  readonly #shapes: ProbeShapes;
  readonly #bar = make('div', { class: 'scale-bar', part: 'scale-bar' });
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #pointer: { x: number; y: number } | null = null;

  constructor(options: DeepViewOptions) {
    this.#options = options;
    const { host, stage, deep, tell } = options;
    this.#stream = options.stream();
    deep.replaced = (canvas) => stage.show(canvas);
    this.#shapes = new ProbeShapes({ ...options, changed: () => this.#measure(null) });
    this.#probes = new ProbePanel({ ...options, shapes: this.#shapes });
    const presets = new PresetBar({ tell, read: (name) => this.#readPreset(name), apply: (preset) => this.#apply(preset) });
    this.#panel = new LevelPanel({
      deep,
      changed: () => this.#onLook(),
      line: () => this.toggleLine(),
      region: () => this.toggleRegion(),
      save: options.save,
      below: [this.#probes.element, presets.element],
    });
    const kept = keptLook(this.#stream);
    deep.settings = kept.look;
    this.#panel.element.hidden = !kept.open;
    host.shadowRoot?.append(this.#panel.element);
    // Under all words and panels.
    stage.element.after(this.#bar);
    const { signal } = this.#abort;
    const { element } = stage;
    element.addEventListener('pointerdown', (event) => this.#onDown(event), { signal });
    element.addEventListener('pointermove', (event) => this.#onMove(event), { signal });
    element.addEventListener('pointerleave', () => this.#onMove(null), { signal });
    element.addEventListener('wheel', () => this.#readOut(), { signal, passive: true });
    this.#timer = setInterval(() => this.#update(), UPDATE_MS);
    if (options.measured) this.#restore(options.measured);
    this.#update();
  }

  close(): void {
    this.#abort.abort();
    this.#options.deep.replaced = () => {};
    clearInterval(this.#timer);
    this.#shapes.close();
    this.#panel.element.remove();
    this.#bar.remove();
    this.#options.stage.element.classList.remove('pixels');
  }

  /** Shows or hides the levels; tells whether they are shown now. */
  toggle(): boolean {
    this.#panel.element.hidden = !this.#panel.element.hidden;
    this.#panel.update();
    this.#keep();
    return !this.#panel.element.hidden;
  }

  /** Line profile; tells whether there is one now. */
  toggleLine(): boolean {
    const on = this.#shapes.toggleLine();
    this.#panel.press('line', on);
    if (on) this.#open('Drag over the picture to draw the line; its ends can be moved, by arrow keys too.');
    return on;
  }

  /** Statistics of a rectangle; tells whether there is one now. */
  toggleRegion(): boolean {
    const on = this.#shapes.toggleRect();
    this.#panel.press('region', on);
    if (on) this.#open('Drag over the picture to draw the region; its corners can be moved, by arrow keys too.');
    return on;
  }

  /** The window follows the pictures, or keeps what it is now; tells whether it follows. */
  toggleAuto(): boolean {
    const { deep } = this.#options;
    const follows = deep.settings.window !== null;
    this.look = { ...deep.settings, window: follows ? null : deep.window };
    this.#onLook();
    return follows;
  }

  /** Line and region. */
  get measured(): Measured {
    return { line: this.#shapes.line, rect: this.#shapes.rect };
  }

  get look(): LookSettings {
    return this.#options.deep.settings;
  }

  /** Another look, as if somebody had set it here. */
  set look(look: LookSettings) {
    this.#options.deep.settings = look;
    this.#panel.update();
    this.#keep();
  }

  /** A new picture is on the screen. */
  shown(frame: ShownFrame): void {
    this.#measure(frame);
  }

  /** The picture lies otherwise. */
  placed(): void {
    this.#update();
  }

  /** The pointer of a linked player: the value there. */
  pointFromElsewhere(place: CursorPlace | null): void {
    const { deep } = this.#options;
    const { picture } = deep;
    if (!picture) return;
    this.#showValue(place && { x: Math.floor(place.x * picture.width), y: Math.floor(place.y * picture.height) });
  }

  #restore(measured: Measured): void {
    this.#shapes.put(measured);
    this.#panel.press('line', measured.line !== null);
    this.#panel.press('region', measured.rect !== null);
  }

  #open(words: string): void {
    if (this.#panel.element.hidden) this.toggle();
    this.#options.tell(words);
  }

  #measure(frame: ShownFrame | null): void {
    const { picture } = this.#options.deep;
    if (!picture) return;
    if (frame) this.#shapes.fit();
    this.#probes.measure(picture, frame);
  }

  async #readPreset(name: string): Promise<Preset> {
    const { api, deep, zoom, tell } = this.#options;
    const params = await api()
      ?.params()
      .catch(() => undefined);
    if (!params) tell('The server did not tell the params: the preset holds the view alone.');
    return { name, stream: this.#stream, look: deep.settings, place: zoom.relative, params: params ?? {} };
  }

  async #apply({ stream, look, place, params }: Preset): Promise<string> {
    const { api, zoom, link } = this.#options;
    this.look = look;
    zoom.putRelative(place);
    link()?.tellPlace(place);
    link()?.tellLook(look);
    if (stream !== this.#stream) {
      return Object.keys(params).length ? `The view is that of the preset; its params belong to “${stream}” and were left alone.` : '';
    }
    try {
      const now = (await api()?.params()) ?? {};
      // The source may be of another kind now: only params that it has.
      const changed = Object.entries(params).filter(([name, value]) => name in now && JSON.stringify(now[name]) !== JSON.stringify(value));
      if (changed.length) await api()?.setParams(Object.fromEntries(changed));
      return '';
    } catch (error) {
      return `The view is that of the preset; the params are not: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** With Shift a drag changes the window: sideways its width, up and down its level. */
  #onDown(event: PointerEvent): void {
    const { deep, stage } = this.#options;
    const { window } = deep;
    if (event.button !== 0 || !event.shiftKey || !window) return;
    follow(stage.element, event, (dx, dy) => this.#turn(window, dx, dy));
  }

  /** The window from which a drag began, changed by its way. */
  #turn({ low, high }: ToneWindow, dx: number, dy: number): void {
    const { deep } = this.#options;
    const width = (high - low) * Math.exp(dx / 200);
    const middle = (low + high) / 2 + ((high - low) * dy) / 300;
    this.look = { ...deep.settings, window: { low: middle - width / 2, high: middle + width / 2 } };
    this.#onLook();
  }

  #onMove(event: PointerEvent | null): void {
    this.#pointer = event && { x: event.clientX, y: event.clientY };
    this.#readOut();
  }

  #readOut(): void {
    this.#showValue(this.#pointer && this.#options.pointAt(this.#pointer.x, this.#pointer.y));
  }

  #showValue(point: PicturePoint | null): void {
    const values = point && this.#options.deep.valuesAt(point.x, point.y);
    this.#panel.show(point && values ? `x ${point.x}, y ${point.y}: ${values.map(shortest).join(', ')}` : '');
  }

  #update(): void {
    this.#panel.update();
    if (this.#pointer) this.#readOut();
    const { stage, pixelSize, zoom, host } = this.#options;
    const size = stage.size();
    const micrometres = pixelSize();
    this.#bar.hidden = !size || !micrometres;
    if (!size) return;
    const box = host.getBoundingClientRect();
    const { scale, x, y } = zoom.placement;
    const fitted = Math.min(box.width / size.width, box.height / size.height);
    const css = fitted * scale;
    // Single pixels stay squares.
    stage.element.classList.toggle('pixels', css * devicePixelRatio >= 2);
    if (!micrometres || !(css > 0)) return;
    const { micrometres: length, width } = scaleBar(micrometres, css, BAR_PX);
    this.#bar.textContent = lengthName(length);
    // Inside of the picture where it is in view, and above the controls.
    const left = x + ((box.width - size.width * fitted) / 2) * scale;
    const below = box.height - y - ((box.height + size.height * fitted) / 2) * scale;
    Object.assign(this.#bar.style, {
      width: `${width}px`,
      left: `${Math.max(left, 0) + 14}px`,
      bottom: `${Math.max(below + 12, 92)}px`,
    });
  }

  /** Somebody has changed how it looks. */
  #onLook(): void {
    this.#keep();
    this.#options.link()?.tellLook(this.#options.deep.settings);
  }

  #keep(): void {
    keepLook(this.#stream, { look: this.#options.deep.settings, open: !this.#panel.element.hidden });
  }
}
