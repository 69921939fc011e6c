// A pause at the live edge: after a moment its frame is looked up in what is kept, so that playing can go on from there, as people expect of a
// recorder. Watching what is kept keeps the recording going too.
import { SluiceError } from '../core/errors.ts';
import type { Seeker } from './seeker.ts';
import type { ShownFrame } from './transport.ts';

/** A pause that is not longer goes on at the live edge. */
const SHORT_MS = 3000;
const LOOK_UP_MS = 600;
/** The name of its picture may come late to a busy page. */
const MOST_LOOKS = 6;

export class KeptPlace {
  readonly #seeker: Seeker;
  #sinceMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Settles with `true`, or with the sentence that says why there is no way there. */
  #finding: Promise<true | string> | null = null;

  constructor(seeker: Seeker) {
    this.#seeker = seeker;
  }

  /** Whether there is a place of a pause. */
  get kept(): boolean {
    return this.#finding !== null;
  }

  /** Whether playing goes on from there. */
  get goesOn(): boolean {
    return this.kept && performance.now() - this.#sinceMs > SHORT_MS;
  }

  /** The picture stands still from now on, at this frame. */
  keep(shown: () => ShownFrame | null): void {
    this.forget();
    this.#sinceMs = performance.now();
    let looks = 0;
    const look = () => {
      const frame = shown();
      if (frame && !this.#seeker.active) this.#finding = this.#find(frame);
      else if (!frame && ++looks < MOST_LOOKS) this.#timer = setTimeout(look, LOOK_UP_MS);
    };
    this.#timer = setTimeout(look, LOOK_UP_MS);
  }

  /** Does not look it up from now on: nobody sees it. */
  hold(): void {
    clearTimeout(this.#timer);
  }

  /** Somebody went elsewhere. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#finding = null;
  }

  /** Resolves when the frame is on the screen: `true`, or why it cannot be; `null` if it was left meanwhile. */
  async found(): Promise<true | string | null> {
    const finding = this.#finding;
    const found = await finding;
    return this.#finding === finding ? found : null;
  }

  async #find({ id, timestamp }: ShownFrame): Promise<true | string> {
    try {
      await this.#seeker.toFrame(id).catch((error: unknown) => {
        // A busy encoder may have left out just this one.
        if (error instanceof SluiceError && error.code === 'unknown-frame') return this.#seeker.toTime(timestamp);
        throw error;
      });
      return true;
    } catch (error) {
      return error instanceof Error && !(error instanceof DOMException) ? error.message : '';
    }
  }
}
