// The chosen span on the time bar, with an end on each side that can be dragged, or moved by keys a frame at a time.
import type { ClipEnd, ClipSpan } from './clip.ts';
import { timeText, zoneOffset } from './clock-text.ts';
import { make } from './dom.ts';

export interface ClipHandlesActions {
  /** The pointer is on an end: nothing must move under it. */
  hold(): void;
  /** While an end is dragged. */
  scrub(timestamp: number): void;
  /** An end was let go at this time. */
  settle(end: ClipEnd, timestamp: number): void;
  /** One frame further or back. */
  step(end: ClipEnd, step: 1 | -1): void;
}

interface View {
  readonly start: number;
  readonly end: number;
}

const SECOND_US = 1_000_000;

export class ClipHandles {
  readonly element: HTMLElement;
  readonly #actions: ClipHandlesActions;
  readonly #selection = make('div', { class: 'selection', part: 'clip-selection' });
  readonly #handles: Readonly<Record<ClipEnd, HTMLElement>>;
  #view: View | undefined;
  #span: ClipSpan | undefined;
  #dragging: ClipEnd | undefined;

  constructor(actions: ClipHandlesActions) {
    this.#actions = actions;
    this.#handles = { in: this.#handle('in', 'Clip begins'), out: this.#handle('out', 'Clip ends') };
    this.element = make('div', { class: 'clip-handles', hidden: '' }, this.#selection, this.#handles.in, this.#handles.out);
  }

  show(view: View | null, span: ClipSpan | null): void {
    this.element.hidden = !view || !span || view.end <= view.start;
    if (!view || !span) return;
    this.#view = view;
    this.#span = span;
    if (this.#dragging) return;
    for (const end of ['in', 'out'] as const) {
      const { id, timestamp } = span[end];
      this.#place(end, timestamp);
      const handle = this.#handles[end];
      handle.setAttribute('aria-valuemin', '0');
      handle.setAttribute('aria-valuemax', String(Math.round((view.end - view.start) / SECOND_US)));
      handle.setAttribute('aria-valuenow', String(Math.round((timestamp - view.start) / SECOND_US)));
      handle.setAttribute('aria-valuetext', `${timeText(timestamp, zoneOffset(timestamp))}, frame ${id}`);
    }
  }

  #handle(end: ClipEnd, label: string): HTMLElement {
    const element = make('div', {
      class: `handle ${end}`,
      part: `clip-handle clip-${end}`,
      role: 'slider',
      tabindex: '0',
      'aria-label': label,
      'aria-orientation': 'horizontal',
      title: `${label}: drag, or move by ← and →`,
    });
    element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      this.#dragging = end;
      event.stopPropagation();
    });
    element.addEventListener('pointermove', (event) => {
      this.#actions.hold();
      if (this.#dragging !== end) return;
      const time = this.#timeAt(event);
      this.#place(end, time);
      this.#actions.scrub(time);
    });
    element.addEventListener('pointerup', (event) => {
      if (this.#dragging !== end) return;
      this.#dragging = undefined;
      this.#actions.settle(end, this.#timeAt(event));
    });
    element.addEventListener('pointercancel', () => (this.#dragging = undefined));
    element.addEventListener('keydown', (event) => this.#onKey(end, event));
    return element;
  }

  #onKey(end: ClipEnd, event: KeyboardEvent): void {
    const span = this.#span;
    if (!span || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowDown') this.#actions.step(end, -1);
    else if (event.key === 'ArrowRight' || event.key === 'ArrowUp') this.#actions.step(end, 1);
    else if (event.key === 'PageDown') this.#actions.settle(end, span[end].timestamp - SECOND_US);
    else if (event.key === 'PageUp') this.#actions.settle(end, span[end].timestamp + SECOND_US);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #timeAt(event: PointerEvent): number {
    const { start, end } = this.#view!;
    const box = this.element.getBoundingClientRect();
    return start + (end - start) * Math.min(1, Math.max(0, (event.clientX - box.left) / (box.width || 1)));
  }

  #place(end: ClipEnd, time: number): void {
    const view = this.#view!;
    const share = Math.min(1, Math.max(0, (time - view.start) / (view.end - view.start)));
    this.#handles[end].style.left = `${share * 100}%`;
    const [left, right] = [this.#handles.in, this.#handles.out]
      .map(({ style }) => Number.parseFloat(style.left) || 0)
      .sort((a, b) => a - b);
    this.#selection.style.left = `${left}%`;
    this.#selection.style.width = `${right! - left!}%`;
  }
}
