// Draws pictures at full depth by a table on the page's thread.
import type { Picture } from '../core/frame.ts';
import type { Look } from '../core/view.ts';
import { drawPixels, LookTable, topValue } from '../formats/look.ts';
import type { DeepRenderer } from './renderer.ts';

export class CpuRenderer implements DeepRenderer {
  readonly canvas = document.createElement('canvas');
  readonly name = 'canvas';
  readonly #context: CanvasRenderingContext2D;
  readonly #table = new LookTable();
  #image: ImageData | null = null;

  constructor() {
    const context = this.canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser gives no canvas');
    this.#context = context;
  }

  draw(picture: Picture, look: Look): void {
    const { width, height } = picture;
    // Setting the size clears the canvas, so only where it changed.
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    if (this.#image?.width !== width || this.#image.height !== height) this.#image = this.#context.createImageData(width, height);
    this.#table.set(look, topValue(picture));
    drawPixels(new Uint32Array(this.#image.data.buffer), picture, this.#table.words, look);
    this.#context.putImageData(this.#image, 0, 0);
  }

  close(): void {}
}
