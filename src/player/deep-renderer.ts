// Who draws pictures at full depth: the graphics hardware where there is some, else tables on the page's thread, which is several times
// cheaper than graphics that are themselves computed.
import { CpuRenderer } from './cpu-renderer.ts';
import { GlRenderer } from './gl-renderer.ts';
import type { DeepRenderer } from './renderer.ts';

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
