// Gives the player's present picture its view of levels, zoom and values, if it has all its values. Loaded only then.
import type { DeepCanvas } from './deep-canvas.ts';
import type { DeepView, DeepViewOptions } from './deep-view.ts';

export class DeepSeat {
  readonly #options: (deep: DeepCanvas) => DeepViewOptions;
  #deep: DeepCanvas | null = null;
  #view: DeepView | null = null;

  constructor(options: (deep: DeepCanvas) => DeepViewOptions) {
    this.#options = options;
  }

  /** The view of the present picture; `null` where there is none, or not yet. */
  get view(): DeepView | null {
    return this.#view;
  }

  /** The picture may be another one now. */
  async follow(deep: DeepCanvas | null): Promise<void> {
    if (deep === this.#deep) return;
    this.#deep = deep;
    this.#view?.close();
    this.#view = null;
    if (!deep) return;
    const { DeepView } = await import('./deep-view.ts');
    if (this.#deep === deep) this.#view = new DeepView(this.#options(deep));
  }
}
