// What is drawn over pictures while a processor is being loaded: its name, what is being done, and how much of it is done. The pictures keep
// their ids and times, so nobody takes the wait for a fault of the camera.
import { type FrameInfo, frameBytes, type PixelFormat } from '../../core/frame.ts';
import { LINE_HEIGHT, textSize } from '../../formats/bitmap-font.ts';
import { type Color, Painter } from '../../processors/painter.ts';
import { samplesOf } from '../../processors/video-frame.ts';
import type { HeldSlot, Moving } from './moving.ts';

/** How far loading is. */
export interface Loading {
  /** Id of the processor; `null` = the message says all. */
  readonly name: string | null;
  readonly message: string;
  /** 0 to 1; `null` = not known. */
  readonly share: number | null;
}

const GROUND: Color = [16, 20, 28];
const TEXT: Color = [255, 255, 255];
const TRACK: Color = [70, 80, 96];
const BAR: Color = [62, 160, 222];
/** The part that runs to and fro while the share is not known: its length as a share of the bar, and the time of a way, µs. */
const RUNNER = 0.25;
const RUN_US = 1_500_000;

/** The frame with the progress drawn over a copy of its picture; `null` = there is no memory for one, and the frame is as it was. */
export function showLoading(
  frame: Moving,
  claim: (format: PixelFormat, width: number, height: number) => HeldSlot | null,
  loading: Loading,
): Moving | null {
  const { format, width, height } = frame.info;
  let held: HeldSlot | null;
  try {
    held = claim(format, width, height);
  } catch {
    // It does not fit into the memory of the stream, which is said where it is to be shown.
    return null;
  }
  if (!held) return null;
  const bytes = frameBytes(format, width, height);
  const target = held.ring.pixels(held.place.slot).subarray(0, bytes);
  target.set(frame.at.ring.pixels(frame.at.place.slot).subarray(0, bytes));
  drawLoading(frame.info, target, loading);
  frame.at.release();
  return { ...frame, at: held };
}

/** Draws into tightly packed pixels. Small pictures get the bar alone. */
export function drawLoading(info: FrameInfo, bytes: Uint8Array, { name, message, share }: Loading): void {
  const { width, height } = info;
  const painter = new Painter(info, samplesOf(info.format, bytes));
  const wide = Math.round(width * 0.7);
  const words = share === null ? message : `${message} (${Math.round(share * 100)} %)`;
  const lines = name === null ? [words] : [`Loading ${name}`, words];
  const points = lines.map((line) => textSize(line).width);
  // Points as large as a 22nd of the picture's height, smaller where the words would not fit.
  const scale = Math.min(Math.round(height / 22 / LINE_HEIGHT), Math.floor((wide - 16) / Math.max(...points)));
  const text = scale >= 1 ? lines : [];
  const room = Math.max(2, Math.round(height / 60));
  const line = LINE_HEIGHT * Math.max(1, scale);
  const bar = Math.max(3, Math.round(height / 50));
  const high = text.length * (line + room) + bar + 2 * room;
  const left = Math.round((width - wide) / 2);
  const top = Math.max(0, Math.round(height * 0.62 - high / 2));
  painter.fill(left, top, wide, high, GROUND, 0.8);
  for (const [i, words] of text.entries()) painter.text(words, left + 2 * room, top + room + i * (line + room), scale, TEXT);

  const [x, y, long] = [left + 2 * room, top + high - room - bar, wide - 4 * room];
  painter.fill(x, y, long, bar, TRACK);
  if (share !== null) painter.fill(x, y, Math.round(long * Math.min(1, Math.max(0, share))), bar, BAR);
  else {
    const phase = (info.timestamp % (2 * RUN_US)) / RUN_US;
    painter.fill(x + Math.round(long * (1 - RUNNER) * (phase < 1 ? phase : 2 - phase)), y, Math.round(long * RUNNER), bar, BAR);
  }
}
