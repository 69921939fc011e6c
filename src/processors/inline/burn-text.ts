// Text into a picture, at one of nine places, readable on any ground.
import { LINE_HEIGHT, textSize } from '../../formats/bitmap-font.ts';
import type { VideoFrame } from '../define.ts';
import { type Color, lightOf, Painter, parseColor } from '../painter.ts';
import type { Position } from './params.ts';

export interface Lettering {
  readonly position: Position;
  /** Height of a line, pixels; 0 = a 24th of the picture. */
  readonly size: number;
  readonly color: string;
  readonly background: 'box' | 'outline' | 'none';
}

const WHITE: Color = [255, 255, 255];
const BLACK: Color = [0, 0, 0];

/** Draws into `frame.edit()`. Smaller points are taken where the text would not fit otherwise. */
export function burnText(frame: VideoFrame, text: string, { position, size, color, background }: Lettering): void {
  if (text === '') return;
  const { width, height } = frame;
  const points = textSize(text);
  const wanted = Math.max(1, Math.round((size || height / 24) / LINE_HEIGHT));
  // Three points of room at each side.
  const fitting = Math.floor(Math.min(width / (points.width + 6), height / (points.height + 6)));
  const scale = Math.max(1, Math.min(wanted, fitting));
  const [w, h] = [(points.width + 6) * scale, (points.height + 6) * scale];
  const at = (side: number, length: number, first: string, last: string) =>
    position.includes(first) ? 0 : position.includes(last) ? Math.max(0, side - length) : Math.max(0, Math.floor((side - length) / 2));
  const x = at(width, w, 'left', 'right');
  const y = at(height, h, 'top', 'bottom');
  const painter = new Painter(frame.info, frame.edit());
  const ink = parseColor(color);
  // Dark letters stand on white.
  const ground = lightOf(ink) < 100 ? WHITE : BLACK;
  if (background === 'box') painter.fill(x, y, w, h, ground, 0.65);
  painter.text(text, x + 3 * scale, y + 3 * scale, scale, ink, background === 'outline' ? ground : null);
}

/** Such as `2026-11-21` and `21:40:12.345`, UTC, cut off (not rounded) at the millisecond. */
export function dateAndTime(timestamp: number): { date: string; time: string } {
  const [date = '', time = ''] = new Date(Math.floor(timestamp / 1000)).toISOString().slice(0, -1).split('T');
  return { date, time };
}

/** Fills `{id}`, `{date}`, `{time}`, `{stream}`, `{width}`, `{height}`, `{format}` and the keys of the metadata; others stay as they are. */
export function fillTemplate(template: string, frame: VideoFrame, stream: string, more: Readonly<Record<string, unknown>> = {}): string {
  const { id, width, height, format, metadata } = frame;
  const values: Readonly<Record<string, unknown>> = {
    ...metadata,
    ...more,
    id,
    width,
    height,
    format,
    stream,
    ...dateAndTime(frame.timestamp),
  };
  return template.replace(/\{([A-Za-z0-9._-]+)\}/g, (whole, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
    return typeof value === 'string' || typeof value === 'boolean' ? String(value) : whole;
  });
}
