// What is seen of a stream that has sound and no pictures: its level over the last seconds.
import { make } from './dom.ts';
import type { Player } from './player.ts';
import { loudness } from './sound-controls.ts';

const EVERY_MS = 100;
/** Columns of the picture: ten seconds. */
const COLUMNS = 100;

export class SoundPicture {
  readonly element: HTMLElement;
  readonly #canvas = make('canvas', { width: '800', height: '200', role: 'img', 'aria-label': 'Level of the sound' });
  readonly #words = make('p');
  readonly #levels: (number | null)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    this.element = make('div', { class: 'sound-picture', part: 'sound-picture', hidden: '' }, this.#words);
  }

  /** Begins to follow a player; `null` ends it. */
  attach(player: Player | null): void {
    clearInterval(this.#timer);
    this.#levels.length = 0;
    this.element.hidden = true;
    this.#canvas.remove();
    if (player) this.#timer = setInterval(() => this.#update(player), EVERY_MS);
  }

  #update(player: Player): void {
    const shown = player.soundOnly && ['playing', 'paused'].includes(player.state);
    this.element.hidden = !shown;
    // Whoever looks for the picture of a player takes the first canvas or video in it.
    if (shown !== this.#canvas.isConnected) {
      if (shown) this.element.prepend(this.#canvas);
      else this.#canvas.remove();
    }
    if (!shown || document.hidden) return;
    const level = player.paused ? null : player.level;
    this.#levels.push(level);
    if (this.#levels.length > COLUMNS) this.#levels.shift();
    const { audio } = player.info ?? {};
    const what = audio ? `${audio.layout}, ${audio.rate / 1000} kHz` : '';
    const words = `Sound only${what ? `: ${what}` : ''}${player.muted ? '. Switched off here.' : ''}`;
    if (this.#words.textContent !== words) this.#words.textContent = words;
    this.#draw();
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d');
    if (!context) return;
    const { width, height } = this.#canvas;
    context.clearRect(0, 0, width, height);
    context.fillStyle = getComputedStyle(this.element).color;
    const step = width / COLUMNS;
    for (const [i, level] of this.#levels.entries()) {
      const tall = Math.max(2, loudness(level ?? 0) * height);
      const x = (i + COLUMNS - this.#levels.length) * step;
      context.globalAlpha = level === null ? 0.3 : 1;
      context.fillRect(x + step * 0.15, (height - tall) / 2, step * 0.7, tall);
    }
  }
}
