// Boxes burnt into the picture: those that processors before this one have found in the frame, and fixed ones.
import { z } from 'zod';
import { LINE_HEIGHT, textSize } from '../../formats/bitmap-font.ts';
import { defineProcessor, type VideoFrame } from '../define.ts';
import { type Color as Ink, lightOf, Painter, parseColor } from '../painter.ts';
import { Color } from './params.ts';

/** As in data records; what comes from other processors may hold more. */
const Box = z.object({
  x: z.number(),
  y: z.number(),
  w: z.number().min(0),
  h: z.number().min(0),
  label: z.string().max(200).optional(),
  score: z.number().optional(),
});
type Box = z.output<typeof Box>;

export const processor = defineProcessor({
  name: 'boxes',
  params: z.strictObject({
    found: z
      .boolean()
      .default(true)
      .describe('boxes of data records of processors before this one, and those of the metadata of the frame (`boxes`)')
      .meta({ title: 'Found ones' }),
    boxes: z.array(Box).max(100).default([]).describe('boxes in every picture, in its pixels').meta({ title: 'Fixed ones' }),
    color: Color.default('#00e676').meta({ title: 'Colour', control: 'color' }),
    thickness: z
      .number()
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('of the lines; 0 = by the size of the picture')
      .meta({ title: 'Thickness', unit: 'px' }),
    labels: z.boolean().default(true).describe('label and score beside each box').meta({ title: 'Labels' }),
  }),
  video(frame, { params }) {
    const boxes = [...params.boxes, ...(params.found ? foundBoxes(frame.metadata.boxes) : [])];
    if (boxes.length === 0) return null;
    drawBoxes(frame, boxes, parseColor(params.color), params.thickness || Math.max(1, Math.round(frame.height / 360)), params.labels);
    return frame;
  },
});

/** Metadata may hold anything. */
function foundBoxes(value: unknown): Box[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, 1000).flatMap((entry) => Box.safeParse(entry).data ?? []);
}

function drawBoxes(frame: VideoFrame, boxes: readonly Box[], color: Ink, thickness: number, labels: boolean): void {
  const painter = new Painter(frame.info, frame.edit());
  const scale = Math.max(1, Math.round(frame.height / 36 / LINE_HEIGHT));
  for (const { x, y, w, h, label, score } of boxes) {
    painter.outline(Math.round(x), Math.round(y), Math.max(1, Math.round(w)), Math.max(1, Math.round(h)), thickness, color);
    const text = [label, score === undefined ? undefined : score.toFixed(2)].filter(Boolean).join(' ');
    if (!labels || !text) continue;
    const size = textSize(text);
    const height = (size.height + 2) * scale;
    // Above the box; inside where there is no room.
    const top = y >= height ? Math.round(y) - height : Math.round(y);
    painter.fill(x, top, (size.width + 4) * scale, height, color);
    painter.text(text, Math.round(x) + 2 * scale, top, scale, lightOf(color) > 110 ? [0, 0, 0] : [255, 255, 255]);
  }
}
