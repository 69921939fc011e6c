// Draws pictures of any pixel format on a canvas at full depth: window, gamma and colours change without a new frame. The last picture's
// values stay at hand for whoever asks for them.
import type { Picture } from '../core/frame.ts';
import type { Look, ToneWindow } from '../core/view.ts';
import { drawPixels, fillTable, pixelValues, TABLE_SIZE, topValue } from '../formats/look.ts';
import { deepSamples, ToneFollower } from '../formats/tone-window.ts';

/** What people set; `window` null: it follows the pictures. */
export interface LookSettings extends Pick<Look, 'gamma' | 'map' | 'saturated'> {
  readonly window: ToneWindow | null;
}

export const PLAIN_LOOK: LookSettings = { window: null, gamma: 1, map: 'gray', saturated: false };

export class DeepCanvas {
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #table = new Uint32Array(TABLE_SIZE);
  #tableOf = '';
  readonly #follower = new ToneFollower();
  #settings = PLAIN_LOOK;
  #picture: Picture | null = null;
  #image: ImageData | null = null;

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser gives no canvas');
    this.canvas = canvas;
    this.#context = context;
  }

  /** The picture on the canvas, with its values. */
  get picture(): Picture | null {
    return this.#picture;
  }

  get settings(): LookSettings {
    return this.#settings;
  }

  /** Shows the last picture by other settings at once. */
  set settings(settings: LookSettings) {
    this.#settings = settings;
    if (this.#picture) this.#draw(this.#picture);
  }

  /** The window in use; `null` before the first picture. */
  get window(): ToneWindow | null {
    if (this.#settings.window) return this.#settings.window;
    const picture = this.#picture;
    if (!picture) return null;
    return this.#follower.window ?? { low: 0, high: topValue(picture) };
  }

  paint(picture: Picture): void {
    this.#picture = picture;
    const samples = deepSamples(picture);
    if (samples && !this.#settings.window) this.#follower.update(picture, samples);
    this.#draw(picture);
  }

  /** The samples of a pixel as captured; `null` outside. */
  valuesAt(x: number, y: number): number[] | null {
    const picture = this.#picture;
    return picture && x >= 0 && y >= 0 && x < picture.width && y < picture.height ? pixelValues(picture, x, y) : null;
  }

  #draw(picture: Picture): void {
    const { width, height } = picture;
    // Setting the size clears the canvas, so only where it changed.
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    if (this.#image?.width !== width || this.#image.height !== height) this.#image = this.#context.createImageData(width, height);
    const { window: _, ...rest } = this.#settings;
    const look: Look = { ...rest, ...this.window! };
    const top = topValue(picture);
    const kind = JSON.stringify([look, top]);
    if (kind !== this.#tableOf) {
      fillTable(this.#table, look, top);
      this.#tableOf = kind;
    }
    drawPixels(new Uint32Array(this.#image.data.buffer), picture, this.#table, look);
    this.#context.putImageData(this.#image, 0, 0);
  }
}
