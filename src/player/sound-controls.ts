// Sound in the controls: on and off, how loud, and the hint that a stream has some.
import { make } from './dom.ts';
import { iconButton, setIcon } from './icons.ts';
import type { Player } from './player.ts';

const STEP = 0.05;
const LEVEL_MS = 100;
/** Weaker sound is an empty meter, dB of full scale. */
const FLOOR_DB = -60;

export interface SoundControlsOptions {
  readonly player: () => Player | undefined;
  readonly set: (muted: boolean, volume: number) => void;
  readonly say: (text: string) => void;
  readonly tell: (text: string) => void;
}

export class SoundControls {
  readonly #options: SoundControlsOptions;
  readonly #button = iconButton('soundOff', 'Sound on (M)', () => this.toggle());
  readonly #slider = make('input', {
    type: 'range',
    class: 'volume',
    part: 'volume',
    min: '0',
    max: '100',
    step: '1',
    'aria-label': 'Volume',
  });
  readonly #meter = make('span', { class: 'sound-level', part: 'sound-level', 'aria-hidden': 'true' }, make('span'));
  /** For the row of buttons; hidden where there is no sound. */
  readonly element = make('span', { class: 'sound', part: 'sound', hidden: '' }, this.#button, this.#slider, this.#meter);
  /** Over the picture, until it was heard or put away. */
  readonly hint = make('div', { class: 'sound-hint', part: 'sound-hint', hidden: '' });
  readonly #hintButton = make('button', { type: 'button', class: 'close' });
  readonly #hintText = make('span');
  #of: Player | undefined;
  /** The hint was seen to. */
  #done = false;
  #levelMs = 0;

  constructor(options: SoundControlsOptions) {
    this.#options = options;
    this.#slider.addEventListener('input', () => this.#setVolume(Number(this.#slider.value) / 100));
    this.#hintButton.addEventListener('click', () => this.toggle());
    const away = make(
      'button',
      { type: 'button', class: 'away-button', 'aria-label': 'Put this hint away', title: 'Put this hint away' },
      '×',
    );
    away.addEventListener('click', () => {
      this.#done = true;
      this.update();
    });
    this.hint.append(this.#hintButton, this.#hintText, away);
  }

  /** Returns false where the stream has no sound. */
  toggle(): boolean {
    const player = this.#options.player();
    if (!player || player.sound === 'none') return false;
    const muted = !player.muted;
    this.#done = true;
    // Sound that nobody can hear would look like a fault.
    this.#options.set(muted, muted || player.volume > 0 ? player.volume : 0.5);
    this.#options.say(muted ? 'Sound off.' : `Sound on, volume ${percent(player.volume)}.`);
    this.update();
    return true;
  }

  /** Louder (1) or softer (-1). Returns false where the stream has no sound. */
  step(by: 1 | -1): boolean {
    const player = this.#options.player();
    if (!player || player.sound === 'none') return false;
    const volume = Math.min(1, Math.max(0, Math.round((player.volume + by * STEP) * 100) / 100));
    this.#setVolume(volume);
    this.#options.tell(`Volume ${percent(volume)}`);
    return true;
  }

  #setVolume(volume: number): void {
    this.#done = true;
    this.#options.set(volume === 0, volume);
    this.update();
  }

  update(): void {
    const player = this.#options.player();
    if (!player) return;
    if (player !== this.#of) {
      this.#of = player;
      this.#done = false;
    }
    const { sound, muted, volume } = player;
    this.element.hidden = sound === 'none';
    const label = player.transportLabel;
    this.#showHint(player);
    if (sound === 'none') return;
    const here = sound === 'here';
    const off = muted || !here;
    const name = here
      ? `Sound ${muted ? 'on' : 'off'} (M)`
      : `${label} brings no sound${sound === 'elsewhere' ? ': take a way with sound (M)' : ': choose WebRTC, HLS or automatic'}`;
    setIcon(this.#button, off ? 'soundOff' : volume < 0.4 ? 'soundLow' : 'soundOn', name);
    this.#button.setAttribute('aria-pressed', String(!off));
    const shown = String(Math.round((muted ? 0 : volume) * 100));
    if (this.#slider.value !== shown && this.#slider !== (this.#slider.getRootNode() as ShadowRoot).activeElement)
      this.#slider.value = shown;
    this.#slider.setAttribute('aria-valuetext', muted ? 'Sound off' : percent(volume));
    this.#showLevel(player, !off);
  }

  #showHint(player: Player): void {
    const { sound, muted, state } = player;
    const wanted = sound !== 'none' && muted && !this.#done && state === 'playing';
    this.hint.hidden = !wanted;
    if (!wanted) return;
    const here = sound === 'here';
    this.#hintButton.hidden = sound === 'never';
    const text = here ? 'Sound on' : 'Take a way with sound';
    if (this.#hintButton.textContent !== text) this.#hintButton.textContent = text;
    const about = here ? '' : `${player.transportLabel} brings no sound.`;
    if (this.#hintText.textContent !== about) this.#hintText.textContent = about;
  }

  #showLevel(player: Player, on: boolean): void {
    this.#meter.hidden = !on;
    if (!on || performance.now() - this.#levelMs < LEVEL_MS) return;
    this.#levelMs = performance.now();
    const { level } = player;
    this.#meter.hidden = level === null;
    if (level !== null) (this.#meter.firstElementChild as HTMLElement).style.scale = `${loudness(level)} 1`;
  }
}

/** Share of a meter that a level fills: even in decibels, because so are ears. */
export function loudness(level: number): number {
  return level <= 0 ? 0 : Math.max(0, Math.min(1, 1 - (20 * Math.log10(level)) / FLOOR_DB));
}

function percent(volume: number): string {
  return `${Math.round(volume * 100)} %`;
}
