import type { Picture } from '../core/frame.ts';
import type { Look } from '../core/view.ts';

/** What draws pictures at full depth. */
export interface DeepRenderer {
  /** Its own: a canvas is for one kind of drawing for ever. */
  readonly canvas: HTMLCanvasElement;
  /** For people. */
  readonly name: string;
  /** Draws the picture by this look. `fresh`: it may have other samples than at the last call. Throws where it cannot. */
  draw(picture: Picture, look: Look, fresh: boolean): void;
  close(): void;
}
