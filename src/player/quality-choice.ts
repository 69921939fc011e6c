// Who chooses the quality of JPEG: the server by what the connection carries, or the viewer. Shown under the statistics while JPEG plays.
import { make } from './dom.ts';
import type { Player } from './player.ts';

const CHOICES: readonly (readonly [quality: string, text: string])[] = [
  ['', 'Automatic: what the connection carries'],
  ['95', 'Sharpest (95)'],
  ['80', 'Good (80)'],
  ['55', 'Fair (55)'],
  ['30', 'Least data (30)'],
];

export class QualityChoice {
  readonly #select = make('select', { part: 'quality' });
  readonly element = make('label', { class: 'quality', hidden: '' }, make('span', {}, 'Picture quality'), this.#select);
  readonly #host: HTMLElement;

  /** @param host the element with the attribute `quality` */
  constructor(host: HTMLElement) {
    this.#host = host;
    this.#select.append(...CHOICES.map(([value, text]) => make('option', { value }, text)));
    this.#select.addEventListener('change', () => {
      if (this.#select.value) host.setAttribute('quality', this.#select.value);
      else host.removeAttribute('quality');
    });
  }

  update(player: Player): void {
    this.element.hidden = player.transport !== 'jpeg';
    const now = this.#host.getAttribute('quality') ?? '';
    const value = fixedQuality(now) === null ? '' : now;
    if (this.#select.value === value) return;
    // One of a page's own is a choice too.
    if (![...this.#select.options].some((option) => option.value === value)) this.#select.append(make('option', { value }, value));
    this.#select.value = value;
  }
}

/** The quality that an attribute asks for, 5 to 100; `null` = automatic. */
export function fixedQuality(text: string): number | null {
  const quality = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  return quality >= 5 && quality <= 100 ? quality : null;
}
