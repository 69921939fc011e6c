// Adding a marker by hand, at the frame that was shown when the key was pressed: label and kind in a small form, saved by frame id.
import type { Marker } from '../api/timeline.ts';
import { SluiceError } from '../core/errors.ts';
import { timeText, zoneOffset } from './clock-text.ts';
import { make } from './dom.ts';
import type { PlayerTimeline } from './player-timeline.ts';
import type { ShownFrame } from './transport.ts';

export interface MarkerFormOptions {
  readonly timeline: () => PlayerTimeline | undefined;
  readonly tell: (text: string) => void;
  /** The form was closed: where the focus goes. */
  readonly onClose: () => void;
  /** The server refused because this access may only watch; gives the words for it. */
  readonly onForbidden: () => string;
}

const KIND = /^[A-Za-z0-9._:/-]{1,64}$/;

export class MarkerForm {
  readonly element: HTMLFormElement;
  readonly #options: MarkerFormOptions;
  readonly #title = make('strong');
  readonly #label = make('input', { name: 'label', maxlength: '500', autocomplete: 'off', placeholder: 'what is to be seen' });
  readonly #kind = make('input', { name: 'kind', maxlength: '64', autocomplete: 'off', list: 'kinds', spellcheck: 'false' });
  readonly #kinds = make('datalist', { id: 'kinds' });
  readonly #problem = make('p', { class: 'problem', role: 'alert', hidden: '' });
  readonly #save = make('button', { type: 'submit', class: 'close primary', part: 'button' }, 'Add');
  #frame: ShownFrame | undefined;
  /** Chosen here: sending it twice, after a lost answer, makes one marker. */
  #id = '';
  #span = false;
  #lastKind = 'event';

  constructor(options: MarkerFormOptions) {
    this.#options = options;
    const cancel = make('button', { type: 'button', class: 'close', part: 'button' }, 'Cancel');
    cancel.addEventListener('click', () => this.close());
    this.element = make(
      'form',
      { class: 'marker-form', part: 'marker-form', role: 'dialog', hidden: '', novalidate: '' },
      this.#title,
      make('label', {}, 'Label', this.#label),
      make('label', {}, 'Kind', this.#kind),
      this.#kinds,
      this.#problem,
      make('div', { class: 'row' }, make('span', { class: 'space' }), cancel, this.#save),
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.element.addEventListener('keydown', (event) => {
      // What is typed here is no key of the player, nor of the page around it.
      event.stopPropagation();
      if (event.key === 'Escape') this.close();
    });
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  /** Asks for a marker at this frame. `span`: it has no end yet. */
  show(frame: ShownFrame, span: boolean): void {
    this.#frame = frame;
    this.#id = `hand-${frame.id}-${Math.random().toString(36).slice(2, 10)}`;
    this.#span = span;
    const title = `${span ? 'Span from' : 'Marker at'} frame ${frame.id}, ${timeText(frame.timestamp, zoneOffset(frame.timestamp))}`;
    this.#title.textContent = title;
    this.element.setAttribute('aria-label', title);
    this.#save.textContent = span ? 'Begin' : 'Add';
    this.#label.value = '';
    this.#kind.value = this.#lastKind;
    const kinds = new Set((this.#options.timeline()?.markers.list ?? []).map(({ kind }) => kind));
    this.#kinds.replaceChildren(...[...kinds].sort().map((value) => make('option', { value })));
    this.#complain('');
    this.element.hidden = false;
    this.#label.focus();
  }

  close(): void {
    if (!this.open) return;
    this.element.hidden = true;
    this.#options.onClose();
  }

  /** Ends a span at this frame. */
  async end(span: Marker, frame: ShownFrame): Promise<void> {
    const timeline = this.#options.timeline();
    if (!timeline) return;
    try {
      timeline.markers.add(await timeline.api.change(span.id, { endFrame: frame.id, open: false }));
      this.#options.tell(`“${span.label || span.kind}” ends at frame ${frame.id}.`);
    } catch (error) {
      this.#options.tell(this.#words(error));
    }
  }

  async #submit(): Promise<void> {
    const frame = this.#frame;
    const timeline = this.#options.timeline();
    if (!frame || !timeline || this.#save.disabled) return;
    const kind = this.#kind.value.trim() || 'event';
    if (!KIND.test(kind)) {
      this.#complain(`kind: “${kind}” received; expected 1 to 64 characters of A-Z a-z 0-9 . _ : / -`);
      this.#kind.focus();
      return;
    }
    this.#save.disabled = true;
    try {
      const label = this.#label.value.trim();
      timeline.markers.add(await timeline.api.mark({ id: this.#id, label, kind, frame: frame.id, ...(this.#span && { open: true }) }));
      this.#lastKind = kind;
      this.#options.tell(
        this.#span ? `Span begun at frame ${frame.id}. E ends it at the frame that is shown then.` : `Marker set at frame ${frame.id}.`,
      );
      this.close();
    } catch (error) {
      this.#complain(this.#words(error));
    } finally {
      this.#save.disabled = false;
    }
  }

  #words(error: unknown): string {
    if (!(error instanceof SluiceError)) return 'The marker could not be saved.';
    const { status } = error.details as { status?: number };
    return status === 401 || status === 403 ? this.#options.onForbidden() : error.message;
  }

  #complain(text: string): void {
    this.#problem.textContent = text;
    this.#problem.hidden = text === '';
  }
}
