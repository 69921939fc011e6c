// Words over the picture: the state when there is something to say, short notices, and the live region that reads both out.
import { icon, make } from './dom.ts';
import type { PlayerState } from './status.ts';

const NOTICE_MS = 3500;
const PLAY = 'M8 5v14l11-7z';
/** A stream that starts in half a second needs no words. */
const LOADING_DELAY_MS = 400;

export class Notices {
  readonly elements: readonly HTMLElement[];
  readonly #text = make('p');
  readonly #play = make('button', { type: 'button', class: 'big-play', part: 'big-play', 'aria-label': 'Play' }, icon(PLAY));
  readonly #why = make('button', { type: 'button', class: 'close', part: 'button doctor-button', hidden: '' }, 'Find out why');
  readonly #panel = make(
    'div',
    { class: 'message', part: 'message', hidden: '' },
    make('div', { class: 'spinner', part: 'spinner' }),
    this.#play,
    this.#text,
    this.#why,
  );
  readonly #toast = make('div', { class: 'toast', part: 'notice', hidden: '' });
  readonly #region = make('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  #toastTimer: ReturnType<typeof setTimeout> | undefined;
  #loadingTimer: ReturnType<typeof setTimeout> | undefined;
  #state: PlayerState = 'idle';

  constructor(onPlay: () => void, onWhy: () => void) {
    this.elements = [this.#panel, this.#toast, this.#region];
    this.#play.addEventListener('click', onPlay);
    this.#why.addEventListener('click', onWhy);
  }

  /** The state of the player. `empty`: there is no picture yet. */
  show(state: PlayerState, message: string, empty: boolean): void {
    const changed = state !== this.#state;
    this.#state = state;
    clearTimeout(this.#loadingTimer);
    this.#text.textContent = message;
    this.#panel.dataset.state = state;
    this.#why.hidden = state !== 'error' && state !== 'stalled';
    this.#play.hidden = !(state === 'paused' && (empty || message !== ''));
    const visible = message !== '' || !this.#play.hidden;
    if (visible && state === 'loading' && this.#panel.hidden) {
      this.#loadingTimer = setTimeout(() => (this.#panel.hidden = false), LOADING_DELAY_MS);
    } else this.#panel.hidden = !visible;
    // Seconds that count up are not read out again and again.
    if (changed) this.#region.textContent = message || (state === 'playing' ? 'Playing' : state === 'paused' ? 'Paused' : '');
  }

  /** Something that only screen readers say: others see it anyway. */
  say(text: string): void {
    this.#region.textContent = text;
  }

  /** A short notice that goes away by itself. */
  tell(text: string): void {
    this.#toast.textContent = text;
    this.#toast.hidden = false;
    this.#region.textContent = text;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => (this.#toast.hidden = true), NOTICE_MS);
  }
}
