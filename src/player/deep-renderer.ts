// Who draws pictures at full depth: the graphics hardware where there is some, else tables on the page's thread, which is several times
// cheaper than graphics that are themselves computed.
import type { Picture } from '../core/frame.ts';
import type { Look } from '../core/view.ts';
import { CpuRenderer } from './cpu-renderer.ts';
import { GlRenderer } from './gl-renderer.ts';

export interface DeepRenderer {
  /** Its own: a canvas is for one kind of drawing for ever. */
  readonly canvas: HTMLCanvasElement;
  /** For people. */
  readonly name: string;
  /** Draws the picture by this look. `fresh`: it may have other samples than at the last call. Throws where it cannot. */
  draw(picture: Picture, look: Look, fresh: boolean): void;
  close(): void;
}

/** Parts of the names of graphics that are computed by the processor. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
let hardware: boolean | undefined;

/**
 * Opens a renderer: `wanted` is `webgl`, `canvas`, or anything else for the one that is cheaper here. `onLost` is told when graphics
 * hardware went away under the renderer.
 */
export function openRenderer(wanted: string, onLost: () => void): DeepRenderer {
  if (wanted === 'webgl' || (wanted !== 'canvas' && hardware !== false)) {
    const renderer = GlRenderer.open(onLost);
    hardware = renderer !== null && !SOFTWARE.test(renderer.hardware);
    if (renderer && (wanted === 'webgl' || hardware)) return renderer;
    renderer?.close();
  }
  return new CpuRenderer();
}
