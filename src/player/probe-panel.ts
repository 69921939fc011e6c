// What the line and the rectangle over the picture measure: a profile of values, and statistics over time, which can go to the stream's charts.
import type { MetricInput } from '../api/timeline.ts';
import type { Picture } from '../core/frame.ts';
import { make } from './dom.ts';
import { shape } from './picture-layer.ts';
import { lineValues, type RegionStats, regionStats } from './probe.ts';
import type { ProbeShapes } from './probe-shapes.ts';
import { plotPath } from './sparkline.ts';
import type { TimelineApi } from './timeline-api.ts';
import type { ShownFrame } from './transport.ts';
import { lengthName } from './zoom.ts';

/** Size of the plots in their own units. */
const [WIDTH, HEIGHT] = [256, 64];
const DRAW_MS = 80;
const SEND_MS = 250;
/** How much of the past the statistics show, µs of capture time. */
const PAST_US = 30_000_000;
const MOST_POINTS = 2000;

export interface ProbePanelOptions {
  readonly shapes: ProbeShapes;
  readonly api: () => TimelineApi | undefined;
  /** µm; `null` = not known. */
  readonly pixelSize: () => number | null;
  readonly tell: (text: string) => void;
}

interface Point {
  readonly timestamp: number;
  readonly stats: RegionStats;
}

/** A number as somebody would write it. */
const plain = (value: number) => (value - value === 0 ? String(Number(value.toPrecision(5))) : '–');

function plot(label: string): { svg: SVGElement; band: SVGElement; line: SVGElement } {
  const svg = shape('svg', {
    class: 'plot',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': label,
  });
  const band = shape('path', { class: 'plot-band', d: '' });
  const line = shape('path', { class: 'plot-line', d: '' });
  svg.append(band, line);
  return { svg, band, line };
}

export class ProbePanel {
  readonly element: HTMLElement;
  readonly #options: ProbePanelOptions;
  readonly #profile = plot('Values along the line');
  readonly #profileText = make('p', { class: 'probe-text' });
  readonly #profileBox: HTMLElement;
  readonly #trace = plot('Mean of the region in the last 30 seconds, with its standard deviation');
  readonly #regionText = make('p', { class: 'probe-text' });
  readonly #regionBox: HTMLElement;
  readonly #send = make('input', { type: 'checkbox' });
  #points: Point[] = [];
  #rectKey = '';
  #drawnMs = 0;
  #queue: MetricInput[] = [];
  #sentMs = 0;

  constructor(options: ProbePanelOptions) {
    this.#options = options;
    this.#profileBox = make(
      'div',
      { hidden: '' },
      make('p', { class: 'probe-title' }, 'Line profile'),
      this.#profile.svg,
      this.#profileText,
    );
    this.#regionBox = make(
      'div',
      { hidden: '' },
      make('p', { class: 'probe-title' }, 'Region, last 30 s'),
      this.#trace.svg,
      this.#regionText,
      make('label', { class: 'check' }, this.#send, 'Send to the charts'),
    );
    this.element = make('div', { class: 'probes', part: 'probes' }, this.#profileBox, this.#regionBox);
    this.#send.addEventListener('change', () => {
      if (this.#send.checked) options.tell('The region’s mean, std, min and max are metrics of the stream now.');
      else this.#queue = [];
    });
  }

  /** Measures this picture; `frame` null: the same one once more, because a shape was moved. */
  measure(picture: Picture, frame: ShownFrame | null): void {
    const { line, rect } = this.#options.shapes;
    this.#profileBox.hidden = !line;
    this.#regionBox.hidden = !rect;
    const now = performance.now();
    const draw = frame === null || now - this.#drawnMs > DRAW_MS;
    if (draw) this.#drawnMs = now;
    if (line && draw) {
      const length = Math.hypot(line.x2 - line.x1, line.y2 - line.y1);
      this.#showProfile(lineValues(picture, line), length);
    }
    if (!rect) {
      this.#points = [];
      return;
    }
    const stats = regionStats(picture, rect);
    const key = JSON.stringify(rect);
    // Another region has another history.
    if (key !== this.#rectKey) this.#points = [];
    this.#rectKey = key;
    if (frame) {
      // After going back in time the past is another one.
      if (frame.timestamp <= (this.#points.at(-1)?.timestamp ?? 0)) this.#points = [];
      this.#points.push({ timestamp: frame.timestamp, stats });
      const first = this.#points.findIndex(({ timestamp }) => timestamp > frame.timestamp - PAST_US);
      if (first > 0 || this.#points.length > MOST_POINTS) this.#points.splice(0, Math.max(first, this.#points.length - MOST_POINTS));
      if (this.#send.checked) this.#collect(frame, stats, now);
    }
    if (draw) this.#showRegion(stats, rect);
  }

  #showProfile(values: Float64Array, length: number): void {
    const { path, low, high } = plotPath(
      [...values].map((value, i) => [i, value]),
      WIDTH,
      HEIGHT,
    );
    this.#profile.line.setAttribute('d', path);
    const size = this.#options.pixelSize();
    const far = `${plain(length)} px${size ? ` = ${lengthName(length * size)}` : ''}`;
    this.#profileText.textContent = `${plain(low)} to ${plain(high)} over ${far}`;
  }

  #showRegion(stats: RegionStats, { x, y, width, height }: { x: number; y: number; width: number; height: number }): void {
    const points = this.#points;
    const end = points.at(-1)?.timestamp ?? 0;
    const at = (pick: (stats: RegionStats) => number) => points.map(({ timestamp, stats: of }) => [timestamp - end, pick(of)] as const);
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { stats: of } of points) {
      low = Math.min(low, of.mean - of.std);
      high = Math.max(high, of.mean + of.std);
    }
    const span = { from: -PAST_US, to: 0, low, high };
    this.#trace.line.setAttribute(
      'd',
      plotPath(
        at((of) => of.mean),
        WIDTH,
        HEIGHT,
        span,
      ).path,
    );
    const upper = plotPath(
      at((of) => of.mean + of.std),
      WIDTH,
      HEIGHT,
      span,
    ).path;
    const lower = plotPath(at((of) => of.mean - of.std).reverse(), WIDTH, HEIGHT, span).path;
    this.#trace.band.setAttribute('d', points.length > 1 ? `${upper}L${lower.slice(1)}Z` : '');
    const parts = [`mean ${plain(stats.mean)} ± ${plain(stats.std)}`, `min ${plain(stats.min)}`, `max ${plain(stats.max)}`];
    if (stats.saturated) parts.push(`${stats.saturated} saturated`);
    this.#regionText.textContent = `${parts.join(', ')} · x ${x}, y ${y}, ${width} × ${height}`;
  }

  /** The values are on their way together, four times a second. */
  #collect(frame: ShownFrame, { mean, std, min, max }: RegionStats, now: number): void {
    const number = (value: number) => (value - value === 0 ? value : null);
    const values = { 'region.mean': number(mean), 'region.std': number(std), 'region.min': number(min), 'region.max': number(max) };
    this.#queue.push({ frame: frame.id, values });
    if (now - this.#sentMs < SEND_MS) return;
    this.#sentMs = now;
    const batch = this.#queue;
    this.#queue = [];
    this.#options
      .api()
      ?.measure(batch)
      .catch((error: unknown) => {
        this.#send.checked = false;
        this.#options.tell(`The charts get nothing more: ${error instanceof Error ? error.message : String(error)}`);
      });
  }
}
