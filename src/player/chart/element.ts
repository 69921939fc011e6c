// <sluice-chart src="http://host/live/cam" metrics="brightness,motion">: live charts of a stream's metrics for any page, locked to the
// picture that a <sluice-player> shows. The only file of the charts with a side effect: it defines the element.
import { parseDuration } from '../../core/time.ts';
import { StreamAddress } from '../address.ts';
import { make } from '../dom.ts';
import type { SluicePlayer } from '../element.ts';
import { groupOf, type Span } from './chart-group.ts';
import { ChartView } from './chart-view.ts';
import { STYLE } from './style.ts';

const DEFAULT_WINDOW = '60s';
const LONGEST_US = 24 * 3600 * 1e6;
/** A player that comes into the page later is found so late at most. */
const LOOK_MS = 1000;
const SUMMARY_MS = 10_000;

/**
 * The element. Attributes: `src` (address of the stream, `…/live/{stream}`), `metrics` (names with commas; absent: all that are numbers),
 * `window` (length of time that is shown, `60s`), `for` (id of the player to lock to; absent: the nearest), `paused`, `look` (of a vector:
 * `heat` or `traces`), `zone` (`local` or `utc`), `token`. Before a click or Enter makes the player seek, the event `seek` tells the time
 * (`detail.timestamp`, µs); it can be cancelled.
 */
export class SluiceChart extends HTMLElement {
  static readonly observedAttributes = ['src', 'metrics', 'window', 'for', 'look', 'zone', 'token', 'paused'];
  readonly #root: ShadowRoot;
  readonly #problem = make('p', { class: 'message bad', part: 'message', role: 'alert', hidden: '' });
  readonly #summary = make('p', { class: 'unseen', id: 'summary' });
  #view: ChartView | undefined;
  #player: SluicePlayer | null = null;
  #queued = false;
  #lookTimer: ReturnType<typeof setInterval> | undefined;
  #summaryTimer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: 'open' });
    this.#root.append(make('style', {}, STYLE), this.#problem, this.#summary);
  }

  /** Whether it stands still while samples go on coming. */
  get paused(): boolean {
    return this.hasAttribute('paused');
  }
  set paused(value: boolean) {
    this.toggleAttribute('paused', value);
  }

  /** The player that it is locked to. */
  get player(): SluicePlayer | null {
    return this.#player;
  }

  /** Capture times in view, µs; `null` before the first drawing. */
  get span(): Span | null {
    return this.#view?.span ?? null;
  }

  /** Values at the cursor, else of the shown frame, else the newest; `null` where there is none. */
  get values(): Record<string, number | null> {
    return this.#view?.values() ?? {};
  }

  /** Shows this time (µs) in all charts of the same player; `null` goes back to the running time. */
  zoom(span: Span | null): void {
    this.#group()?.zoomTo(span);
  }

  connectedCallback(): void {
    this.#reload();
    // A frame of the page's own script may be measured with the charts: no observers of the whole document, a look now and then.
    this.#lookTimer = setInterval(() => {
      if (!document.hidden && this.#findPlayer() !== this.#player) this.#reload();
    }, LOOK_MS);
    this.#summaryTimer = setInterval(() => this.#summarise(), SUMMARY_MS);
  }

  disconnectedCallback(): void {
    clearInterval(this.#lookTimer);
    clearInterval(this.#summaryTimer);
    this.#unload();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before !== after && name !== 'paused' && this.isConnected) this.#reload();
  }

  /** Several attributes set in one turn make one new chart. */
  #reload(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      if (this.#queued) this.#load();
    });
  }

  #unload(): void {
    this.#queued = false;
    this.#view?.close();
    this.#view = undefined;
  }

  #load(): void {
    this.#unload();
    if (!this.isConnected) return;
    this.#fail(null);
    const address = this.#address();
    const window = this.#window();
    this.#player = this.#findPlayer();
    const group = this.#group();
    if (!address || window === null || !group) return;
    const names = this.getAttribute('metrics')
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const view = new ChartView({
      host: this,
      address,
      group,
      names: names?.length ? [...new Set(names)] : null,
      window,
      look: this.getAttribute('look') === 'traces' ? 'traces' : 'heat',
      utc: this.getAttribute('zone') === 'utc',
      paused: () => this.paused,
      seek: (time) => this.#seek(time),
    });
    this.#view = view;
    this.#root.append(...view.elements);
    for (const element of view.elements) if (element.tabIndex === 0) element.setAttribute('aria-describedby', 'summary');
    view.open();
  }

  #address(): StreamAddress | null {
    const src = this.getAttribute('src');
    if (!src) return this.#fail('No stream is chosen: the attribute src is missing.');
    try {
      return new StreamAddress(src, document.baseURI, this.getAttribute('token'));
    } catch {
      return this.#fail(`src: “${src}” is not an address; expected one such as http://host/live/cam.`);
    }
  }

  #window(): number | null {
    const text = this.getAttribute('window') ?? DEFAULT_WINDOW;
    try {
      const micros = parseDuration(text, 'window') * 1000;
      if (micros >= 1e5 && micros <= LONGEST_US) return micros;
    } catch {
      // Said below, in the same words as for a length out of range.
    }
    return this.#fail(`window: “${text}” received; expected a length of time from 100ms to 24h, such as 60s.`);
  }

  #group() {
    const src = this.getAttribute('src') ?? '';
    return groupOf(this.#player, new URL(src, document.baseURI).href);
  }

  /** The player named by `for`; else one of the same stream, else any, in the closest piece of the page that has one. */
  #findPlayer(): SluicePlayer | null {
    const wanted = this.getAttribute('for');
    const root = this.getRootNode() as Document | ShadowRoot;
    if (wanted) return usable(root.getElementById(wanted));
    for (let place: Node | null = this.parentNode; place; place = place.parentNode) {
      if (!(place instanceof Element || place instanceof Document || place instanceof ShadowRoot)) continue;
      const players = [...place.querySelectorAll('sluice-player')];
      const same = players.find((player) => player.getAttribute('src') === this.getAttribute('src'));
      const found = usable(same ?? players[0] ?? null);
      if (found) return found;
    }
    return null;
  }

  #seek(time: number): void {
    const event = new CustomEvent('seek', { detail: { timestamp: time }, cancelable: true });
    if (!this.dispatchEvent(event) || !this.#player) return;
    this.#player.seekTime(time).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'AbortError') return;
      this.#player?.tell(error instanceof Error ? error.message : 'That moment cannot be shown.');
    });
  }

  #summarise(): void {
    if (document.hidden || !this.#view) return;
    const text = this.#view.summary();
    if (this.#summary.textContent !== text) this.#summary.textContent = text;
  }

  #fail(problem: string | null): null {
    this.#problem.textContent = problem ?? '';
    this.#problem.hidden = problem === null;
    return null;
  }
}

/** A player whose script has run. */
function usable(element: Element | null): SluicePlayer | null {
  return element && 'shownFrame' in element ? (element as SluicePlayer) : null;
}

declare global {
  interface HTMLElementTagNameMap {
    'sluice-chart': SluiceChart;
  }
}

if (!customElements.get('sluice-chart')) customElements.define('sluice-chart', SluiceChart);
