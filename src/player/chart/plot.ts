// uPlot as the charts use it: axes, scales, cursor and the drag that selects. What lies between the axes is drawn from bins, or by a
// painter of its own, so that no array is made per sample.
import uPlot from 'uplot';
import { timeText } from '../clock-text.ts';
import { make } from '../dom.ts';
import type { Span } from './chart-group.ts';
import type { Theme } from './colours.ts';
import { type Box, drawLines, type Line } from './lines.ts';
import { type Range, tickText } from './numbers.ts';

export type { Box };

export interface PlotOptions {
  readonly mount: HTMLElement;
  readonly theme: () => Theme;
  readonly lines: () => readonly Line[];
  /** Units in the order of their axes: the first is on the left, the second on the right, others have none. */
  readonly units: readonly string[];
  /** Minutes that the shown zone is ahead of UTC at a time. */
  readonly zone: (micros: number) => number;
  readonly grid: boolean;
  /** Paints what lies behind the lines. */
  readonly paint: (context: CanvasRenderingContext2D, box: Box) => void;
  readonly actions: PlotActions;
}

export interface PlotActions {
  /** The pointer is over this time; `null`: it has left. */
  hover(time: number | null): void;
  select(span: Span): void;
  click(time: number): void;
  reset(): void;
  /** Makes the view this many times as long, round a time. */
  scale(factor: number, time: number): void;
}

const LEFT = 58;
const RIGHT = 52;
const DRAG_PIXELS = 4;
/** Half of the width of a time at the axis. */
const LABEL_HALF = 26;
const FONT = '11px system-ui, sans-serif';
/** Two points that lie outside of every view: the lines come from the bins. */
const ENDS = [0, 1e15];

export class Plot {
  readonly #u: uPlot;
  readonly #options: PlotOptions;
  readonly #shownLine = make('div', { class: 'shown-line', part: 'shown-line', hidden: '' });
  #span: Span = { start: 0, end: 1 };
  #ranges: readonly Range[] = [];
  /** Where the pointer is over this chart, in pixels from its left edge. */
  #hoverX: number | null = null;
  #downX = 0;
  #downTime = 0;

  constructor(options: PlotOptions) {
    this.#options = options;
    const { units, mount } = options;
    const ink = () => options.theme().muted;
    const scales: uPlot.Scales = { x: { time: false, auto: false, range: (_u, min, max) => [min, max] } };
    for (const at of units.keys()) scales[`y${at}`] = { auto: false, range: (_u, min, max) => [min, max] };
    this.#u = new uPlot(
      {
        width: Math.max(50, mount.clientWidth),
        height: Math.max(50, mount.clientHeight),
        ms: 1,
        padding: [8, units.length > 1 ? 0 : 12, 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, setScale: false, dist: DRAG_PIXELS },
          bind: { dblclick: () => null },
        },
        scales,
        axes: [
          {
            stroke: ink,
            font: FONT,
            size: 24,
            gap: 3,
            space: 80,
            incrs: TIME_STEPS,
            ticks: { size: 4, width: 1, stroke: () => options.theme().grid },
            grid: { show: options.grid, width: 1, stroke: () => options.theme().grid },
            splits: (_u, _axis, min, max, step) => timeSplits(min, max, step, options.zone(min * 1000)),
            values: (u, splits, _axis, _space, step) =>
              splits.map((ms) => (fits(u, ms) ? axisTime(ms, step, options.zone(ms * 1000)) : '')),
          },
          ...units.slice(0, 2).map(
            (_, at): uPlot.Axis => ({
              scale: `y${at}`,
              side: at === 0 ? 3 : 1,
              stroke: ink,
              font: FONT,
              size: at === 0 ? LEFT : RIGHT,
              gap: 4,
              space: 26,
              ticks: { size: 4, width: 1, stroke: () => options.theme().grid },
              grid: { show: at === 0 && options.grid, width: 1, stroke: () => options.theme().grid },
              values: (_u, splits, _axis, _space, step) => splits.map((value) => tickText(value, step)),
            }),
          ),
        ],
        series: [{}, { scale: 'y0', paths: () => null, points: { show: false }, auto: false }],
        hooks: {
          drawAxes: [(u) => this.#drawInside(u)],
          setSelect: [(u) => this.#onSelect(u)],
        },
      },
      [ENDS, [null, null]],
      mount,
    );
    this.#u.over.append(this.#shownLine);
    this.#listen(this.#u.over);
  }

  /** Width of the inside in pixels of the canvas. */
  get columns(): number {
    return Math.max(1, Math.round(this.#u.bbox.width));
  }

  /** Draws a view; one range for each unit. */
  draw(span: Span, ranges: readonly Range[]): void {
    this.#span = span;
    this.#ranges = ranges;
    this.#u.batch(() => {
      ranges.forEach((range, at) => {
        this.#u.setScale(`y${at}`, { min: range.min, max: range.max });
      });
      this.#u.setScale('x', { min: span.start / 1000, max: span.end / 1000 });
    });
    // The time moves on under a pointer that stands still.
    if (this.#hoverX !== null) this.#options.actions.hover(Math.round(this.#timeAt(this.#hoverX)));
  }

  /** The line of the shown frame. */
  showAt(time: number | null): void {
    const x = time === null ? null : this.#xOf(time);
    this.#shownLine.hidden = x === null;
    if (x !== null) this.#shownLine.style.translate = `${x.toFixed(1)}px`;
  }

  /** The cursor of the group. */
  pointAt(time: number | null): void {
    const x = time === null ? null : this.#xOf(time);
    this.#u.setCursor(x === null ? { left: -10, top: -10 } : { left: x, top: 0 }, false);
  }

  resize(width: number, height: number): void {
    const u = this.#u;
    if (width !== u.width || height !== u.height) u.setSize({ width: Math.max(50, width), height: Math.max(50, height) });
  }

  destroy(): void {
    this.#u.destroy();
  }

  #xOf(time: number): number | null {
    const { start, end } = this.#span;
    return time < start || time > end ? null : ((time - start) / (end - start)) * (this.#u.bbox.width / uPlot.pxRatio);
  }

  #timeAt(x: number): number {
    const { start, end } = this.#span;
    return start + (x / (this.#u.bbox.width / uPlot.pxRatio)) * (end - start);
  }

  #onSelect(u: uPlot): void {
    const { left, width } = u.select;
    if (width < DRAG_PIXELS) return;
    const span = { start: this.#timeAt(left), end: this.#timeAt(left + width) };
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#options.actions.select(span);
  }

  #listen(over: HTMLElement): void {
    const { actions } = this.#options;
    const placeOf = (event: MouseEvent) => event.clientX - over.getBoundingClientRect().left;
    const timeOf = (event: MouseEvent) => Math.round(this.#timeAt(placeOf(event)));
    // uPlot keeps the place of the chart; the page may have moved it.
    over.addEventListener('pointerenter', () => this.#u.syncRect(true));
    over.addEventListener('pointermove', (event) => {
      this.#hoverX = placeOf(event);
      actions.hover(timeOf(event));
    });
    over.addEventListener('pointerleave', () => {
      this.#hoverX = null;
      actions.hover(null);
    });
    over.addEventListener('pointerdown', (event) => {
      this.#downX = event.clientX;
      this.#downTime = timeOf(event);
    });
    over.addEventListener('click', (event) => {
      // A click comes in whole pixels: the press says where the pointer was, and whose number stood there.
      if (Math.abs(event.clientX - this.#downX) <= DRAG_PIXELS && event.detail < 2) actions.click(this.#downTime);
    });
    over.addEventListener('dblclick', () => actions.reset());
    // Without a key the wheel scrolls the page; pinching on a trackpad comes with Ctrl.
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      actions.scale(1.003 ** Math.max(-100, Math.min(100, event.deltaY)), timeOf(event));
    };
    over.addEventListener('wheel', onWheel, { passive: false });
  }

  #drawInside(u: uPlot): void {
    this.#options.paint(u.ctx, u.bbox);
    drawLines(u.ctx, u.bbox, this.#options.lines(), this.#ranges, uPlot.pxRatio);
  }
}

const TIME_STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map((s) => s * 1000),
];

/** Ticks at round times of the zone, all in ms. */
function timeSplits(min: number, max: number, step: number, zoneMinutes: number): number[] {
  const offset = zoneMinutes * 60_000;
  const splits: number[] = [];
  for (let ms = Math.ceil((min + offset) / step) * step - offset; ms <= max; ms += step) splits.push(ms);
  return splits;
}

/** Whether a label at this time is not cut off at the end of the chart. */
function fits(u: uPlot, ms: number): boolean {
  const right = u.bbox.left / uPlot.pxRatio + u.valToPos(ms, 'x');
  return right + LABEL_HALF <= u.width;
}

function axisTime(ms: number, step: number, zone: number): string {
  const text = timeText(Math.round(ms) * 1000, zone);
  return step < 1000 ? text.slice(3) : step < 60_000 ? text.slice(0, 8) : text.slice(0, 5);
}
