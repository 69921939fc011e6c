// Colours for values from dark to bright. Each map is a few anchors from 0 to 1 with straight lines between them.
import type { ColorMap } from '../core/view.ts';

/** `#rrggbb` anchors at equal distances. */
const ANCHORS = {
  gray: ['#000000', '#ffffff'],
  inverted: ['#ffffff', '#000000'],
  green: ['#000000', '#00ff00'],
  magenta: ['#000000', '#ff00ff'],
  cyan: ['#000000', '#00ffff'],
  fire: ['#000000', '#3b0f70', '#b5367a', '#fb8861', '#fcfdbf'],
  viridis: ['#440154', '#414487', '#2a788e', '#22a884', '#7ad151', '#fde725'],
} as const satisfies Record<ColorMap, readonly string[]>;

/** The map's colours for 0, 1/255 … 1 as the words of an ImageData (little-endian RGBA), opaque. */
export function colorTable(map: ColorMap): Uint32Array {
  const anchors = ANCHORS[map].map((text) => Number.parseInt(text.slice(1), 16));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (anchors.length - 1);
    const left = Math.min(Math.floor(at), anchors.length - 2);
    const mix = (shift: number) => {
      const [a, b] = [(anchors[left]! >> shift) & 255, (anchors[left + 1]! >> shift) & 255];
      return Math.round(a + (b - a) * (at - left));
    };
    return (0xff000000 | (mix(0) << 16) | (mix(8) << 8) | mix(16)) >>> 0;
  });
}
