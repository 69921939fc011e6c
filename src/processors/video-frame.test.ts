import { describe, expect, it } from 'vitest';
import { type Rgb, shoot } from '../../test/scene.ts';
import { FORMAT_NAMES, FORMATS, frameBytes, type PixelFormat } from '../core/frame.ts';
import type { ProcessorFrame } from './processor.ts';
import { bytesOf, FrameMemory, LentVideoFrame, samplesOf } from './video-frame.ts';

const WIDTH = 11;
const HEIGHT = 7;
/** Flat in 4x4 blocks, so that subsampled colour can be compared too; the last row and column are odd ones. */
const scene = (x: number, y: number): Rgb => [30 + 40 * (x >> 2), 60 + 50 * (y >> 2), 200 - 30 * (x >> 2)];
const grayOf = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const coloured = (format: PixelFormat) => FORMATS[format].channels > 1 || format.startsWith('bayer');
/** Formats that keep 8-bit colours exactly. */
const EXACT = new Set<PixelFormat>(['rgb24', 'bgr24', 'rgba', 'rgb48le']);

/** What the chain hands over, with memory of its own for what will be shown. */
function chainFrame({ info, pixels }: ProcessorFrame, edit: () => Uint8Array = () => pixels.slice()) {
  return { info, metadata: {}, input: pixels, edit };
}

function frameOf(format: PixelFormat, options: { memory?: FrameMemory; edit?: () => Uint8Array } = {}): LentVideoFrame {
  return new LentVideoFrame(chainFrame(shoot(format, WIDTH, HEIGHT, 5, scene), options.edit), options.memory);
}

describe('LentVideoFrame', () => {
  it.each(FORMAT_NAMES)('gives %s as 8-bit RGB', (format) => {
    const rgb = frameOf(format).rgb();
    expect(rgb.length).toBe(WIDTH * HEIGHT * 3);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        // Blocks of mosaics and 4:2:0 at an odd edge are made of fewer samples.
        const level = grayOf(scene(x, y));
        const expected = coloured(format) ? scene(x, y) : [level, level, level];
        const room = EXACT.has(format) ? 0 : coloured(format) ? 2 : 0.52;
        for (let c = 0; c < 3; c++) expect(Math.abs(rgb[(y * WIDTH + x) * 3 + c]! - expected[c]!)).toBeLessThanOrEqual(room);
      }
    }
  });

  it('shares memory where nothing has to be converted, and converts once', () => {
    const { info, pixels } = shoot('rgb24', WIDTH, HEIGHT, 1, scene);
    const frame = new LentVideoFrame(chainFrame({ info, pixels }));
    expect(frame.rgb()).toBe(pixels);
    expect(frame.pixels.buffer).toBe(pixels.buffer);
    const other = frameOf('nv12');
    expect(other.rgb()).toBe(other.rgb());
  });

  it.each(FORMAT_NAMES)('has the samples and the shape of %s', (format) => {
    const frame = frameOf(format);
    const { depth } = FORMATS[format];
    expect(frame.pixels).toBeInstanceOf({ 8: Uint8Array, 16: Uint16Array, 32: Float32Array }[depth]);
    expect(frame.shape.reduce((product, side) => product * side, 1)).toBe(frame.pixels.length);
    const even = shoot(format, 8, 6, 1, scene);
    const shape = new LentVideoFrame(chainFrame(even)).shape;
    expect(shape).toEqual(
      format === 'yuv420p' || format === 'nv12' ? [9, 8] : format === 'rgba' ? [6, 8, 4] : shape.length === 3 ? [6, 8, 3] : [6, 8],
    );
  });

  it.each(FORMAT_NAMES)('edits %s where it will be shown, taken once', (format) => {
    const shown = new Uint8Array(frameBytes(format, WIDTH, HEIGHT));
    let calls = 0;
    const frame = frameOf(format, {
      edit: () => {
        calls++;
        shown.set(bytesOf(frame.pixels));
        return shown;
      },
    });
    expect(frame.edited).toBe(false);
    const before = bytesOf(frame.pixels).slice();
    const edit = frame.edit();
    expect(edit.buffer).toBe(shown.buffer);
    edit[0] = 7;
    expect(frame.edit()).toBe(edit);
    expect(frame.edited).toBe(true);
    expect(calls).toBe(1);
    expect(bytesOf(frame.pixels)).toEqual(before);
  });

  it('uses memory again only after the frame was given back', () => {
    const memory = new FrameMemory();
    const one = frameOf('gray', { memory });
    const first = one.rgb();
    const two = frameOf('gray', { memory });
    expect(two.rgb().buffer).not.toBe(first.buffer);
    one.release();
    const tensor = frameOf('gray', { memory });
    expect(tensor.rgb().buffer).toBe(first.buffer);
  });

  it('samples that are not aligned are copied, not refused', () => {
    const bytes = new Uint8Array(9);
    bytes.set([1, 2, 3, 4], 1);
    expect([...samplesOf('gray16le', bytes.subarray(1, 5))]).toEqual([0x0201, 0x0403]);
  });

  it.each(FORMAT_NAMES)('gives %s as planar floats', (format) => {
    const frame = frameOf(format);
    const tensor = frame.tensor();
    const gray = frame.tensor({ channels: 'gray' });
    const normal = frame.tensor({ mean: [0.5, 0.25, 0], std: [0.5, 2, 1] });
    const plane = WIDTH * HEIGHT;
    expect([tensor.length, gray.length]).toEqual([plane * 3, plane]);
    for (const [x, y] of [
      [1, 1],
      [5, 2],
      [4, 5],
    ] as const) {
      const colour = coloured(format) ? scene(x, y) : [0, 1, 2].map(() => grayOf(scene(x, y)));
      const room = EXACT.has(format) ? 1e-3 : 0.009;
      for (let c = 0; c < 3; c++) {
        const value = tensor[c * plane + y * WIDTH + x]!;
        expect(Math.abs(value - colour[c]! / 255)).toBeLessThan(room);
        expect(normal[c * plane + y * WIDTH + x]).toBeCloseTo((value - [0.5, 0.25, 0][c]!) / [0.5, 2, 1][c]!, 5);
      }
      // Luma of BT.601, as 4:2:0 has it below 720 lines, weighs colours otherwise.
      const grayRoom = format === 'yuv420p' || format === 'nv12' ? 0.05 : 0.009;
      expect(Math.abs(gray[y * WIDTH + x]! - grayOf(scene(x, y)) / 255)).toBeLessThan(grayRoom);
    }
  });

  it('keeps the depth of 16-bit samples and the range of floats', () => {
    const deep = shoot('gray16le', 2, 1, 1, () => [0, 0, 0]);
    new Uint16Array(deep.pixels.buffer).set([1, 4095]);
    expect([...new LentVideoFrame(chainFrame(deep)).tensor({ channels: 'gray' })]).toEqual([Math.fround(1 / 4095), 1]);
    const float = shoot('grayf32le', 2, 1, 1, () => [0, 0, 0]);
    new Float32Array(float.pixels.buffer).set([-3.5, 1200]);
    expect([...new LentVideoFrame(chainFrame(float)).tensor({ channels: 'gray' })]).toEqual([-3.5, 1200]);
  });

  it.each([
    // Each new pixel lies a quarter of the old distance beside an old one.
    { from: [2, 1], to: [4, 1], input: [0, 1], output: [0, 0.25, 0.75, 1] },
    // A triangle of twice the reach: weights 3, 3, 1 (and 1 outside, left out) of 7.
    { from: [4, 1], to: [2, 1], input: [7, 14, 21, 28], output: [(3 * 7 + 3 * 14 + 21) / 7, (14 + 3 * 21 + 3 * 28) / 7] },
    { from: [1, 4], to: [1, 2], input: [7, 14, 21, 28], output: [(3 * 7 + 3 * 14 + 21) / 7, (14 + 3 * 21 + 3 * 28) / 7] },
    { from: [2, 2], to: [1, 1], input: [1, 2, 3, 6], output: [3] },
    { from: [3, 2], to: [3, 2], input: [1, 2, 3, 4, 5, 6], output: [1, 2, 3, 4, 5, 6] },
  ])('resizes $from to $to', ({ from, to, input, output }) => {
    const { info, pixels } = shoot('grayf32le', from[0]!, from[1]!, 1, () => [0, 0, 0]);
    new Float32Array(pixels.buffer).set(input);
    const tensor = new LentVideoFrame(chainFrame({ info, pixels })).tensor({ channels: 'gray', width: to[0]!, height: to[1]! });
    expect(tensor.length).toBe(output.length);
    for (const [i, value] of output.entries()) expect(tensor[i]).toBeCloseTo(value, 5);
  });

  it('resizing keeps flat colours apart', () => {
    const { info, pixels } = shoot('rgb24', 31, 17, 1, () => [10, 100, 250]);
    for (const [width, height] of [
      [7, 5],
      [64, 40],
      [1, 1],
    ] as const) {
      const tensor = new LentVideoFrame(chainFrame({ info, pixels })).tensor({ width, height });
      for (const [i, value] of tensor.entries()) expect(value).toBeCloseTo([10, 100, 250][Math.floor(i / (width * height))]! / 255, 5);
    }
  });
});
