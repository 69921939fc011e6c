// Boxes out of the answers of detectors, in source pixels: the forms that exporters write, the least score, one box for one thing.
import type { Tensor } from '../../native/onnx.ts';
import type { Placement } from './pre.ts';
import type { OnnxParams } from './settings.ts';

/** A thing that was found, in source pixels from the top left. */
export interface FoundBox {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** Number of its class. */
  readonly kind: number;
  readonly label: string;
  /** 0 to 1 */
  readonly score: number;
  readonly track?: number;
}

export type BoxSettings = Pick<OnnxParams, 'labels' | 'boxes' | 'unit' | 'threshold' | 'nms' | 'limit'>;
export type Outputs = Readonly<Record<string, Tensor>>;

/** Candidates of a detector, by number: calls `take` with the edges in the input's unit. */
type Candidates = (take: (x1: number, y1: number, x2: number, y2: number, score: number, kind: number) => void) => void;

/** Candidates that are compared with each other at most. */
const CANDIDATES = 2000;

/** Boxes of one answer, best first. Throws an `Error` that says what the answer looks like. */
export function boxesOf(outputs: Outputs, settings: BoxSettings, place: Placement): FoundBox[] {
  const { labels, unit, threshold, nms, limit } = settings;
  const [wide, high] = unit === 'share' ? [place.width, place.height] : [1, 1];
  const found: FoundBox[] = [];
  const clip = (value: number, most: number) => Math.min(most, Math.max(0, value));
  candidatesOf(
    outputs,
    settings,
  )((x1, y1, x2, y2, score, kind) => {
    if (!(score >= threshold)) return;
    const left = clip((x1 * wide - place.offsetX) / place.scaleX, place.sourceWidth);
    const right = clip((x2 * wide - place.offsetX) / place.scaleX, place.sourceWidth);
    const top = clip((y1 * high - place.offsetY) / place.scaleY, place.sourceHeight);
    const bottom = clip((y2 * high - place.offsetY) / place.scaleY, place.sourceHeight);
    if (!(right > left && bottom > top)) return;
    found.push({ x: left, y: top, w: right - left, h: bottom - top, kind, label: labels[kind] ?? String(kind), score });
  });
  found.sort((a, b) => b.score - a.score);
  return apart(found.slice(0, CANDIDATES), nms, limit);
}

/** The best ones that do not overlap a better one of their class by more than `nms` ("non-maximum suppression"). */
function apart(boxes: readonly FoundBox[], nms: number, limit: number): FoundBox[] {
  const kept: FoundBox[] = [];
  for (const box of boxes) {
    if (kept.length >= limit) break;
    if (!kept.some((better) => better.kind === box.kind && overlap(better, box) > nms)) kept.push(box);
  }
  return kept;
}

/** Shared area of two boxes by the area of both. */
export function overlap(a: Pick<FoundBox, 'x' | 'y' | 'w' | 'h'>, b: Pick<FoundBox, 'x' | 'y' | 'w' | 'h'>): number {
  const wide = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const high = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  if (wide <= 0 || high <= 0) return 0;
  return (wide * high) / (a.w * a.h + b.w * b.h - wide * high);
}

function candidatesOf(outputs: Outputs, settings: BoxSettings): Candidates {
  const named = Object.entries(outputs);
  const form = settings.boxes === 'auto' ? formOf(outputs, settings.labels.length) : settings.boxes;
  if (form === 'ssd') return ssd(outputs);
  const [name, tensor] = named[0] ?? ['', null];
  if (!tensor) throw new Error('the model has no output');
  const sizes = tensor.dims.filter((size, i) => i > 0 || size !== 1);
  const [rows, columns] = sizes.length === 2 ? (sizes as [number, number]) : sizes.length === 1 && sizes[0] === 0 ? [0, 6] : [-1, -1];
  if (rows < 0) throw new Error(`output ${name} has the shape [${tensor.dims.join(', ')}]; expected [1, N, M] for boxes`);
  const data = numbersOf(tensor);
  switch (form) {
    case 'corners':
      return corners(data, rows, columns);
    case 'yolo':
      return columns >= rows ? yolo(data, rows, columns, 1, columns) : yolo(data, columns, rows, columns, 1);
    default:
      return objectness(data, rows, columns);
  }
}

/** Which form it is, by names and shapes. */
function formOf(outputs: Outputs, labels: number): 'ssd' | 'corners' | 'yolo' | 'yolo-objectness' {
  const names = Object.keys(outputs);
  if (names.length >= 3 && names.some((name) => /box/i.test(name)) && names.some((name) => /score|conf/i.test(name))) return 'ssd';
  const dims = Object.values(outputs)[0]?.dims ?? [];
  const [rows = 0, columns = 0] = dims.slice(-2);
  if (columns === 4 + labels && labels && columns !== 6) return 'yolo';
  if (columns === 5 + labels && labels && columns !== 6) return 'yolo-objectness';
  if (columns === 6 && rows !== 4 + labels) return 'corners';
  return columns >= rows ? 'yolo' : 'yolo-objectness';
}

/** Middle, size and a score for each class; value `row` of candidate `i` lies at row * rowStep + i * step. */
function yolo(data: ArrayLike<number>, values: number, count: number, step: number, rowStep: number): Candidates {
  return (take) => {
    for (let i = 0; i < count; i++) {
      const at = i * step;
      let kind = 0;
      for (let row = 5; row < values; row++) if (data[row * rowStep + at]! > data[(4 + kind) * rowStep + at]!) kind = row - 4;
      const [x, y, w, h] = [data[at]!, data[rowStep + at]!, data[2 * rowStep + at]!, data[3 * rowStep + at]!];
      take(x - w / 2, y - h / 2, x + w / 2, y + h / 2, data[(4 + kind) * rowStep + at]!, kind);
    }
  };
}

/** Middle, size, how sure it is that there is anything, and a score for each class. */
function objectness(data: ArrayLike<number>, count: number, values: number): Candidates {
  return (take) => {
    for (let i = 0; i < count; i++) {
      const at = i * values;
      let kind = 0;
      for (let row = 6; row < values; row++) if (data[at + row]! > data[at + 5 + kind]!) kind = row - 5;
      const [x, y, w, h] = [data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!];
      const score = data[at + 4]! * (values > 5 ? data[at + 5 + kind]! : 1);
      take(x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, kind);
    }
  };
}

/** Two corners, score, class. */
function corners(data: ArrayLike<number>, count: number, values: number): Candidates {
  if (values < 5) throw new Error(`${values} values for each box; expected 6: two corners, score, class`);
  return (take) => {
    for (let i = 0; i < count; i++) {
      const at = i * values;
      take(data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!, data[at + 4]!, values > 5 ? data[at + 5]! : 0);
    }
  };
}

/** Outputs of their own for boxes (two corners), scores and classes. */
function ssd(outputs: Outputs): Candidates {
  const find = (pattern: RegExp) => Object.entries(outputs).find(([name]) => pattern.test(name))?.[1];
  const boxes = find(/box/i);
  const scores = find(/score|conf/i);
  const classes = find(/label|class/i);
  if (!boxes || !scores) {
    throw new Error(`outputs ${Object.keys(outputs).join(', ')}; expected boxes, scores and labels`);
  }
  const [edges, sure, kinds] = [numbersOf(boxes), numbersOf(scores), classes && numbersOf(classes)];
  return (take) => {
    for (let i = 0; i < Math.min(sure.length, edges.length / 4); i++) {
      take(edges[i * 4]!, edges[i * 4 + 1]!, edges[i * 4 + 2]!, edges[i * 4 + 3]!, sure[i]!, kinds?.[i] ?? 0);
    }
  };
}

/** Values of a tensor as numbers. */
export function numbersOf({ data }: Tensor): ArrayLike<number> {
  return data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data, Number) : data;
}
