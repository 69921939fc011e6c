// Hidden pages take nothing from the server.

const GRACE_MS = 3000;
const LONG_MS = 60_000;

/** Tells when the page has been hidden for a while, for long, and when it is seen again. */
export class PageVisibility {
  readonly #onHidden: () => void;
  readonly #onSeen: () => void;
  readonly #onLong: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hidden = false;

  constructor(onHidden: () => void, onSeen: () => void, onLong: () => void) {
    this.#onHidden = onHidden;
    this.#onSeen = onSeen;
    this.#onLong = onLong;
    document.addEventListener('visibilitychange', this.#onChange);
    this.#onChange();
  }

  /** Hidden for longer than a glance at another tab. */
  get hidden(): boolean {
    return this.#hidden;
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#onChange);
    clearTimeout(this.#timer);
  }

  #onChange = (): void => {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => {
        // Picture in picture is seen although its page is not.
        if (document.pictureInPictureElement) return;
        this.#hidden = true;
        this.#onHidden();
        this.#timer = setTimeout(() => this.#onLong(), LONG_MS);
      }, GRACE_MS);
    } else if (this.#hidden) {
      this.#hidden = false;
      this.#onSeen();
    }
  };
}
