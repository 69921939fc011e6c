// The place of the picture: exactly one <video>, <canvas> or <img> at a time, over the last known picture as background.
import type { PictureElement } from './transport.ts';

export type Fit = 'contain' | 'cover' | 'fill';

/** Where a click on the picture was: 0-based pixels of the picture from its top left. */
export interface PicturePoint {
  readonly x: number;
  readonly y: number;
}

export class Stage {
  readonly element: HTMLElement;
  #picture: PictureElement | undefined;
  #poster = '';

  constructor() {
    this.element = document.createElement('div');
    this.element.className = 'stage';
    this.element.setAttribute('part', 'stage');
  }

  get picture(): PictureElement | undefined {
    return this.#picture;
  }

  /** Shows this element instead of the one before. */
  show(picture: PictureElement): void {
    if (this.#picture === picture) return;
    picture.className = 'picture';
    picture.setAttribute('part', 'picture');
    if (this.#picture) this.#picture.replaceWith(picture);
    else this.element.append(picture);
    this.#picture = picture;
  }

  /** Puts a still of the picture in its place, so that what made it can be freed. */
  freeze(): void {
    const size = this.size();
    if (!this.#picture || !size) return;
    const still = document.createElement('canvas');
    still.width = size.width;
    still.height = size.height;
    still.getContext('2d')?.drawImage(this.#picture, 0, 0);
    this.show(still);
  }

  clear(): void {
    this.#picture?.remove();
    this.#picture = undefined;
    this.poster(null);
  }

  /** A still behind the picture, seen while the picture is empty. `null` takes it away. */
  poster(blob: Blob | null): void {
    URL.revokeObjectURL(this.#poster);
    this.#poster = blob ? URL.createObjectURL(blob) : '';
    this.element.style.backgroundImage = blob ? `url("${this.#poster}")` : '';
  }

  /** Size of the picture's own pixels, as displayed; `null` before the first one. */
  size(): { width: number; height: number } | null {
    const picture = this.#picture;
    if (!picture) return null;
    const [width, height] =
      picture instanceof HTMLVideoElement
        ? [picture.videoWidth, picture.videoHeight]
        : picture instanceof HTMLImageElement
          ? [picture.naturalWidth, picture.naturalHeight]
          : [picture.width, picture.height];
    return width && height ? { width, height } : null;
  }

  /** Tells where it was clicked, in pixels of the window with their fractions. */
  onClick(handle: (clientX: number, clientY: number) => void): void {
    let press: PointerEvent | undefined;
    this.element.addEventListener('pointerdown', (event) => (press = event));
    this.element.addEventListener('click', (event) => {
      // A click comes in whole pixels, which can be the pixel beside the one that was pointed at: the press comes with fractions.
      const exact = press && Math.hypot(press.clientX - event.clientX, press.clientY - event.clientY) < 1.5 ? press : event;
      handle(exact.clientX, exact.clientY);
    });
  }

  /** The picture's pixel under a point of the window; `null` beside the picture. */
  pointAt(clientX: number, clientY: number, fit: Fit): PicturePoint | null {
    const size = this.size();
    const box = this.element.getBoundingClientRect();
    if (!size || !box.width || !box.height) return null;
    let scaleX = box.width / size.width;
    let scaleY = box.height / size.height;
    if (fit !== 'fill') scaleX = scaleY = fit === 'cover' ? Math.max(scaleX, scaleY) : Math.min(scaleX, scaleY);
    const x = Math.floor((clientX - box.left - (box.width - size.width * scaleX) / 2) / scaleX);
    const y = Math.floor((clientY - box.top - (box.height - size.height * scaleY) / 2) / scaleY);
    return x >= 0 && y >= 0 && x < size.width && y < size.height ? { x, y } : null;
  }
}
