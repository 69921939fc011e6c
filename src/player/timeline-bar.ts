// The bar for going back in time: a slider over what is kept, with markers, spans and gaps where they were captured, and words for what is
// under the pointer. Everything lies where its capture time is. Drawn by elements alone: a <canvas> in the player is always the picture.
import type { Marker } from '../api/timeline.ts';
import { dateText, lengthText, timeText, utcText, zoneOffset, zoneText } from './clock-text.ts';
import { make } from './dom.ts';
import { type LayoutView, layoutGaps, layoutMarkers, type MarkerLayout, type SpanBar, type Tick, tickAt } from './marker-layout.ts';
import { kindLook, markerText, markerWhen } from './marker-look.ts';

/** What the bar shows. All times µs UTC. */
export interface TimelineView {
  readonly start: number;
  readonly end: number;
  readonly position: number | null;
  readonly live: boolean;
  /** Sorted by time. */
  readonly markers: readonly Marker[];
  readonly gaps: readonly { readonly start: number; readonly end: number; readonly reason: string }[];
  /** Markers at the position, for screen readers. */
  readonly here: readonly Marker[];
}

export interface TimelineActions {
  /** While the pointer moves; many in quick succession. */
  scrub(timestamp: number): void;
  /** The pointer was let go, or a key pressed. `end`: at the very end, the live edge is meant. */
  commit(timestamp: number, end: boolean): void;
  /** Somebody chose this marker. */
  choose(marker: Marker): void;
}

/** The last pixels of the bar mean "live". */
const LIVE_PIXELS = 6;
/** A click this near to a tick means the tick. */
const REACH = 6;
/** A press that moves less is a click. */
const STILL = 4;
/** So long after the last movement of the pointer the bar keeps still under it: nobody can hit what runs away. */
const HOLD_MS = 8000;
const LISTED = 5;
const POINTED_MS = 4000;

interface Place {
  readonly time: number;
  readonly end: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export class TimelineBar {
  readonly element: HTMLElement;
  readonly #actions: TimelineActions;
  readonly #done = make('div', { class: 'done', part: 'timeline-done' });
  readonly #knob = make('div', { class: 'knob', part: 'timeline-knob' });
  readonly #edge = make('div', { class: 'edge', part: 'timeline-edge' });
  readonly #tip = make('div', { class: 'tip', part: 'timeline-tip', hidden: '' });
  readonly #gaps = make('div', { class: 'gaps' });
  readonly #ticks = make('div', { class: 'ticks' });
  readonly #spans = make('div', { class: 'spans' });
  readonly #track = make('div', { class: 'track', part: 'timeline-track' }, this.#gaps, this.#done, this.#edge);
  #view: TimelineView | undefined;
  #layout: MarkerLayout = { ticks: [], spans: [] };
  #dragging = false;
  /** Where the pointer went down on a marker, until it moves. */
  #pressed: { readonly x: number; readonly marker: Marker } | undefined;
  #pointed: ReturnType<typeof setTimeout> | undefined;
  /** Until when the ends stay where they are, page time. */
  #heldUntil = 0;
  #hovered = false;

  constructor(actions: TimelineActions) {
    this.#actions = actions;
    this.element = make(
      'div',
      {
        class: 'timeline',
        part: 'timeline',
        role: 'slider',
        tabindex: '0',
        'aria-label': 'Time',
        'aria-valuemin': '0',
        'aria-orientation': 'horizontal',
      },
      this.#track,
      this.#spans,
      this.#ticks,
      this.#knob,
      this.#tip,
    );
    this.element.addEventListener('pointerdown', (event) => this.#onDown(event));
    this.element.addEventListener('pointermove', (event) => this.#onMove(event));
    this.element.addEventListener('pointerup', (event) => this.#onUp(event));
    this.element.addEventListener('pointercancel', () => {
      this.#dragging = false;
      this.#pressed = undefined;
    });
    this.element.addEventListener('pointerleave', () => {
      this.#hideTip();
      this.#hovered = false;
      this.#heldUntil = 0;
    });
    this.element.addEventListener('focus', () => this.#showFocus());
    this.element.addEventListener('blur', () => this.#hideTip());
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
    this.show(null);
  }

  /** Capture times of its ends, µs; `null` while it is not there. */
  get ends(): { readonly start: number; readonly end: number } | null {
    return this.element.hidden ? null : (this.#view ?? null);
  }

  /** `null`: there is no way back, the bar goes away. */
  show(newest: TimelineView | null): void {
    const held = this.#view && performance.now() < this.#heldUntil ? { start: this.#view.start, end: this.#view.end } : {};
    const view = newest && { ...newest, ...held };
    this.#view = view ?? undefined;
    this.element.hidden = !view || view.end <= view.start;
    if (!view || this.element.hidden) return;
    const length = view.end - view.start;
    if (!this.#dragging) this.#place(view.live ? 1 : ((view.position ?? view.end) - view.start) / length);
    this.#draw(view);
    const position = view.position ?? view.end;
    this.element.setAttribute('aria-valuemax', String(Math.round(length / 1_000_000)));
    this.element.setAttribute('aria-valuenow', String(Math.max(0, Math.round((position - view.start) / 1_000_000))));
    const offset = zoneOffset(position);
    const behind = view.live ? 'live' : `${lengthText((view.end - position) / 1000)} behind live`;
    const here = view.here.map((marker) => `, marker ${marker.label || marker.kind}`).join('');
    this.element.setAttribute('aria-valuetext', `${timeText(position, offset).slice(0, 8)} ${zoneText(offset)}, ${behind}${here}`);
    this.#edge.classList.toggle('on', view.live);
    this.#showFocus();
  }

  /** For keyboards: the words of the position, while the bar has the focus and nothing is pointed at. */
  #showFocus(): void {
    const view = this.#view;
    const width = this.#track.clientWidth;
    if (!view || !width || this.#hovered || this.#pointed || !this.element.matches(':focus-visible')) return;
    const time = view.position ?? view.end;
    const x = view.live ? width : ((time - view.start) / (view.end - view.start)) * width;
    const words = view.here.length ? markerWords(view.here) : this.#timeWords({ time, end: view.live, x, y: 0, width });
    this.#showTip(x, width, words);
  }

  /** Keeps the ends where they are: the pointer is on the bar or on something that lies on it. */
  hold(): void {
    this.#heldUntil = performance.now() + HOLD_MS;
  }

  /** Shows the words of a marker at its place for a moment, as for one that a key has gone to. */
  point(marker: Marker): void {
    const view = this.#view;
    const width = this.#track.clientWidth;
    if (!view || !width) return;
    this.#showTip(((marker.timestamp - view.start) / (view.end - view.start)) * width, width, markerWords([marker]));
    clearTimeout(this.#pointed);
    this.#pointed = setTimeout(() => this.#hideTip(), POINTED_MS);
  }

  #hideTip(): void {
    clearTimeout(this.#pointed);
    this.#pointed = undefined;
    this.#tip.hidden = true;
  }

  #place(share: number): void {
    const percent = `${Math.min(1, Math.max(0, share)) * 100}%`;
    this.#done.style.width = percent;
    this.#knob.style.left = percent;
  }

  #draw(view: TimelineView): void {
    const width = this.#track.clientWidth;
    // Those ahead of the live picture wait for it.
    const until = view.live && view.position !== null ? view.position : view.end;
    const place: LayoutView = { start: view.start, end: view.end, until, width };
    this.#layout = layoutMarkers(view.markers, place);
    const { ticks, spans } = this.#layout;
    drawAll(this.#ticks, ticks.length, 'tick', 'marker', (element, i) => drawTick(element, ticks, i));
    drawAll(this.#spans, spans.length, 'span', 'marker marker-span', (element, i) => drawSpan(element, spans[i]!));
    const gaps = layoutGaps(view.gaps, place);
    drawAll(this.#gaps, gaps.length, 'gap', 'timeline-gap', (element, i) => drawBox(element, gaps[i]!));
    const lanes = spans.reduce((most, span) => Math.max(most, span.lane + 1), 0);
    if (this.element.dataset.lanes !== String(lanes)) this.element.dataset.lanes = String(lanes);
  }

  /** Time under the pointer, and whether it is the end of the bar. */
  #at(event: PointerEvent): Place | null {
    const view = this.#view;
    const box = this.#track.getBoundingClientRect();
    if (!view || !box.width) return null;
    const x = Math.min(box.width, Math.max(0, event.clientX - box.left));
    const time = view.start + ((view.end - view.start) * x) / box.width;
    return { time, end: x >= box.width - LIVE_PIXELS, x, y: event.clientY, width: box.width };
  }

  /** What is under the pointer: the markers of a tick, or one span. */
  #markersAt(at: Place): readonly Marker[] {
    const spanBox = this.#spans.getBoundingClientRect();
    if (this.#layout.spans.length && at.y >= spanBox.top) {
      const height = spanBox.height / Math.max(1, Number(this.element.dataset.lanes));
      const lane = Math.floor((at.y - spanBox.top) / height);
      const hit = this.#layout.spans.findLast((span) => span.lane === lane && at.x >= span.x - 2 && at.x <= span.x + span.width + 2);
      if (hit) return [hit.marker];
    }
    return tickAt(this.#layout.ticks, at.x, REACH)?.markers ?? [];
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    const at = this.#at(event);
    if (!at) return;
    this.element.setPointerCapture(event.pointerId);
    const markers = this.#markersAt(at);
    if (markers.length) this.#pressed = { x: event.clientX, marker: nearest(markers, at.time) };
    else this.#dragging = true;
    this.#onMove(event);
  }

  #onMove(event: PointerEvent): void {
    const at = this.#at(event);
    if (!at) return;
    this.#hovered = true;
    this.hold();
    clearTimeout(this.#pointed);
    this.#pointed = undefined;
    const pressed = this.#pressed;
    if (pressed && Math.abs(event.clientX - pressed.x) >= STILL) {
      this.#pressed = undefined;
      this.#dragging = true;
    }
    const markers = this.#dragging ? [] : this.#markersAt(at);
    this.#showTip(at.x, at.width, markers.length ? markerWords(markers) : this.#timeWords(at));
    if (!this.#dragging) return;
    this.#place(at.x / at.width);
    this.#actions.scrub(at.time);
  }

  #onUp(event: PointerEvent): void {
    const pressed = this.#pressed;
    const dragging = this.#dragging;
    this.#pressed = undefined;
    this.#dragging = false;
    if (pressed) this.#actions.choose(pressed.marker);
    else if (dragging) {
      const at = this.#at(event);
      if (at) this.#actions.commit(at.time, at.end);
    }
    if (event.pointerType !== 'mouse') this.#tip.hidden = true;
  }

  #timeWords(at: Place): Node[] {
    const view = this.#view!;
    const offset = zoneOffset(at.time);
    const gap = view.gaps.find(({ start, end }) => at.time >= start && at.time <= end);
    const ago = `${lengthText((view.end - at.time) / 1000)} ago`;
    return [
      make('strong', {}, `${dateText(at.time, offset)} ${timeText(at.time, offset)} ${zoneText(offset)}`),
      make('span', {}, utcText(at.time)),
      make('span', {}, at.end ? 'live' : ago),
      ...(gap ? [make('span', {}, `gap of ${lengthText((gap.end - gap.start) / 1000)}: ${gap.reason}`)] : []),
    ];
  }

  #showTip(x: number, width: number, words: readonly Node[]): void {
    this.#tip.replaceChildren(...words);
    this.#tip.hidden = false;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.min(Math.max(x, half), Math.max(half, width - half))}px`;
  }

  #onKey(event: KeyboardEvent): void {
    const view = this.#view;
    if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
    const position = view.position ?? view.end;
    const minute = 60_000_000;
    if (event.key === 'Home') this.#actions.commit(view.start, false);
    else if (event.key === 'End') this.#actions.commit(view.end, true);
    else if (event.key === 'PageDown') this.#actions.commit(Math.max(view.start, position - minute), false);
    else if (event.key === 'PageUp') this.#actions.commit(position + minute, position + minute >= view.end);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function nearest(markers: readonly Marker[], time: number): Marker {
  return markers.reduce((best, marker) => (Math.abs(marker.timestamp - time) < Math.abs(best.timestamp - time) ? marker : best));
}

function markerWords(markers: readonly Marker[]): Node[] {
  const rows = markers.slice(0, LISTED).map((marker) => {
    const { colour, shape } = kindLook(marker.kind);
    const sign = make('i', { class: 'sign', 'data-shape': shape, style: `--kind: ${colour}` });
    return make(
      'div',
      { class: 'marker-words' },
      make('strong', {}, sign, marker.label || 'Marker'),
      make('span', {}, `${marker.kind}, ${markerWhen(marker)}`),
    );
  });
  const more = markers.length - rows.length;
  return more > 0 ? [make('strong', {}, `${markers.length} markers`), ...rows, make('span', {}, `and ${more} more`)] : rows;
}

/** Brings the children to this number and draws each. Elements are used again: markers come and go all the time. */
function drawAll(layer: HTMLElement, count: number, kind: string, part: string, draw: (element: HTMLElement, i: number) => void): void {
  while (layer.childElementCount > count) layer.lastElementChild!.remove();
  while (layer.childElementCount < count) layer.append(make('div', { class: kind, part }));
  for (let i = 0; i < count; i++) draw(layer.children[i] as HTMLElement, i);
}

/** Room that the number of a collected tick needs, in pixels. */
const COUNT_ROOM = 15;

function drawTick(element: HTMLElement, ticks: readonly Tick[], i: number): void {
  const { x, markers } = ticks[i]!;
  const first = markers[0]!;
  const lonely =
    x - (ticks[i - 1]?.x ?? Number.NEGATIVE_INFINITY) > COUNT_ROOM && (ticks[i + 1]?.x ?? Number.POSITIVE_INFINITY) - x > COUNT_ROOM;
  const count = markers.length > 1 ? (lonely ? String(Math.min(99, markers.length)) : '·') : '';
  look(element, `translateX(${x.toFixed(1)}px)`, first, count);
}

function drawSpan(element: HTMLElement, { x, width, lane, marker }: SpanBar): void {
  drawBox(element, { x, width });
  look(element, `translateY(${lane * 4}px)`, marker, marker.open ? 'open' : '');
}

function drawBox(element: HTMLElement, { x, width }: { x: number; width: number }): void {
  const [left, wide] = [`${x.toFixed(1)}px`, `${width.toFixed(1)}px`];
  if (element.style.left !== left) element.style.left = left;
  if (element.style.width !== wide) element.style.width = wide;
}

/** Writes only what is another than before: most redraws move nothing. */
function look(element: HTMLElement, transform: string, marker: Marker, note: string): void {
  if (element.style.transform !== transform) element.style.transform = transform;
  const key = `${marker.id} ${marker.sequence} ${note}`;
  if (element.dataset.key === key) return;
  const { colour, shape } = kindLook(marker.kind);
  element.style.setProperty('--kind', colour);
  const frame = marker.frame === null ? '' : String(marker.frame);
  Object.assign(element.dataset, { key, shape, note, marker: marker.id, frame, label: markerText(marker) });
}
