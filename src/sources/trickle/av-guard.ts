// Keeps pictures and sound together where a sender's times do not: sound waits for the first picture, what is far behind the other is left
// out, and sound that does not fit is switched off, because pictures matter more, until it fits again: another sender may write the channel.

/** Further apart than this they do not belong together, ticks of 90 kHz. */
const MAX_APART = 2 * 90_000;
/** So many pictures in a row behind the sound, and it is the sound that is wrong. */
const MAX_BEHIND = 100;
/** So many blocks of sound in a row this near to the pictures, ticks, and it is switched on again. */
const FITS_AGAIN = 50;
const NEAR = 90_000;

export class AvGuard {
  #picture: number | null = null;
  #sound: number | null = null;
  #behind = 0;
  #fits = 0;
  #off: string | null = null;

  /** Why sound is switched off; `null` = it is not. */
  get off(): string | null {
    return this.#off;
  }

  /** Whether a picture of this time may be shown. */
  picture(pts: number): boolean {
    const behind = this.#off === null && this.#sound !== null && this.#sound - pts > MAX_APART;
    if (!behind) {
      this.#behind = 0;
      this.#picture = pts;
      return true;
    }
    if (++this.#behind < MAX_BEHIND) return false;
    this.#off = `pictures stayed ${(((this.#sound ?? 0) - pts) / 90_000).toFixed(1)} s behind it`;
    return true;
  }

  /** What becomes of sound of this time. */
  sound(pts: number, hasPictures: boolean): 'play' | 'hold' | 'drop' {
    if (this.#off !== null && !this.#fitsAgain(pts)) return 'drop';
    if (hasPictures && this.#picture === null) return 'hold';
    if (this.#picture !== null && this.#sound === null && Math.abs(pts - this.#picture) > MAX_APART) {
      this.#off = `it began ${(Math.abs(pts - this.#picture) / 90_000).toFixed(1)} s away from the pictures`;
      return 'drop';
    }
    this.#sound = pts;
    return this.#picture !== null && this.#picture - pts > MAX_APART ? 'drop' : 'play';
  }

  #fitsAgain(pts: number): boolean {
    this.#fits = this.#picture !== null && Math.abs(pts - this.#picture) <= NEAR ? this.#fits + 1 : 0;
    if (this.#fits < FITS_AGAIN) return false;
    this.#off = null;
    this.#fits = 0;
    this.#behind = 0;
    return true;
  }
}
