// Answers of models other than boxes: classes, masks, pictures, numbers.
import type { Tensor } from '../../native/onnx.ts';
import { numbersOf, type Outputs } from './boxes.ts';
import type { OnnxParams } from './settings.ts';

export interface FoundClass {
  readonly label: string;
  /** 0 to 1 */
  readonly score: number;
}

/** Colours of classes in masks: red, green, blue; they come again after eight. */
const COLOURS = [
  [230, 80, 60],
  [60, 150, 230],
  [90, 200, 90],
  [240, 180, 40],
  [170, 100, 220],
  [50, 200, 190],
  [240, 110, 170],
  [150, 150, 60],
] as const;

/** The first output, or that of this name. */
export function firstOf(outputs: Outputs): readonly [name: string, tensor: Tensor] {
  const first = Object.entries(outputs)[0];
  if (!first) throw new Error('the model has no output');
  return first;
}

/** Scores as shares: by the activation, or by what they look like. */
export function sharesOf(values: ArrayLike<number>, activation: OnnxParams['activation']): Float64Array {
  const out = Float64Array.from(values);
  const sum = out.reduce((all, value) => all + value, 0);
  const shares = out.every((value) => value >= 0 && value <= 1) && (out.length === 1 || Math.abs(sum - 1) < 0.01);
  const kind = activation === 'auto' ? (shares ? 'none' : out.length === 1 ? 'sigmoid' : 'softmax') : activation;
  if (kind === 'none') return out;
  if (kind === 'sigmoid') return out.map((value) => 1 / (1 + Math.exp(-value)));
  const most = out.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = out.map((value) => Math.exp(value - most));
  const all = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / all);
}

/** Classes by score, best first: those over the threshold, and the score of each class by its name. */
export function classesOf(
  outputs: Outputs,
  { labels, activation, threshold, limit }: Pick<OnnxParams, 'labels' | 'activation' | 'threshold' | 'limit'>,
): { readonly best: FoundClass[]; readonly all: FoundClass[] } {
  const shares = sharesOf(numbersOf(firstOf(outputs)[1]), activation);
  const all = [...shares].map((score, i) => ({ label: labels[i] ?? String(i), score }));
  const best = all.filter(({ score }) => score >= threshold).sort((a, b) => b.score - a.score);
  return { best: best.slice(0, limit), all };
}

/** A mask in the size of the model: for each pixel the number of its class from 1 on, 0 where there is none. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly kinds: Uint8Array;
  /** Share of the picture that each class covers, from class 0 on. */
  readonly shares: number[];
}

/**
 * Output [1, 1, h, w]: one class where the value reaches the threshold. [1, C, h, w]: the class with the largest value; where there are more
 * classes than labels, the first one is nothing ("background"). Throws an `Error` that says what the answer looks like.
 */
export function maskOf(outputs: Outputs, { labels, activation, threshold }: Pick<OnnxParams, 'labels' | 'activation' | 'threshold'>): Mask {
  const [name, tensor] = firstOf(outputs);
  const [height = 0, width = 0] = tensor.dims.slice(-2);
  const classes = tensor.dims.length >= 3 ? tensor.dims.at(-3)! : 1;
  if (tensor.dims.length < 2 || classes * width * height !== tensor.data.length) {
    throw new Error(`output ${name} has the shape [${tensor.dims.join(', ')}]; expected [1, C, h, w] for masks`);
  }
  const data = numbersOf(tensor);
  const area = width * height;
  const kinds = new Uint8Array(area);
  const background = classes > Math.max(1, labels.length) ? 1 : 0;
  const counts = new Array<number>(Math.max(1, classes - background)).fill(0);
  // The sigmoid only moves the threshold.
  const logits = activation === 'sigmoid' || (activation === 'auto' && someOutside(data));
  const least = logits ? Math.log(threshold / (1 - threshold)) : threshold;
  for (let i = 0; i < area; i++) {
    let kind = 0;
    if (classes === 1) kind = data[i]! >= least ? 1 : 0;
    else {
      let best = 0;
      for (let c = 1; c < classes; c++) if (data[c * area + i]! > data[best * area + i]!) best = c;
      kind = best + 1 - background;
    }
    kinds[i] = Math.min(255, kind);
    if (kind > 0) counts[kind - 1] = counts[kind - 1]! + 1;
  }
  return { width, height, kinds, shares: counts.map((count) => count / area) };
}

function someOutside(data: ArrayLike<number>): boolean {
  for (let i = 0; i < data.length; i++) if (data[i]! < 0 || data[i]! > 1) return true;
  return false;
}

/** Colours the pixels of a packed rgb24 picture that a mask covers. */
export function paintMask(pixels: Uint8Array, width: number, height: number, mask: Mask, opacity: number): void {
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * mask.height) / height) * mask.width;
    for (let x = 0; x < width; x++) {
      const kind = mask.kinds[row + Math.floor((x * mask.width) / width)]!;
      if (!kind) continue;
      const colour = COLOURS[(kind - 1) % COLOURS.length]!;
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) pixels[at + c] = pixels[at + c]! * (1 - opacity) + colour[c]! * opacity;
    }
  }
}

/** Output [1, 3, h, w] or [1, h, w, 3] (or with one channel) as rgb24. Values from 0 to `range`. */
export function pictureOf(outputs: Outputs, range: number): { pixels: Uint8Array; width: number; height: number } {
  const [name, { dims, data: raw, type }] = firstOf(outputs);
  const data = raw instanceof BigInt64Array || raw instanceof BigUint64Array ? [] : raw;
  const [a = 0, b = 0, c = 0] = dims.slice(-3);
  const planar = a === 3 || a === 1;
  const [channels, height, width] = planar ? [a, b, c] : [c, a, b];
  if ((channels !== 3 && channels !== 1) || channels * height * width !== data.length) {
    throw new Error(`output ${name} has the shape [${dims.join(', ')}]; expected [1, 3, h, w] for pictures`);
  }
  const scale = type === 'uint8' ? 1 : 255 / range;
  const area = width * height;
  const pixels = new Uint8ClampedArray(area * 3);
  for (let i = 0, to = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const place = channels === 1 ? i : planar ? channel * area + i : i * 3 + channel;
      pixels[to++] = data[place]! * scale;
    }
  }
  return { pixels: new Uint8Array(pixels.buffer), width, height };
}
