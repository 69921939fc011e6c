// When the loading overlay is shown in place of a picture: by hand, or because the processor has given none for a while.
import type { OverlaySettings } from './settings.ts';

export class OverlayControl {
  readonly #settings: OverlaySettings;
  readonly #now: () => number;
  #manual = false;
  #active = false;
  #lastMade: number;
  #inARow = 0;

  /** @param now monotonic, ms */
  constructor(settings: OverlaySettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    this.#lastMade = now();
  }

  get message(): string {
    return this.#settings.message;
  }

  get progress(): number | null {
    return this.#settings.progress;
  }

  get #draws(): boolean {
    return this.#settings.enabled && this.#settings.mode === 'progressbar';
  }

  /** By hand: the processor is not called while it is on. */
  set manual(on: boolean) {
    this.#manual = on;
    this.#active = on;
    this.#lastMade = this.#now();
  }

  /** The processor is left alone, and the overlay is shown. */
  get holds(): boolean {
    return this.#manual && this.#draws;
  }

  /** What is shown of a frame: the processor has given a picture (or let the original pass), or withheld it. */
  shown(made: boolean): 'answer' | 'original' | 'loading' | 'nothing' {
    if (!this.#draws) return made ? 'answer' : 'nothing';
    const now = this.#now();
    if (made) {
      this.#lastMade = now;
      this.#inARow++;
      if (!this.#manual && this.#inARow >= this.#settings.frameCountToDisable) this.#active = false;
    } else {
      this.#inARow = 0;
      const { autoTimeoutSeconds } = this.#settings;
      if (autoTimeoutSeconds !== null && now - this.#lastMade >= autoTimeoutSeconds * 1000) this.#active = true;
    }
    if (this.#active) return 'loading';
    return made ? 'answer' : 'original';
  }
}
