// Zoom and pan of the picture: the stage is scaled and moved inside its box. Pure part and its listeners.

/** How the stage lies in its box: magnified `scale` times, its top left corner at `x`, `y` (CSS pixels, 0 or negative). */
export interface Placement {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const WHOLE: Placement = { scale: 1, x: 0, y: 0 };

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The largest magnification: single pixels of a large picture are then as large as a fingertip. */
export const MAX_SCALE = 400;

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** The stage covers its box. */
function inside({ scale, x, y }: Placement, box: Size): Placement {
  return { scale, x: clamp(x, box.width * (1 - scale), 0), y: clamp(y, box.height * (1 - scale), 0) };
}

/** Another magnification; the point of the box at `x`, `y` shows what it showed before. */
export function zoomAt(place: Placement, scale: number, x: number, y: number, box: Size): Placement {
  const next = clamp(scale, 1, MAX_SCALE);
  const by = next / place.scale;
  return inside({ scale: next, x: x - (x - place.x) * by, y: y - (y - place.y) * by }, box);
}

/** Moved by so many CSS pixels. */
export function panBy(place: Placement, dx: number, dy: number, box: Size): Placement {
  return inside({ ...place, x: place.x + dx, y: place.y + dy }, box);
}

/** A round length in µm that takes at most `room` CSS pixels where one pixel of the picture takes `cssPerPixel`. */
export function scaleBar(pixelSize: number, cssPerPixel: number, room: number): { micrometres: number; width: number } {
  const most = (room / cssPerPixel) * pixelSize;
  const power = 10 ** Math.floor(Math.log10(most));
  const micrometres = (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1) * power;
  return { micrometres, width: (micrometres / pixelSize) * cssPerPixel };
}

/** `20 µm`, `2 mm`, `50 nm`. */
export function lengthName(micrometres: number): string {
  const [value, unit] =
    micrometres >= 1000 ? [micrometres / 1000, 'mm'] : micrometres < 1 ? [micrometres * 1000, 'nm'] : [micrometres, 'µm'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}
