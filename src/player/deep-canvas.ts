// Pictures of any pixel format at full depth: window, gamma and colours change without a new frame. The last picture's values stay at hand
// for whoever asks for them.
import type { Picture } from '../core/frame.ts';
import type { Look, ToneWindow } from '../core/view.ts';
import { pixelValues, topValue } from '../formats/look.ts';
import { deepSamples, ToneFollower } from '../formats/tone-window.ts';
import { openRenderer } from './deep-renderer.ts';
import type { DeepRenderer } from './renderer.ts';

/** What people set; `window` null: it follows the pictures. */
export interface LookSettings extends Pick<Look, 'gamma' | 'map' | 'saturated'> {
  readonly window: ToneWindow | null;
}

export const PLAIN_LOOK: LookSettings = { window: null, gamma: 1, map: 'gray', saturated: false };

export class DeepCanvas {
  #renderer: DeepRenderer;
  readonly #follower = new ToneFollower();
  #settings = PLAIN_LOOK;
  #picture: Picture | null = null;
  #drawMs: number | null = null;
  /** Told when another canvas has taken the place of `canvas`, drawn already. */
  replaced: (canvas: HTMLCanvasElement) => void = () => {};

  /** `renderer`: `webgl`, `canvas`, or empty for the one that is cheaper here. */
  constructor(renderer: string) {
    this.#renderer = openRenderer(renderer, () => this.#fallBack());
  }

  get canvas(): HTMLCanvasElement {
    return this.#renderer.canvas;
  }

  /** What draws, for people. */
  get renderer(): string {
    return this.#renderer.name;
  }

  /** Time of the page's thread that drawing takes, ms; `null` before the first picture. */
  get drawMs(): number | null {
    return this.#drawMs;
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
    if (this.#picture) this.#draw(this.#picture, false);
  }

  /** The window in use; `null` before the first picture. */
  get window(): ToneWindow | null {
    if (this.#settings.window) return this.#settings.window;
    const picture = this.#picture;
    if (!picture) return null;
    return this.#follower.window ?? { low: 0, high: topValue(picture) };
  }

  paint(picture: Picture): void {
    const started = performance.now();
    this.#picture = picture;
    const samples = deepSamples(picture);
    if (samples && !this.#settings.window) this.#follower.update(picture, samples);
    this.#draw(picture, true);
    const took = performance.now() - started;
    this.#drawMs = this.#drawMs === null ? took : this.#drawMs + (took - this.#drawMs) / 8;
  }

  /** The samples of a pixel as captured; `null` outside. */
  valuesAt(x: number, y: number): number[] | null {
    const picture = this.#picture;
    return picture && x >= 0 && y >= 0 && x < picture.width && y < picture.height ? pixelValues(picture, x, y) : null;
  }

  close(): void {
    this.#renderer.close();
  }

  #draw(picture: Picture, fresh: boolean): void {
    const { window: _, ...rest } = this.#settings;
    const look: Look = { ...rest, ...this.window! };
    try {
      this.#renderer.draw(picture, look, fresh);
    } catch (error) {
      // Too large for a texture, or no hardware any more: the processor can always do it.
      if (this.#renderer.name === 'canvas') throw error;
      this.#fallBack();
    }
  }

  #fallBack(): void {
    this.#renderer.close();
    this.#renderer = openRenderer('canvas', () => {});
    if (this.#picture) this.#draw(this.#picture, true);
    this.replaced(this.#renderer.canvas);
  }
}
