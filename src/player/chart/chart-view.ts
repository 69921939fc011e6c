// One chart at work: draws the samples of its metrics for the time that its group shows.
import type { Marker } from '../../api/timeline.ts';
import type { StreamAddress } from '../address.ts';
import { timeText, zoneOffset } from '../clock-text.ts';
import { make } from '../dom.ts';
import { Bins } from './bins.ts';
import { type ChartGroup, followEdge, type GroupMember, type Span } from './chart-group.ts';
import { listenToKeys } from './chart-keys.ts';
import { ChartSource } from './chart-source.ts';
import { type Theme, themeOf } from './colours.ts';
import { type Drawable, drawLoop } from './draw-loop.ts';
import { HeatMap } from './heat-map.ts';
import { Legend } from './legend.ts';
import { drawMarkers } from './marker-lines.ts';
import type { FeedSeries } from './metric-feed.ts';
import { axisRange, type Range } from './numbers.ts';
import { type Box, Plot } from './plot.ts';
import { readInto } from './reader.ts';
import { drawTraces } from './traces.ts';

export interface ChartViewOptions {
  readonly host: HTMLElement;
  readonly address: StreamAddress;
  readonly group: ChartGroup;
  /** `null`: all metrics that are numbers. */
  readonly names: readonly string[] | null;
  /** µs. */
  readonly window: number;
  readonly look: 'heat' | 'traces';
  readonly utc: boolean;
  readonly paused: () => boolean;
  readonly seek: (time: number) => void;
}

const LEGEND_MS = 100;
const THEME_MS = 1000;
/** Samples of the last second may still be on their way. */
const SURE_US = 1_000_000;

export class ChartView implements GroupMember, Drawable {
  readonly elements: readonly HTMLElement[];
  readonly #o: ChartViewOptions;
  readonly #source: ChartSource;
  readonly #plotBox = make('div', { class: 'plot', part: 'plot', tabindex: '0', role: 'group', 'aria-roledescription': 'chart' });
  readonly #message = make('p', { class: 'message', part: 'message', hidden: '' });
  readonly #legend = new Legend((name) => this.#toggle(name));
  readonly #heat = new HeatMap();
  readonly #hidden = new Set<string>();
  readonly #off: (() => void)[] = [];
  readonly #ranges = new Map<string, Range>();
  #plot: Plot | null = null;
  #lines: { series: FeedSeries; bins: Bins }[] = [];
  #vector: FeedSeries | null = null;
  #units: string[] = [];
  #key = '';
  #theme: Theme;
  #themeMs = 0;
  #edge: number | null = null;
  #span: Span | null = null;
  #marks = 0;
  #dirty = true;
  #version = -1;
  #drawnTo = 0;
  #legendMs = 0;
  #legendTimer: ReturnType<typeof setTimeout> | undefined;
  #seen = false;

  constructor(options: ChartViewOptions) {
    const { host, address, names, window, group, seek } = options;
    this.#o = options;
    this.#theme = themeOf(host);
    this.elements = [this.#legend.element, this.#plotBox, this.#message];
    this.#source = new ChartSource({
      address,
      names,
      window,
      onSeries: () => this.#rebuild(),
      onChange: () => {
        this.#heat.spoil();
        this.#touch();
      },
      onMessage: () => this.#showMessage(),
    });
    group.join(this);
    listenToKeys(this.#plotBox, {
      group,
      seek,
      time: () => this.#readTime(),
      scale: (factor, time) => this.#scale(factor, time),
      neighbour: (time, direction) => this.#source.neighbour(this.#shownSeries(), time, direction),
    });
  }

  /** To be called when the elements are in the page. */
  open(): void {
    const size = new ResizeObserver(() => {
      this.#plot?.resize(this.#plotBox.clientWidth, this.#plotBox.clientHeight);
      this.#touch();
    });
    const seen = new IntersectionObserver((entries) => {
      this.#seen = entries.at(-1)?.isIntersecting ?? false;
      if (this.#seen) drawLoop().add(this);
      else drawLoop().remove(this);
    });
    size.observe(this.#plotBox);
    seen.observe(this.#o.host);
    this.#off.push(
      () => size.disconnect(),
      () => seen.disconnect(),
    );
    this.#rebuild();
  }

  close(): void {
    for (const off of this.#off) off();
    clearTimeout(this.#legendTimer);
    drawLoop().remove(this);
    this.#o.group.leave(this);
    this.#source.close();
    this.#plot?.destroy();
    for (const element of this.elements) element.remove();
  }

  /** What is in view, µs. */
  get span(): Span | null {
    return this.#span;
  }

  get periodMs(): number {
    const { group, window, paused } = this.#o;
    if (!this.#plot || group.motion === 'paused' || group.zoom || paused()) return Number.POSITIVE_INFINITY;
    return window / 1000 / (this.#plot.columns / devicePixelRatio);
  }

  /** Values at the cursor, else at the shown frame, else the newest, by name; `null` where there is none. */
  values(): Record<string, number | null> {
    const time = this.#readTime();
    return Object.fromEntries(this.#lines.map(({ series }) => [series.name, this.#source.valueAt(series, time)?.value ?? null]));
  }

  /** A sentence about the newest values. */
  summary(): string {
    return this.#source.summary(this.#lines.map(({ series }) => series));
  }

  onShown(): void {
    this.#placeLines();
    this.#legendSoon();
  }

  onCursor(): void {
    this.#placeLines();
    this.#legendSoon();
  }

  onZoom(): void {
    this.#touch();
  }

  draw(): void {
    const plot = this.#plot;
    if (!plot) return;
    const now = performance.now();
    if (now - this.#themeMs > THEME_MS) this.#lookAtTheme(now);
    const { feed } = this.#source;
    const span = this.#viewOf(plot.columns);
    const moved = span.start !== this.#span?.start || span.end !== this.#span.end;
    const fresh = feed.version !== this.#version && span.end >= this.#drawnTo;
    // The player changes its list in place; each change of a marker has a sequence number of its own.
    const marks = this.#markers().reduce((sum, { sequence }) => sum + sequence, 0);
    if (!this.#dirty && !moved && !fresh && marks === this.#marks) return;
    this.#dirty = false;
    this.#marks = marks;
    this.#version = feed.version;
    this.#drawnTo = feed.now() - SURE_US;
    this.#span = span;
    const ranges = this.#vector ? [this.#readVector(this.#vector, span, plot.columns)] : this.#readLines(span, plot.columns);
    this.#source.want(this.#vector ? [this.#vector] : this.#lines.map(({ series }) => series), span, plot.columns);
    plot.draw(span, ranges);
    this.#placeLines();
    this.#legendSoon();
  }

  #toggle(name: string): void {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.#colourLegend();
    this.#touch();
  }

  #touch(): void {
    this.#dirty = true;
    if (this.#seen) drawLoop().soon();
  }

  /** Makes the plot anew if there are other series, units or names than before. */
  #rebuild(): void {
    const { numbers, vector } = this.#source.choose();
    const all = vector ? [vector] : numbers;
    this.#showMessage();
    const key = JSON.stringify(all.map(({ name, width, unit, label }) => [name, width, unit, label]));
    if (key !== this.#key) {
      this.#key = key;
      this.#plot?.destroy();
      this.#plot = null;
      this.#units = vector ? [''] : [...new Set(numbers.map(({ unit }) => unit))];
      this.#lines = numbers.map((series) => ({ series, bins: new Bins() }));
      if (all.length) this.#plot = this.#makePlot(vector !== null);
      this.#legend.element.classList.toggle('heat', vector !== null);
      this.#legend.list(all, numbers.length > 1);
      const what = !vector ? 'Chart' : this.#o.look === 'heat' ? 'Heat map' : 'Traces';
      this.#plotBox.setAttribute('aria-label', all.length ? `${what} of ${all.map(({ label }) => label).join(', ')}` : 'Empty chart');
      this.#colourLegend();
    }
    // The ends of axes in the configuration may have changed too.
    this.#vector = vector;
    for (const line of this.#lines) line.series = numbers.find(({ name }) => name === line.series.name) ?? line.series;
    if (!vector) this.#legend.range(null);
    this.#heat.spoil();
    this.#touch();
  }

  #makePlot(vector: boolean): Plot {
    const { group, utc, seek } = this.#o;
    return new Plot({
      mount: this.#plotBox,
      theme: () => this.#theme,
      units: this.#units,
      grid: !vector,
      lines: () =>
        this.#lines.map(({ series, bins }, at) => ({
          bins,
          axis: this.#units.indexOf(series.unit),
          colour: this.#colourOf(at),
          shown: !this.#hidden.has(series.name),
        })),
      paint: (context, box) => this.#paint(context, box),
      zone: utc ? () => 0 : zoneOffset,
      actions: {
        hover: (time) => group.pointAt(time),
        select: (span) => group.zoomTo(span),
        click: (time) => seek(time),
        reset: () => group.zoomTo(null),
        scale: (factor, time) => this.#scale(factor, time),
      },
    });
  }

  /** The time to show; its edges lie on whole pixels, so that bins keep their samples while the chart moves on. */
  #viewOf(columns: number): Span {
    const { group, window, paused } = this.#o;
    if (group.zoom) return group.zoom;
    const shown = group.shown?.timestamp ?? null;
    if (!paused() || this.#edge === null) this.#edge = followEdge(this.#edge, window, shown, group.motion, this.#source.feed.edge());
    const perColumn = window / columns;
    const last = Math.ceil(this.#edge / perColumn);
    return { start: (last - columns) * perColumn, end: last * perColumn };
  }

  #readLines(span: Span, columns: number): Range[] {
    return this.#units.map((unit) => {
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      let min: number | undefined;
      let max: number | undefined;
      for (const { series, bins } of this.#lines) {
        if (series.unit !== unit || this.#hidden.has(series.name)) continue;
        readInto(bins, series, this.#source.past(series), span.start, span.end, columns);
        low = Math.min(low, bins.low);
        high = Math.max(high, bins.high);
        const { config } = series;
        if (config.min !== undefined) min = Math.min(min ?? config.min, config.min);
        if (config.max !== undefined) max = Math.max(max ?? config.max, config.max);
      }
      const range = axisRange(this.#ranges.get(unit) ?? null, low, high, { min, max });
      this.#ranges.set(unit, range);
      return range;
    });
  }

  #readVector(series: FeedSeries, span: Span, columns: number): Range {
    this.#heat.update(series, this.#source.past(series), span, columns, this.#source.feed.now() - SURE_US);
    this.#legend.range(this.#heat.range);
    return { min: 0, max: series.width };
  }

  #paint(context: CanvasRenderingContext2D, box: Box): void {
    const series = this.#vector;
    const span = this.#span;
    if (!span) return;
    if (series && this.#o.look === 'heat') this.#heat.draw(context, box, span);
    else if (series) drawTraces(context, box, series, this.#source.past(series), span, this.#heat.range, this.#theme.series);
    drawMarkers(context, box, this.#markers(), span, devicePixelRatio);
  }

  /** Those of the player, if it shows this stream. */
  #markers(): readonly Marker[] {
    const { group, address } = this.#o;
    const src = group.player?.getAttribute('src');
    if (!src || new URL(src, document.baseURI).pathname !== new URL(address.live('')).pathname.replace(/\/$/, '')) return [];
    return group.player?.markers ?? [];
  }

  #shownSeries(): FeedSeries[] {
    if (this.#vector) return [this.#vector];
    return this.#lines.map(({ series }) => series).filter(({ name }) => !this.#hidden.has(name));
  }

  #readTime(): number {
    const { group } = this.#o;
    return group.cursor ?? group.shown?.timestamp ?? this.#source.feed.edge();
  }

  #placeLines(): void {
    const { group } = this.#o;
    this.#plot?.showAt(group.shown?.timestamp ?? null);
    this.#plot?.pointAt(group.cursor);
  }

  /** Text changes ten times a second at most. */
  #legendSoon(): void {
    if (this.#legendTimer !== undefined || document.hidden || !this.#seen) return;
    const wait = Math.max(0, this.#legendMs + LEGEND_MS - performance.now());
    this.#legendTimer = setTimeout(() => {
      this.#legendTimer = undefined;
      this.#legendMs = performance.now();
      this.#fillLegend();
    }, wait);
  }

  #fillLegend(): void {
    const { group, utc } = this.#o;
    const time = this.#readTime();
    for (const { series } of this.#lines) {
      const found = this.#source.valueAt(series, time);
      this.#legend.value(series.name, found?.value ?? null, found?.exact ?? true);
    }
    const clock = `${timeText(time, utc ? 0 : zoneOffset(time))}${utc ? ' UTC' : ''}`;
    const frame = group.cursor === null && group.shown ? ` · frame ${group.shown.id}` : '';
    this.#legend.time(group.cursor === null && !group.shown ? '' : `${clock}${frame}`);
  }

  #showMessage(): void {
    const { text, bad } = this.#source.message();
    this.#message.textContent = text;
    this.#message.hidden = text === '';
    this.#message.classList.toggle('bad', bad);
  }

  #colourOf(at: number): string {
    return this.#theme.series[at % this.#theme.series.length]!;
  }

  #colourLegend(): void {
    this.#lines.forEach(({ series }, at) => {
      this.#legend.colour(series.name, this.#colourOf(at), !this.#hidden.has(series.name));
    });
  }

  #lookAtTheme(now: number): void {
    this.#themeMs = now;
    const theme = themeOf(this.#o.host);
    if (JSON.stringify(theme) === JSON.stringify(this.#theme)) return;
    this.#theme = theme;
    this.#dirty = true;
    this.#colourLegend();
  }

  #scale(factor: number, time: number): void {
    const span = this.#span;
    if (!span) return;
    const start = time - (time - span.start) * factor;
    const end = time + (span.end - time) * factor;
    this.#o.group.zoomTo({ start, end: Math.min(end, Math.max(this.#source.feed.now(), span.end)) });
  }
}
