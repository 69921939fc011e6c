import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../native/onnx.ts';
import { type BoxSettings, boxesOf, type Outputs, overlap } from './boxes.ts';
import { placementOf } from './pre.ts';
import { Tracker } from './tracker.ts';

const SETTINGS: BoxSettings = { labels: ['cat', 'dog'], boxes: 'auto', unit: 'pixels', threshold: 0.5, nms: 0.45, limit: 100 };
const place = placementOf(1280, 720, 320, 180, 'stretch');
const tensor = (dims: number[], values: number[]): Tensor => ({ type: 'float32', dims, data: Float32Array.from(values) });

/** Rows of values, one for each candidate, as [1, values, N]. */
const turned = (rows: number[][]) =>
  tensor(
    [1, rows[0]!.length, rows.length],
    rows[0]!.flatMap((_, i) => rows.map((row) => row[i]!)),
  );

const filler = Array.from({ length: 20 }, () => [0, 0, 0, 0, 0, 0]);

describe('boxes of a detector', () => {
  it.each<[string, Outputs, BoxSettings['boxes']?]>([
    ['yolo', { found: turned([[20, 30, 10, 20, 0.1, 0.9], ...filler]) }],
    ['yolo, the other way round', { found: tensor([1, 8, 6], [20, 30, 10, 20, 0.1, 0.9, ...filler.slice(0, 7).flat()]) }, 'yolo'],
    ['objectness', { found: tensor([1, 21, 7], [20, 30, 10, 20, 0.9, 0, 1, ...filler.flatMap((row) => [...row, 0])]) }],
    ['corners', { found: tensor([1, 2, 6], [15, 20, 25, 40, 0.9, 1, 0, 0, 9, 9, 0.2, 0]) }],
    [
      'ssd',
      {
        boxes: tensor([1, 4], [15, 20, 25, 40]),
        labels: { type: 'int64', dims: [1], data: BigInt64Array.of(1n) } as Tensor,
        scores: tensor([1], [0.9]),
      },
    ],
  ])('%s: in source pixels, with label and score', (_, outputs, boxes) => {
    const found = boxesOf(outputs, { ...SETTINGS, boxes: boxes ?? 'auto' }, place);
    expect(found).toEqual([{ x: 60, y: 80, w: 40, h: 80, kind: 1, label: 'dog', score: expect.closeTo(0.9, 5) }]);
  });

  it('one box for one thing, two things of two classes are two; the best first, no more than asked for', () => {
    const rows = [
      [100, 100, 50, 50, 0.7, 0],
      [102, 100, 50, 50, 0.9, 0],
      [101, 100, 50, 50, 0, 0.8],
      [200, 60, 20, 20, 0.6, 0],
      [300, 60, 20, 20, 0.4, 0],
    ];
    const found = boxesOf({ o: turned([...rows, ...filler]) }, SETTINGS, place);
    expect(found.map(({ label, score }) => [label, Math.round(score * 10) / 10])).toEqual([
      ['cat', 0.9],
      ['dog', 0.8],
      ['cat', 0.6],
    ]);
    expect(boxesOf({ o: turned([...rows, ...filler]) }, { ...SETTINGS, limit: 2 }, place)).toHaveLength(2);
    expect(boxesOf({ o: turned([...rows, ...filler]) }, { ...SETTINGS, nms: 1 }, place)).toHaveLength(4);
  });

  it('takes the borders of a letterbox off, and shares for what they are', () => {
    const boxed = placementOf(1280, 720, 640, 640, 'letterbox');
    const [found] = boxesOf({ o: tensor([1, 1, 6], [160, 230, 320, 320, 0.9, 0]) }, { ...SETTINGS, boxes: 'corners' }, boxed);
    expect(found).toMatchObject({ x: 320, y: 180, w: 320, h: 180 });
    const [share] = boxesOf(
      { o: tensor([1, 1, 6], [0.25, 0.25, 0.5, 0.5, 0.9, 0]) },
      { ...SETTINGS, boxes: 'corners', unit: 'share' },
      place,
    );
    expect(share).toMatchObject({ x: 320, y: 180, w: 320, h: 180 });
  });

  it('none are none, in every form', () => {
    expect(boxesOf({ o: tensor([1, 0, 6], []) }, SETTINGS, place)).toEqual([]);
    expect(boxesOf({ boxes: tensor([0, 4], []), labels: tensor([0], []), scores: tensor([0], []) }, SETTINGS, place)).toEqual([]);
  });

  it('says what an answer looks like that is no boxes', () => {
    expect(() => boxesOf({ o: tensor([1, 2, 3, 4], new Array(24).fill(0)) }, SETTINGS, place)).toThrow(
      'output o has the shape [1, 2, 3, 4]',
    );
    expect(() => boxesOf({}, SETTINGS, place)).toThrow('no output');
  });

  it('whatever a model gives: boxes are inside the picture, over the threshold, apart from each other', () => {
    const value = fc.oneof(fc.float(), fc.float({ min: -50, max: 400, noNaN: true }), fc.float({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value, value, value, value), { minLength: 7, maxLength: 60 }), (rows) => {
        for (const boxes of ['yolo', 'corners', 'yolo-objectness'] as const) {
          const outputs = { o: boxes === 'yolo' ? turned(rows as number[][]) : tensor([1, rows.length, 6], rows.flat()) };
          const found = boxesOf(outputs, { ...SETTINGS, boxes }, place);
          for (const [i, { x, y, w, h, score }] of found.entries()) {
            expect(x >= 0 && y >= 0 && x + w <= 1280.001 && y + h <= 720.001 && w > 0 && h > 0 && score >= 0.5).toBe(true);
            for (const other of found.slice(0, i)) {
              if (other.kind === found[i]!.kind) expect(overlap(other, found[i]!)).toBeLessThanOrEqual(0.45);
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('tracks', () => {
  const box = (x: number, y: number, kind = 0) => ({ x, y, w: 40, h: 40, kind, label: 'a', score: 1 });

  it('the same thing keeps its number, also past another one and after a missed frame', () => {
    const tracker = new Tracker();
    const numbers: (number | undefined)[][] = [];
    for (let i = 0; i < 20; i++) {
      const boxes = [box(i * 20, 100), box(380 - i * 20, 130, 1)];
      if (i === 8) boxes.splice(0, 1);
      // The order in which a model names them says nothing.
      numbers.push(tracker.next(i % 2 ? boxes.reverse() : boxes, i * 40_000).map(({ track, kind }) => (track ?? 0) * 10 + kind));
    }
    expect(new Set(numbers.flat())).toEqual(new Set([10, 21]));
  });

  it('what comes back after a second is another one', () => {
    const tracker = new Tracker();
    expect(tracker.next([box(0, 0)], 0)[0]!.track).toBe(1);
    expect(tracker.next([box(0, 0)], 900_000)[0]!.track).toBe(1);
    expect(tracker.next([box(0, 0)], 2_000_000)[0]!.track).toBe(2);
  });
});
