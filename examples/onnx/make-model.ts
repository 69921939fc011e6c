// Makes squares.onnx, a small convolution model that finds red and blue squares:  node examples/onnx/make-model.ts [FILE]
//
// Input `picture`: [1, 3, 180, 320], red, green and blue from 0 to 1. Output `found`: [1, 4 + 2, 7200], as YOLO models give it: for each
// candidate the middle and size of its box in pixels of the input, then its score as red and as blue.
//
// How it works: a 1x1 convolution tells how red and how blue each pixel is (gray is neither; linear, so pixels on an edge count in part).
// Two long convolutions with the weights 1, x, x² and 1, y, y² give the moments of that colour in a window round every fourth pixel: how
// much of it, where its middle is, how wide and high it is. A window round the middle of one whole square scores 1.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Model } from './onnx-file.ts';

export const [WIDTH, HEIGHT] = [320, 180];
export const LABELS = ['red', 'blue'] as const;
/** Pixels between candidates, and the side of their windows. */
const STRIDE = 4;
const WINDOW = 49;
/** Least side of a square, pixels of the input. */
const LEAST = 6;
const CLASSES = LABELS.length;

/** The model as a file. */
export function makeModel(): Uint8Array {
  const model = new Model('squares');
  const picture = model.input('picture', [1, 3, HEIGHT, WIDTH]);
  // Each row adds up to 0, so gray gives 0; red (230, 60, 60) and blue (60, 90, 230) give 1.
  const hue = model.weights({ shape: [CLASSES, 3, 1, 1], values: [1.5, -0.75, -0.75, -0.8226, -0.8226, 1.6452] });
  const colour = model.node('Clip', [model.node('Conv', [picture, hue]), model.number(0), model.number(1)]);

  const half = WINDOW >> 1;
  const offsets = Array.from({ length: WINDOW }, (_, i) => i - half);
  const moments = [() => 1, (x: number) => x, (x: number) => x * x].map((of) => offsets.map(of));
  const [ones, firsts, seconds] = moments as [number[], number[], number[]];
  const none = offsets.map(() => 0);
  const across = model.weights({
    shape: [CLASSES * 3, 1, 1, WINDOW],
    values: Array.from({ length: CLASSES }, () => moments.flat()).flat(),
  });
  const rows = model.node('Conv', [colour, across], { group: CLASSES, strides: [1, STRIDE], pads: [0, half, 0, half] });
  // Of each class: the sums of 1, x, y, x², y² from the sums of 1, x, x² along the rows.
  const down = [ones, none, none, none, ones, none, firsts, none, none, none, none, ones, seconds, none, none];
  const columns = model.weights({ shape: [CLASSES * 5, 3, WINDOW, 1], values: Array.from({ length: CLASSES }, () => down.flat()).flat() });
  const sums = model.node('Conv', [rows, columns], { group: CLASSES, strides: [STRIDE, 1], pads: [half, 0, half, 0] });

  const [wide, high] = [Math.ceil(WIDTH / STRIDE), Math.ceil(HEIGHT / STRIDE)];
  const count = wide * high;
  const shape = (...sizes: number[]) => model.weights({ shape: [sizes.length], values: sizes, type: 'int64' });
  const table = model.node('Reshape', [sums, shape(CLASSES, 5, count)]);
  const moment = (at: number) => model.node('Slice', [table, shape(at), shape(at + 1), shape(1)]);
  const [area, sumX, sumY, sumXX, sumYY] = [0, 1, 2, 3, 4].map(moment) as [string, string, string, string, string];
  const safe = model.node('Max', [area, model.number(1)]);
  // Middle, and size from the spread: a row of n pixels has the variance (n² - 1) / 12.
  const axis = (first: string, second: string) => {
    const mean = model.node('Div', [first, safe]);
    const variance = model.node('Sub', [model.node('Div', [second, safe]), model.node('Mul', [mean, mean])]);
    const square = model.node('Add', [model.node('Mul', [variance, model.number(12)]), model.number(1)]);
    return { mean, size: model.node('Sqrt', [model.node('Max', [square, model.number(1)])]) };
  };
  const x = axis(sumX, sumXX);
  const y = axis(sumY, sumYY);

  // Pixel 0 reaches from 0 to 1, so its middle lies at 0.5.
  const grid = (of: (i: number) => number) =>
    model.weights({ shape: [1, 1, count], values: Array.from({ length: count }, (_, i) => of(i) * STRIDE + 0.5) });
  const middleX = model.node('Add', [x.mean, grid((i) => i % wide)]);
  const middleY = model.node('Add', [y.mean, grid((i) => Math.floor(i / wide))]);

  const clip = (value: string) => model.node('Clip', [value, model.number(0), model.number(1)]);
  /** 1 up to a half of the stride from the middle, 0 from one and a half on: neighbours of the best window say the same, with less weight. */
  const near = ({ mean }: { mean: string }) =>
    clip(model.node('Sub', [model.number(1.5), model.node('Div', [model.node('Abs', [mean]), model.number(STRIDE)])]));
  const filled = model.node('Div', [area, model.node('Mul', [x.size, y.size])]);
  const whole = clip(model.node('Sub', [model.number(1.1), model.node('Abs', [model.node('Sub', [filled, model.number(1)])])]));
  const enough = clip(model.node('Sub', [area, model.number(LEAST * LEAST)]));
  const score = [near(x), near(y), enough].reduce((product, factor) => model.node('Mul', [product, factor]), whole);

  const own = model.weights({ shape: [CLASSES, CLASSES, 1], values: [1, 0, 0, 1] });
  const table2 = model.node('Concat', [middleX, middleY, x.size, y.size, model.node('Mul', [score, own])], { axis: 1 });
  const turned = model.node('Transpose', [table2], { perm: [1, 0, 2] });
  model.node('Reshape', [turned, shape(1, 4 + CLASSES, CLASSES * count)], {}, 'found');
  model.output('found', [1, 4 + CLASSES, CLASSES * count]);
  return model.bytes();
}

if (import.meta.main) {
  const file = process.argv[2] ?? fileURLToPath(new URL('squares.onnx', import.meta.url));
  const bytes = makeModel();
  await writeFile(file, bytes);
  console.log(`${file}: ${bytes.length} bytes`);
}
