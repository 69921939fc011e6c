// The bar for going back in time: a slider over what is kept, with the wall clock under the pointer.
import { dateText, lengthText, timeText, utcText, zoneOffset, zoneText } from './clock-text.ts';
import { make } from './dom.ts';

/** What the bar shows. All times µs UTC. */
export interface TimelineView {
  readonly start: number;
  readonly end: number;
  readonly position: number | null;
  readonly live: boolean;
}

export interface TimelineActions {
  /** While the pointer moves; many in quick succession. */
  scrub(timestamp: number): void;
  /** The pointer was let go, or a key pressed. `end`: at the very end, the live edge is meant. */
  commit(timestamp: number, end: boolean): void;
}

/** The last pixels of the bar mean "live". */
const LIVE_PIXELS = 6;

export class TimelineBar {
  readonly element: HTMLElement;
  readonly #actions: TimelineActions;
  readonly #done = make('div', { class: 'done', part: 'timeline-done' });
  readonly #knob = make('div', { class: 'knob', part: 'timeline-knob' });
  readonly #tip = make('div', { class: 'tip', part: 'timeline-tip', hidden: '' });
  readonly #track = make('div', { class: 'track', part: 'timeline-track' }, this.#done, this.#knob);
  #view: TimelineView | undefined;
  #dragging = false;

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
      this.#tip,
    );
    this.element.addEventListener('pointerdown', (event) => this.#onDown(event));
    this.element.addEventListener('pointermove', (event) => this.#onMove(event));
    this.element.addEventListener('pointerup', (event) => this.#onUp(event));
    this.element.addEventListener('pointercancel', () => (this.#dragging = false));
    this.element.addEventListener('pointerleave', () => (this.#tip.hidden = true));
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
    this.show(null);
  }

  /** `null`: there is no way back, the bar goes away. */
  show(view: TimelineView | null): void {
    this.#view = view ?? undefined;
    this.element.hidden = !view || view.end <= view.start;
    if (!view || this.element.hidden) return;
    const length = view.end - view.start;
    if (!this.#dragging) this.#place(view.live ? 1 : ((view.position ?? view.end) - view.start) / length);
    const position = view.position ?? view.end;
    this.element.setAttribute('aria-valuemax', String(Math.round(length / 1_000_000)));
    this.element.setAttribute('aria-valuenow', String(Math.max(0, Math.round((position - view.start) / 1_000_000))));
    const offset = zoneOffset(position);
    const behind = view.live ? 'live' : `${lengthText((view.end - position) / 1000)} behind live`;
    this.element.setAttribute('aria-valuetext', `${timeText(position, offset).slice(0, 8)} ${zoneText(offset)}, ${behind}`);
  }

  #place(share: number): void {
    const percent = `${Math.min(1, Math.max(0, share)) * 100}%`;
    this.#done.style.width = percent;
    this.#knob.style.left = percent;
  }

  /** Time under the pointer, and whether it is the end of the bar. */
  #at(event: PointerEvent): { time: number; end: boolean; x: number; width: number } | null {
    const view = this.#view;
    const box = this.#track.getBoundingClientRect();
    if (!view || !box.width) return null;
    const x = Math.min(box.width, Math.max(0, event.clientX - box.left));
    return { time: view.start + ((view.end - view.start) * x) / box.width, end: x >= box.width - LIVE_PIXELS, x, width: box.width };
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#dragging = true;
    this.element.setPointerCapture(event.pointerId);
    this.#onMove(event);
  }

  #onMove(event: PointerEvent): void {
    const at = this.#at(event);
    if (!at) return;
    const offset = zoneOffset(at.time);
    this.#tip.replaceChildren(
      make('strong', {}, timeText(at.time, offset)),
      ` ${zoneText(offset)}`,
      make('span', {}, utcText(at.time)),
      ...(at.end
        ? [make('span', {}, 'live')]
        : [make('span', {}, `${dateText(at.time, offset)}, ${lengthText((this.#view!.end - at.time) / 1000)} ago`)]),
    );
    this.#tip.hidden = false;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.min(Math.max(at.x, half), Math.max(half, at.width - half))}px`;
    if (!this.#dragging) return;
    this.#place(at.x / at.width);
    this.#actions.scrub(at.time);
  }

  #onUp(event: PointerEvent): void {
    if (!this.#dragging) return;
    this.#dragging = false;
    const at = this.#at(event);
    if (at) this.#actions.commit(at.time, at.end);
    if (event.pointerType !== 'mouse') this.#tip.hidden = true;
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
