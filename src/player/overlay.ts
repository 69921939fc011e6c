// Over the picture: the values and the boxes that belong to the very frame that is shown, live and wherever somebody goes back to.
import type { DataItem } from '../api/timeline.ts';
import { BoxesLayer } from './boxes-layer.ts';
import { make } from './dom.ts';
import { ItemsAround } from './items-around.ts';
import type { Player } from './player.ts';
import type { PlayerTimeline } from './player-timeline.ts';
import { MAX_AGE_US as BOXES_AGE_US, boxesAt, EarlyBoxes, hasOwnBoxes } from './shown-boxes.ts';
import { type Sample, samplesOf, MAX_AGE_US as VALUES_AGE_US, valuesAt, valueText } from './shown-values.ts';
import type { Fit } from './stage.ts';

const TEXT_MS = 100;
const MAX_TILES = 12;
const STORE = 'sluice-player-overlay';

export class Overlay {
  readonly boxes = new BoxesLayer();
  readonly values = make('dl', { class: 'values', part: 'values', hidden: '' });
  #on = remembered();
  #running: Running | undefined;

  /** Whether values and boxes are wanted. */
  get on(): { readonly values: boolean; readonly boxes: boolean } {
    return this.#on;
  }

  /** Switches one of them; every player of the viewer remembers it. Returns what it is now. */
  toggle(what: 'values' | 'boxes'): boolean {
    this.#on = { ...this.#on, [what]: !this.#on[what] };
    try {
      localStorage.setItem(STORE, JSON.stringify(this.#on));
    } catch {
      // Private windows may have no store.
    }
    this.#running?.apply(this.#on);
    return this.#on[what];
  }

  /** Begins to follow a player; `null` ends it. */
  attach(player: Player | null, timeline: PlayerTimeline | null, wantedFit: () => Fit): void {
    this.#running?.close();
    this.#running = undefined;
    this.values.hidden = true;
    this.boxes.show([], { width: 1, height: 1 }, 'contain');
    if (!player || !timeline) return;
    this.#running = new Running({ player, timeline, wantedFit, boxes: this.boxes, values: this.values });
    this.#running.apply(this.#on);
  }
}

interface RunningOptions {
  readonly player: Player;
  readonly timeline: PlayerTimeline;
  readonly wantedFit: () => Fit;
  readonly boxes: BoxesLayer;
  readonly values: HTMLElement;
}

/** With one player. */
class Running {
  readonly #options: RunningOptions;
  readonly #samples: ItemsAround<Sample>;
  readonly #records: ItemsAround<DataItem>;
  readonly #early = new EarlyBoxes();
  readonly #offFrame: () => void;
  #offValues: (() => void) | undefined;
  #offBoxes: (() => void) | undefined;
  /** Frame whose boxes are drawn. */
  #drawn: number | undefined;
  #repaint: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #textMs = 0;

  constructor(options: RunningOptions) {
    this.#options = options;
    const { api } = options.timeline;
    this.#samples = new ItemsAround({
      load: async (span, signal) => samplesOf(await api.metrics(span, signal)),
      onLoaded: () => this.#drawValues(),
      beforeUs: VALUES_AGE_US,
      aheadUs: 5_000_000,
      limit: 20_000,
    });
    this.#records = new ItemsAround({
      load: async (span, signal) => ({ items: await api.data(span, signal), end: span.end }),
      onLoaded: () => this.#drawBoxes(),
      beforeUs: BOXES_AGE_US,
      aheadUs: 10_000_000,
      limit: 3000,
    });
    this.#offFrame = options.player.on('frame', () => {
      this.#drawBoxes();
      if (performance.now() - this.#textMs >= TEXT_MS) this.#drawValues();
      else this.#timer ??= setTimeout(() => this.#drawValues(), TEXT_MS);
    });
  }

  close(): void {
    this.#offFrame();
    this.#offValues?.();
    this.#offBoxes?.();
    clearTimeout(this.#timer);
    if (this.#repaint !== undefined) cancelAnimationFrame(this.#repaint);
    this.#samples.close();
    this.#records.close();
  }

  apply(on: { values: boolean; boxes: boolean }): void {
    const { player } = this.#options;
    const { events, address } = player;
    const streams = [address.name];
    if (on.values !== (this.#offValues !== undefined)) {
      this.#offValues?.();
      this.#samples.follow(null);
      this.#offValues = on.values
        ? events.subscribe({ types: ['metric'], streams, onMissed: () => this.#samples.follow(player.now()) }, ({ samples }) =>
            this.#samples.add(samples),
          )
        : undefined;
    }
    if (on.boxes !== (this.#offBoxes !== undefined)) {
      this.#offBoxes?.();
      this.#records.follow(null);
      this.#offBoxes = on.boxes
        ? events.subscribe({ types: ['data', 'boxes'], streams, onMissed: () => this.#records.follow(player.now()) }, (event) => {
            if (event.type === 'data') this.#records.add(event.items);
            else this.#early.add(event.frame, event.boxes);
            // The picture may be there before what was found in it.
            const shown = player.shownFrame?.id;
            const frames = event.type === 'data' ? event.items.map(({ frame }) => frame) : [event.frame];
            if (shown !== undefined && frames.includes(shown)) this.#drawBoxes();
          })
        : undefined;
    }
    this.#drawValues();
    this.#drawBoxes();
  }

  /** A <video> tells of a picture after it is on the screen, a busy page long after: while there are boxes, each repaint looks for itself. */
  #watchRepaints(): void {
    if (this.#repaint !== undefined || !this.#offBoxes) return;
    const look = () => {
      this.#repaint = undefined;
      const { player, boxes } = this.#options;
      if (player.shownFrame?.id !== this.#drawn) this.#drawBoxes();
      if (!boxes.element.hidden && !player.paused) this.#watchRepaints();
    };
    this.#repaint = requestAnimationFrame(look);
  }

  #drawBoxes(): void {
    const { player, boxes, wantedFit } = this.#options;
    const frame = player.shownFrame;
    const { width, height } = player.info ?? {};
    this.#drawn = frame?.id;
    if (!this.#offBoxes || !frame || !width || !height) {
      boxes.show([], { width: 1, height: 1 }, 'contain');
      return;
    }
    this.#records.need(frame.timestamp, player.paused);
    boxes.show(boxesAt(this.#records.items, frame, this.#early), { width, height }, wantedFit());
    // For pages and tests: a <video> goes on while a page looks at it.
    boxes.element.dataset.frame = String(frame.id);
    boxes.element.dataset.own = String(hasOwnBoxes(this.#records.items, frame, this.#early));
    if (!boxes.element.hidden && !player.paused) this.#watchRepaints();
  }

  #drawValues(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#textMs = performance.now();
    const { player, values } = this.#options;
    const frame = player.shownFrame;
    if (!this.#offValues || !frame) {
      values.hidden = true;
      return;
    }
    this.#samples.need(frame.timestamp, player.paused);
    const all = valuesAt(this.#samples.items, frame.timestamp);
    values.hidden = false;
    const config = player.info?.config.metrics ?? {};
    const rows: [string, string][] = all.slice(0, MAX_TILES).map(([name, value]) => {
      const { unit, label } = config[name] ?? {};
      return [label ?? name, `${valueText(value)}${unit && typeof value === 'number' ? ` ${unit}` : ''}`];
    });
    if (all.length > rows.length) rows.push(['more', String(all.length - rows.length)]);
    if (!rows.length) rows.push(['Values', 'none at this frame']);
    writeTiles(values, rows);
  }
}

/** Writes only what is another than before. */
function writeTiles(list: HTMLElement, rows: readonly (readonly [string, string])[]): void {
  while (list.childElementCount > rows.length) list.lastElementChild!.remove();
  while (list.childElementCount < rows.length) list.append(make('div', { part: 'value' }, make('dt'), make('dd')));
  rows.forEach(([name, text], i) => {
    const [dt, dd] = list.children[i]!.children as unknown as [HTMLElement, HTMLElement];
    if (dt.textContent !== name) dt.textContent = name;
    if (dd.textContent !== text) dd.textContent = text;
  });
}

function remembered(): { values: boolean; boxes: boolean } {
  const standard = { values: false, boxes: true };
  try {
    const read = JSON.parse(localStorage.getItem(STORE) ?? '{}') as Partial<typeof standard>;
    return { values: read.values === true, boxes: read.boxes !== false };
  } catch {
    return standard;
  }
}
