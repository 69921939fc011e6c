import { describe, expect, it } from 'vitest';
import { type FrameInfo, frameBytes, type PixelFormat } from '../../core/frame.ts';
import type { Micros } from '../../core/time.ts';
import type { TensorInfo } from '../../native/onnx.ts';
import { LentVideoFrame } from '../video-frame.ts';
import { PictureInput } from './pre.ts';
import { PreSettings } from './settings.ts';

const model = (shape: (number | string)[], type = 'float32'): TensorInfo => ({ name: 'x', type, shape });
const input = (shape: (number | string)[], settings: object = {}, type?: string) =>
  new PictureInput(model(shape, type), PreSettings.parse(settings));

const lent = (info: FrameInfo, pixels: Uint8Array) => new LentVideoFrame({ info, metadata: {}, input: pixels, edit: () => pixels });

function frame(format: PixelFormat, width: number, height: number): { info: FrameInfo; pixels: Uint8Array } {
  const time = 0 as Micros;
  const info = { id: 1, timestamp: time, received: time, format, width, height, significantBits: 0 };
  return { info, pixels: new Uint8Array(frameBytes(format, width, height)) };
}

/** Left half red, right half blue, the edge at column `edge`. */
function halves(width: number, height: number, edge: number) {
  const made = frame('rgb24', width, height);
  for (let i = 0; i < width * height; i++) made.pixels.set(i % width < edge ? [255, 0, 0] : [0, 0, 255], i * 3);
  return made;
}

describe('a picture as the input of a model', () => {
  it('has the size of the model, and colours where they were', () => {
    const { info, pixels } = halves(64, 20, 32);
    const { tensor, place } = input([1, 3, 4, 8]).prepare(lent(info, pixels));
    expect(tensor.dims).toEqual([1, 3, 4, 8]);
    expect(place).toMatchObject({ scaleX: 0.125, scaleY: 0.2, offsetX: 0, offsetY: 0 });
    for (let row = 0; row < 4; row++) {
      const red = [...tensor.data.slice(row * 8, row * 8 + 8)].map(Number);
      expect(red.slice(0, 3).every((value) => value === 1) && red.slice(5).every((value) => value === 0)).toBe(true);
      const blue = [...tensor.data.slice(64 + row * 8, 64 + row * 8 + 8)].map(Number);
      for (const [i, value] of blue.entries()) expect(value).toBeCloseTo(1 - red[i]!, 5);
    }
  });

  it('order of axes and colours, range, mean and deviation', () => {
    const { info, pixels } = halves(2, 1, 1);
    expect([...input([1, 1, 2, 3], { layout: 'nhwc' }).prepare(lent(info, pixels)).tensor.data]).toEqual([1, 0, 0, 0, 0, 1]);
    expect([...input([1, 3, 1, 2], { channels: 'bgr' }).prepare(lent(info, pixels)).tensor.data]).toEqual([0, 1, 0, 0, 1, 0]);
    const scaled = input([1, 3, 1, 2], { range: 255, mean: [55, 0, 0], std: [100, 1, 1] }).prepare(lent(info, pixels));
    expect([...scaled.tensor.data].map((value) => Math.round(Number(value) * 100) / 100)).toEqual([2, -0.55, 0, 0, 0, 255]);
    const bytes = input([1, 3, 1, 2], { range: 255 }, 'uint8').prepare(lent(info, pixels)).tensor;
    expect(bytes).toEqual({ type: 'uint8', dims: [1, 3, 1, 2], data: Uint8Array.of(255, 0, 0, 0, 0, 255) });
  });

  it('gray models get levels at full depth', () => {
    const { info, pixels } = frame('gray16le', 4, 2);
    new Uint16Array(pixels.buffer).fill(1024);
    const { tensor } = input([1, 1, 1, 2]).prepare(lent({ ...info, significantBits: 12 }, pixels));
    expect(tensor.dims).toEqual([1, 1, 1, 2]);
    for (const value of tensor.data) expect(value).toBeCloseTo(1024 / 4095, 5);
  });

  it('a letterbox keeps proportions and says where the picture lies', () => {
    const { info, pixels } = halves(32, 16, 32);
    const { tensor, place } = input([1, 3, 8, 8], { fit: 'letterbox' }).prepare(lent(info, pixels));
    const red = [...tensor.data.slice(0, 64)].map(Number);
    expect(red.slice(0, 16).every((value) => Math.abs(value - 114 / 255) < 1e-6)).toBe(true);
    expect(red.slice(16, 48).every((value) => Math.abs(value - 1) < 1e-5)).toBe(true);
    expect(place).toMatchObject({ scaleX: 0.25, scaleY: 0.25, offsetX: 0, offsetY: 2 });
  });

  it.each(['rgb24', 'bgr24', 'rgba', 'yuv420p', 'nv12', 'gray', 'gray16le', 'rgb48le', 'bayer_rggb16le', 'grayf32le'] as const)(
    '%s of awkward sizes is taken',
    (format) => {
      for (const [width, height] of [
        [1, 1],
        [17, 5],
        [64, 33],
      ] as const) {
        const { info, pixels } = frame(format, width, height);
        for (const channels of [1, 3]) {
          const { tensor } = input([1, channels, 7, 9]).prepare(lent(info, pixels));
          expect(tensor.data.length).toBe(channels * 63);
          expect([...tensor.data].every((value) => Number(value) >= 0 && Number(value) <= 1)).toBe(true);
        }
      }
    },
  );

  it('sizes that a model leaves open are those of the settings, else of the picture', () => {
    const { info, pixels } = halves(10, 6, 5);
    expect(input(['n', 3, 'h', 'w']).prepare(lent(info, pixels)).tensor.dims).toEqual([1, 3, 6, 10]);
    expect(input(['n', 3, 'h', 'w'], { size: [8, 4] }).prepare(lent(info, pixels)).tensor.dims).toEqual([1, 3, 4, 8]);
  });

  it('says what does not fit', () => {
    expect(() => input([1, 3, 4, 8], { size: [9, 4] })).toThrow('pre.size is 9 x 4, but the input x of the model is 8 x 4');
    expect(() => input([1, 1, 4, 8], { channels: 'rgb' })).toThrow('pre.channels is rgb (3), but the input x of the model has 1');
    expect(() => input([1, 16])).toThrow('input x has the shape [1, 16]; expected four axes');
    expect(() => input([1, 3, 4, 8], {}, 'int64')).toThrow('input x takes int64; expected float32 or uint8');
  });
});
