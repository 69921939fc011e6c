import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEIGHT, makeModel, WIDTH } from '../../examples/onnx/make-model.ts';
import { hasOnnx, ONNX_FOLDER } from '../../test/tools.ts';
import { needOnnxRuntime, OnnxModel } from './onnx.ts';

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-onnx-'));
  file = join(folder, 'squares.onnx');
  await writeFile(file, makeModel());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const open = (path: string, progress?: (message: string, share: number) => void) =>
  OnnxModel.open({ file: path, from: [ONNX_FOLDER], threads: 1, providers: ['cpu'], ...(progress && { progress }) });

/** A gray picture with squares at any place between pixels: what lies on an edge is mixed. */
function picture(squares: readonly { x: number; y: number; side: number; colour: readonly number[] }[]): Float32Array {
  const pixels = new Float32Array(3 * WIDTH * HEIGHT).fill(0.4);
  for (const { x, y, side, colour } of squares) {
    for (let i = 0; i < WIDTH * HEIGHT; i++) {
      const [column, row] = [i % WIDTH, Math.floor(i / WIDTH)];
      const part = (at: number, from: number) => Math.max(0, Math.min(at + 1, from + side) - Math.max(at, from));
      const covered = part(column, x) * part(row, y);
      for (let channel = 0; channel < 3; channel++) {
        const at = channel * WIDTH * HEIGHT + i;
        pixels[at] = pixels[at]! * (1 - covered) + (covered * colour[channel]!) / 255;
      }
    }
  }
  return pixels;
}

const RED = [230, 60, 60];
const BLUE = [60, 90, 230];

describe.skipIf(!hasOnnx())('a model in a process of its own', () => {
  it('finds what it was made for, to a tenth of a pixel', async () => {
    const told: string[] = [];
    await using model = await open(file, (message) => told.push(message));
    expect(told).toEqual(['Starting the engine of models', 'Loading the model']);
    expect(model.inputs).toEqual([{ name: 'picture', type: 'float32', shape: [1, 3, HEIGHT, WIDTH] }]);
    for (const [x, y, side] of [
      [100.5, 40.25, 30],
      [0, 0, 22.5],
      [289, 149, 31],
      [7.3, 120.9, 12],
    ] as const) {
      const squares = [
        { x, y, side, colour: RED },
        { x: (x + 160) % 280, y, side: 24, colour: BLUE },
      ];
      const feeds = { picture: { type: 'float32' as const, data: picture(squares), dims: [1, 3, HEIGHT, WIDTH] } };
      const { outputs, ms } = await model.run(feeds);
      const { data, dims } = outputs.found!;
      const count = dims[2]!;
      squares.forEach((square, label) => {
        let best = 0;
        for (let i = 0; i < count; i++) if (data[(4 + label) * count + i]! > data[(4 + label) * count + best]!) best = i;
        const [middleX, middleY, wide, high, score] = [0, 1, 2, 3, 4 + label].map((row) => Number(data[row * count + best]));
        expect(Math.abs(middleX! - square.x - square.side / 2)).toBeLessThan(0.1);
        expect(Math.abs(middleY! - square.y - square.side / 2)).toBeLessThan(0.1);
        expect(Math.abs(wide! - square.side)).toBeLessThan(0.2);
        expect(Math.abs(high! - square.side)).toBeLessThan(0.2);
        expect(score).toBeGreaterThan(0.8);
      });
      expect(ms).toBeGreaterThan(0);
    }
    const { outputs } = await model.run({ picture: { type: 'float32', data: picture([]), dims: [1, 3, HEIGHT, WIDTH] } });
    expect(Math.max(...(outputs.found!.data as Float32Array).subarray(4 * outputs.found!.dims[2]!))).toBe(0);
  });

  it('a call that does not come back is given up, a process that dies is replaced, and neither is felt elsewhere', async () => {
    await using model = await open(file);
    const feeds = { picture: { type: 'float32' as const, data: picture([]), dims: [1, 3, HEIGHT, WIDTH] } };
    const back = async () => {
      for (;;) {
        try {
          return await model.run(feeds);
        } catch (error) {
          expect((error as Error).message).toMatch(/ended|started again/);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const first = model.pid!;
    process.kill(first, 'SIGSTOP');
    const deadline = new AbortController();
    const stuck = model.run(feeds, deadline.signal);
    deadline.abort();
    await expect(stuck).rejects.toThrow('the process of the model ended with SIGKILL');
    await back();
    const second = model.pid!;
    expect(second).not.toBe(first);
    process.kill(second, 'SIGKILL');
    await expect(model.run(feeds)).rejects.toThrow(/ended/);
    await back();
  });

  it('says what is wrong with a call, a file and a model', async () => {
    await using model = await open(file);
    const short = { picture: { type: 'float32' as const, data: new Float32Array(3), dims: [1, 3, 1, 1] } };
    await expect(model.run(short)).rejects.toThrow(/the model: .*picture/);
    await expect(model.run({})).rejects.toThrow(/the model: .*picture/);
    await expect(open(join(folder, 'none.onnx'))).rejects.toThrow('there is no file');
    const bad = join(folder, 'bad.onnx');
    await writeFile(bad, 'no model');
    await expect(open(bad)).rejects.toThrow(/could not be loaded/);
  });
});

it('says how the engine is installed where it is missing', () => {
  // From the root of a disk nothing is found; what is beside the tests themselves may be.
  let error: unknown;
  try {
    needOnnxRuntime([folder]);
  } catch (caught) {
    error = caught;
  }
  if (error) expect((error as Error).message).toContain(`npm install --ignore-scripts onnxruntime-node@1.30.0" in ${folder}`);
});
