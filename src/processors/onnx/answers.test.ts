import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../native/onnx.ts';
import { classesOf, maskOf, paintMask, pictureOf, sharesOf } from './answers.ts';

const tensor = (dims: number[], values: number[], type: Tensor['type'] = 'float32'): Tensor => ({
  type,
  dims,
  data: type === 'uint8' ? Uint8Array.from(values) : Float32Array.from(values),
});

describe('classes', () => {
  it('logits become shares, shares stay what they are', () => {
    const shares = sharesOf([1, 2, 3], 'auto');
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1);
    expect(shares[2]! / shares[1]!).toBeCloseTo(Math.E);
    expect([...sharesOf([0.25, 0.75], 'auto')]).toEqual([0.25, 0.75]);
    expect(sharesOf([0], 'sigmoid')[0]).toBe(0.5);
    expect([...sharesOf([5, -5], 'none')]).toEqual([5, -5]);
    // Large ones do not run over.
    expect([...sharesOf([1000, 0], 'softmax')]).toEqual([1, 0]);
  });

  it('names those over the threshold, best first', () => {
    const settings = { labels: ['a', 'b'], activation: 'none', threshold: 0.2, limit: 2 } as const;
    const { best, all } = classesOf({ o: tensor([1, 4], [0.3, 0.1, 0.35, 0.25]) }, { ...settings, labels: [...settings.labels] });
    expect(best.map(({ label }) => label)).toEqual(['2', 'a']);
    expect(all).toHaveLength(4);
  });
});

describe('masks', () => {
  it('one class by its threshold, several by the largest value, the first being nothing where it has no name', () => {
    const one = maskOf({ o: tensor([1, 1, 1, 4], [0.2, 0.6, 0.5, 0]) }, { labels: [], activation: 'auto', threshold: 0.5 });
    expect([...one.kinds]).toEqual([0, 1, 1, 0]);
    expect(one.shares).toEqual([0.5]);
    const logits = maskOf({ o: tensor([1, 1, 1, 4], [-3, 0.6, 0.5, 4]) }, { labels: [], activation: 'auto', threshold: 0.6 });
    expect([...logits.kinds]).toEqual([0, 1, 1, 1]);
    const output = { o: tensor([1, 3, 1, 2], [0.9, 0, 0.1, 0.2, 0, 0.8]) };
    expect([...maskOf(output, { labels: ['a', 'b'], activation: 'auto', threshold: 0.5 }).kinds]).toEqual([0, 2]);
    expect([...maskOf(output, { labels: ['a', 'b', 'c'], activation: 'auto', threshold: 0.5 }).kinds]).toEqual([1, 3]);
    expect(() => maskOf({ o: tensor([5], [0, 0, 0, 0, 0]) }, { labels: [], activation: 'auto', threshold: 0.5 })).toThrow('shape [5]');
  });

  it('is laid over a picture of another size', () => {
    const mask = maskOf({ o: tensor([1, 1, 1, 2], [0, 1]) }, { labels: [], activation: 'none', threshold: 0.5 });
    const pixels = new Uint8Array(4 * 2 * 3);
    paintMask(pixels, 4, 2, mask, 1);
    const red = [...pixels.filter((_, i) => i % 3 === 0)];
    expect(red).toEqual([0, 0, 230, 230, 0, 0, 230, 230]);
  });
});

it('pictures, planar or packed, floats or bytes', () => {
  expect([...pictureOf({ o: tensor([1, 3, 1, 2], [1, 0, 0.5, 0, 0, 2]) }, 1).pixels]).toEqual([255, 128, 0, 0, 0, 255]);
  expect(pictureOf({ o: tensor([1, 1, 2, 3], [10, 20, 30, 40, 50, 60], 'uint8') }, 1)).toMatchObject({ width: 3, height: 2 });
  expect([...pictureOf({ o: tensor([1, 2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) }, 255).pixels]).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]);
  expect(() => pictureOf({ o: tensor([4, 2, 5], new Array(40).fill(0)) }, 1)).toThrow('shape [4, 2, 5]; expected [1, 3, h, w]');
});
