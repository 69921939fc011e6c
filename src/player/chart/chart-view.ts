// One chart at work: takes the samples of its metrics from the feed and from the past, and draws them for the time that its group shows.
import type { StreamAddress } from '../address.ts';
import { timeText, zoneOffset } from '../clock-text.ts';
import { make } from '../dom.ts';
import { Bins } from './bins.ts';
import { type ChartGroup, followEdge, type GroupMember, type Span } from './chart-group.ts';
import { type Theme, themeOf } from './colours.ts';
import { type Drawable, drawLoop } from './draw-loop.ts';
import { HeatMap } from './heat-map.ts';
import { Legend } from './legend.ts';
import { type FeedSeries, feedOf, leaveFeed, type MetricFeed } from './metric-feed.ts';
import { axisRange, numberText, type Range } from './numbers.ts';
import { Past } from './past.ts';
import { Plot } from './plot.ts';
import { neighbourTime, readInto, type ValueAt, valueAt } from './reader.ts';
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

export class ChartView implements GroupMember, Drawable {
  readonly elements: readonly HTMLElement[];
  readonly #o: ChartViewOptions;
  readonly #feed: MetricFeed;
  readonly #past: Past;
  readonly #plotBox = make('div', { class: 'plot', part: 'plot', tabindex: '0', role: 'group', 'aria-roledescription': 'chart' });
  readonly #message = make('p', { class: 'message', part: 'message', hidden: '' });
  readonly #legend = new Legend((name) => this.toggle(name));
  readonly #heat = new HeatMap();
  readonly #hidden = new Set<string>();
  readonly #off: (() => void)[] = [];
  readonly #ranges = new Map<string, Range>();
  #plot: Plot | null = null;
  #lines: { series: FeedSeries; bins: Bins }[] = [];
  #vector: string | null = null;
  #units: string[] = [];
  #key = '';
  #theme: Theme;
  #themeMs = 0;
  #edge: number | null = null;
  #span: Span | null = null;
  #dirty = true;
  #version = -1;
  #drawnTo = 0;
  #legendMs = 0;
  #legendTimer: ReturnType<typeof setTimeout> | undefined;
  #seen = false;

  constructor(options: ChartViewOptions) {
    this.#o = options;
    this.#theme = themeOf(options.host);
    this.#feed = feedOf(options.address);
    this.#past = new Past(options.address, () => this.#touch());
    this.elements = [this.#legend.element, this.#plotBox, this.#message];
    this.#off.push(
      this.#feed.on('series', () => this.#rebuild()),
      this.#feed.on('problem', () => this.#showMessage()),
      this.#feed.on('late', ({ start, end }) => {
        this.#past.spoil(start, end);
        this.#touch();
      }),
    );
    this.#feed.need(this, options.names, options.window);
    options.group.join(this);
    this.#plotBox.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** To be called when the elements are in the page. */
  open(): void {
    const size = new ResizeObserver(() => {
      this.#plot?.resize(this.#plotBox.clientWidth, this.#plotBox.clientHeight);
      this.#heat.spoil();
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
    this.#past.close();
    leaveFeed(this.#feed, this);
    this.#plot?.destroy();
    for (const element of this.elements) element.remove();
  }

  /** What is in view, µs. */
  get span(): Span | null {
    return this.#span;
  }

  get periodMs(): number {
    if (!this.#plot || this.#o.group.motion === 'paused' || this.#o.group.zoom || this.#o.paused()) return Number.POSITIVE_INFINITY;
    return this.#o.window / 1000 / (this.#plot.columns / devicePixelRatio);
  }

  /** Values at the cursor, else at the shown frame, else the newest, by name; `null` where there is none. */
  values(): Record<string, number | null> {
    const time = this.#readTime();
    return Object.fromEntries(this.#lines.map(({ series }) => [series.name, this.#valueAt(series, time)?.value ?? null]));
  }

  /** A sentence about the newest values, for those who hear the page. */
  summary(): string {
    if (this.#lines.length === 0) return this.#message.textContent ?? '';
    const said = this.#lines.map(({ series }) => {
      const value = this.#valueAt(series, this.#feed.edge())?.value;
      return `${series.label} ${value === undefined ? 'no value' : `${numberText(value)} ${series.unit}`}`.trim();
    });
    return said.join(', ');
  }

  toggle(name: string): void {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.#colourLegend();
    this.#touch();
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

  #touch(): void {
    this.#dirty = true;
    if (this.#seen) drawLoop().soon();
  }

  /** Makes the plot anew if there are other series, units or axes than before. */
  #rebuild(): void {
    const { names, look } = this.#o;
    const all = names ? names.map((name) => this.#feed.series.get(name)) : [...this.#feed.series.values()];
    const known = all.filter((series) => series !== undefined);
    const numbers = known.filter(({ width }) => width === 1);
    const vector = numbers.length ? null : (known.find(({ width }) => width > 1) ?? null);
    const key = JSON.stringify([
      numbers.map(({ name, unit, label }) => [name, unit, label]),
      vector && [vector.name, vector.width, vector.unit, vector.label],
    ]);
    this.#showMessage();
    if (key !== this.#key) {
      this.#key = key;
      this.#plot?.destroy();
      this.#plot = null;
      this.#vector = vector?.name ?? null;
      this.#units = vector ? ['place'] : [...new Set(numbers.map(({ unit }) => unit))];
      this.#lines = numbers.map((series) => ({ series, bins: new Bins() }));
      if (numbers.length || vector) this.#makePlot(vector);
      this.#legend.element.classList.toggle('heat', vector !== null);
      this.#legend.list(vector ? [vector] : numbers, numbers.length > 1);
      this.#legend.range(null);
      const list = (vector ? [vector] : numbers).map(({ label }) => label).join(', ');
      const what = !vector ? 'Chart' : look === 'heat' ? 'Heat map' : 'Traces';
      this.#plotBox.setAttribute('aria-label', list ? `${what} of ${list}` : 'Chart without metrics');
      this.#colourLegend();
    } else {
      // The axes of the configuration may have changed.
      for (const line of this.#lines) line.series = this.#feed.series.get(line.series.name) ?? line.series;
    }
    this.#ranges.clear();
    this.#heat.spoil();
    this.#touch();
  }

  #makePlot(vector: FeedSeries | null): void {
    const { group, utc, seek } = this.#o;
    this.#plot = new Plot({
      mount: this.#plotBox,
      theme: () => this.#theme,
      units: this.#units,
      lines: this.#lines.map(({ series, bins }, at) => ({
        bins,
        unit: series.unit,
        colour: () => this.#colourOf(at),
        shown: () => !this.#hidden.has(series.name),
      })),
      zone: utc ? () => 0 : zoneOffset,
      ...(vector && { paint: (context, box) => this.#paintVector(context, box) }),
      actions: {
        hover: (time) => group.pointAt(time),
        select: (span) => group.zoomTo(span),
        click: (time) => seek(time),
        reset: () => group.zoomTo(null),
        scale: (factor, time) => this.#scale(factor, time),
      },
    });
  }

  draw(): void {
    const plot = this.#plot;
    if (!plot) return;
    const now = performance.now();
    if (now - this.#themeMs > THEME_MS) this.#lookAtTheme(now);
    const span = this.#viewOf(plot.columns);
    const moved = span.start !== this.#span?.start || span.end !== this.#span.end;
    const fresh = this.#feed.version !== this.#version && span.end >= this.#drawnTo;
    if (!this.#dirty && !moved && !fresh) return;
    this.#dirty = false;
    this.#version = this.#feed.version;
    this.#drawnTo = this.#feed.now() - 1_000_000;
    this.#span = span;
    const ranges = this.#vector ? [this.#vectorRange(span, plot.columns)] : this.#readLines(span, plot.columns);
    this.#wantPast(span, plot.columns);
    plot.draw(span, ranges);
    this.#placeLines();
    this.#legendSoon();
  }

  /** The time to show; its edges lie on whole pixels, so that bins keep their samples while the chart moves on. */
  #viewOf(columns: number): Span {
    const { group, window, paused } = this.#o;
    if (group.zoom) return group.zoom;
    const shown = group.shown?.timestamp ?? null;
    if (!paused() || this.#edge === null) this.#edge = followEdge(this.#edge, window, shown, group.motion, this.#feed.edge());
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
        readInto(bins, series, this.#past.series.get(series.name), span.start, span.end, columns);
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

  #vectorRange(span: Span, columns: number): Range {
    const series = this.#feed.series.get(this.#vector!);
    if (!series) return { min: 0, max: 1 };
    // What comes within the next second may still change the newest columns.
    this.#heat.update(series, this.#past.series.get(series.name), span, columns, this.#feed.now() - 1_000_000);
    this.#legend.range(this.#heat.range);
    return { min: 0, max: series.width };
  }

  #paintVector(context: CanvasRenderingContext2D, box: { left: number; top: number; width: number; height: number }): void {
    const series = this.#vector === null ? undefined : this.#feed.series.get(this.#vector);
    if (!series || !this.#span) return;
    if (this.#o.look === 'heat') this.#heat.draw(context, box, this.#span);
    else drawTraces(context, box, series, this.#past.series.get(series.name), this.#span, this.#heat.range, this.#theme.series);
  }

  /** Asks for what lies before the live samples. */
  #wantPast(span: Span, columns: number): void {
    const missing = this.#shownSeries().filter((series) => span.start < series.from);
    if (missing.length === 0) return;
    const end = Math.min(span.end, Math.max(...missing.map(({ from }) => from)));
    const intervals = missing.map(({ live }) => live.interval()).filter((interval) => interval !== null);
    this.#past.want({
      names: missing.map(({ name }) => name),
      start: span.start,
      end,
      columns: Math.max(16, Math.round((columns * (end - span.start)) / (span.end - span.start))),
      interval: intervals.length ? Math.min(...intervals) : null,
    });
  }

  #shownSeries(): FeedSeries[] {
    if (this.#vector === null) return this.#lines.map(({ series }) => series);
    const series = this.#feed.series.get(this.#vector);
    return series ? [series] : [];
  }

  #valueAt(series: FeedSeries, time: number): ValueAt | null {
    return valueAt(series, this.#past.series.get(series.name), time);
  }

  #readTime(): number {
    const { group } = this.#o;
    return group.cursor ?? group.shown?.timestamp ?? this.#feed.edge();
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
      const found = this.#valueAt(series, time);
      this.#legend.value(series.name, found?.value ?? null, found?.exact ?? true);
    }
    const clock = `${timeText(time, utc ? 0 : zoneOffset(time))}${utc ? ' UTC' : ''}`;
    const frame = group.cursor === null && group.shown ? ` · frame ${group.shown.id}` : '';
    this.#legend.time(group.cursor === null && !group.shown ? '' : `${clock}${frame}`);
  }

  #showMessage(): void {
    const { problem, loaded, series } = this.#feed;
    const { names } = this.#o;
    const missing = names?.filter((name) => !series.has(name)) ?? [];
    let text = '';
    if (problem) text = problem;
    else if (!loaded) text = 'Loading…';
    else if (names && missing.length === names.length) text = `Nothing of ${missing.map((name) => `“${name}”`).join(', ')} has come yet.`;
    else if (series.size === 0) text = 'No metrics have come yet.';
    this.#message.textContent = text;
    this.#message.hidden = text === '';
    this.#message.classList.toggle('bad', problem !== null);
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
    this.#o.group.zoomTo({ start, end: Math.min(end, Math.max(this.#feed.now(), span.end)) });
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { group, seek } = this.#o;
    const time = this.#readTime();
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') this.#step(event.key === 'ArrowRight' ? 1 : -1);
    else if (event.key === 'Enter') seek(time);
    else if (event.key === 'Escape') {
      if (group.cursor !== null) group.pointAt(null);
      else group.zoomTo(null);
    } else if (event.key === '+' || event.key === '=') this.#scale(0.5, time);
    else if (event.key === '-') this.#scale(2, time);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Moves the cursor to the next sample. */
  #step(direction: 1 | -1): void {
    const from = this.#readTime();
    let best: number | null = null;
    for (const series of this.#shownSeries()) {
      if (this.#hidden.has(series.name)) continue;
      const time = neighbourTime(series, this.#past.series.get(series.name), from, direction);
      if (time !== null && (best === null || Math.abs(time - from) < Math.abs(best - from))) best = time;
    }
    if (best !== null) this.#o.group.pointAt(best);
  }
}
