// The boxes that belong to the shown frame. Pure.
import type { Box, DataItem } from '../api/timeline.ts';
import { lastUpTo } from './items-around.ts';

/** Boxes of an earlier frame are shown for so long: detectors often look at every third picture only. */
export const MAX_AGE_US = 250_000;

/** Frames whose boxes are kept before they come as records. */
const EARLY = 200;

/** Boxes by frame, as they were found: those of a fast picture are there before they are kept as records. */
export class EarlyBoxes {
  readonly #boxes = new Map<number, Box[][]>();

  add(frame: number, boxes: readonly Box[]): void {
    const of = this.#boxes.get(frame) ?? [];
    of.push([...boxes]);
    this.#boxes.set(frame, of);
    // A Map keeps the order in which frames came.
    for (const old of this.#boxes.keys()) {
      if (this.#boxes.size <= EARLY) break;
      this.#boxes.delete(old);
    }
  }

  /** One list for each record of the frame; `undefined` = there was none. */
  of(frame: number): readonly Box[][] | undefined {
    return this.#boxes.get(frame);
  }
}

/** Whether it is known what was found in exactly this frame. */
export function hasOwnBoxes(records: readonly DataItem[], frame: { id: number }, early?: EarlyBoxes): boolean {
  return early?.of(frame.id) !== undefined || records.some((item) => item.frame === frame.id && boxesOf(item) !== null);
}

/** Boxes of exactly this frame, else those of the newest earlier frame that has some and is not too old. */
export function boxesAt(records: readonly DataItem[], frame: { id: number; timestamp: number }, early?: EarlyBoxes): Box[] {
  const found = early?.of(frame.id);
  if (!found) return recordedAt(records, frame);
  // What programs have sent for the same frame comes as records only.
  const known = new Set(found.map((boxes) => JSON.stringify(boxes)));
  const others = records.flatMap((item) => (item.frame === frame.id ? [boxesOf(item) ?? []] : []));
  return [...found, ...others.filter((boxes) => !known.has(JSON.stringify(boxes)))].flat();
}

function recordedAt(records: readonly DataItem[], frame: { id: number; timestamp: number }): Box[] {
  let newest: number | undefined;
  const found: Box[][] = [];
  // Records of one frame may differ by the rounding of their times.
  for (let i = lastUpTo(records, frame.timestamp + 1000); i >= 0; i--) {
    const record = records[i]!;
    if (record.timestamp < frame.timestamp - MAX_AGE_US) break;
    const boxes = boxesOf(record);
    const key = record.frame ?? -record.timestamp;
    if (!boxes || (record.frame !== null && record.frame > frame.id) || (newest !== undefined && key !== newest)) continue;
    newest = key;
    found.unshift(boxes);
  }
  return found.flat();
}

/** Other data are nobody's boxes; those that are not understood are left out. */
function boxesOf({ record }: DataItem): Box[] | null {
  const { boxes } = record;
  if (!Array.isArray(boxes)) return null;
  return (boxes as unknown[]).filter((box): box is Box => {
    const { x, y, w, h } = (box ?? {}) as Record<string, unknown>;
    return [x, y, w, h].every((part) => typeof part === 'number' && Number.isFinite(part)) && (w as number) >= 0 && (h as number) >= 0;
  });
}
