// Every built-in that stands in the way of the picture, with every pixel format, odd sizes, in place and not.
import { describe, expect, it } from 'vitest';
import { type Made, ProcessorRun } from '../../../test/processor-run.ts';
import { type Rgb, shoot } from '../../../test/scene.ts';
import { FORMAT_NAMES, FORMATS, type FrameInfo, type PixelFormat } from '../../core/frame.ts';
import { WITHHOLD } from '../define.ts';
import { Colours, fullScale } from '../levels.ts';
import { samplesOf } from '../video-frame.ts';
import { INLINE, INLINE_NAMES, type InlineName, inlineProcessor } from './index.ts';

const open = async (use: InlineName, params: object = {}) => new ProcessorRun(await inlineProcessor(use), params);
const info = (made: Made): FrameInfo => ({ ...shoot('gray', 1, 1, 1, () => [0, 0, 0]).info, ...made });

/** 8-bit colour at a place. */
function colour(made: Made, x: number, y: number): number[] {
  return [...new Colours({ info: info(made), pixels: made.bytes }).row(new Uint8ClampedArray(3), y, x, 1)];
}

/** Light at a place, 0 to 255, whatever the format. */
function light(made: Made, x: number, y: number): number {
  const [r, g, b] = colour(made, x, y) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const coloured = (format: PixelFormat) => FORMATS[format].channels > 1 || format === 'bayer_rggb16le';
const flat = (value: Rgb) => () => value;
/** Flat in blocks of 8, so that every format shows the same. */
const blocks = (x: number, y: number): Rgb => [40 + 20 * (x >> 3), 200 - 30 * (y >> 3), 90];

/** Params that change the picture, and formats that are refused. */
const CHANGES: Readonly<Record<Exclude<InlineName, 'generate' | 'http' | 'onnx'>, { params: object; refuses?: readonly PixelFormat[] }>> = {
  pass: { params: { copy: true } },
  'grey-tint': { params: { color: '#ff8800' }, refuses: ['grayf32le'] },
  'brightness-contrast': { params: { brightness: 0.2 } },
  crop: { params: { x: 4, y: 2, width: 9, height: 7 } },
  resize: { params: { width: 13, height: 9 }, refuses: ['bayer_rggb16le'] },
  text: { params: { text: 'Hi' } },
  timecode: { params: { show: 'id' } },
  boxes: { params: { boxes: [{ x: 1, y: 1, w: 6, h: 6, label: 'cell' }] } },
  background: { params: { show: 'mask' } },
  difference: { params: {} },
  'publish-only': { params: {} },
};

const SIZES = [
  [33, 25],
  [32, 24],
  [1, 1],
  [3, 1],
  [1, 5],
  [2, 2],
] as const;

describe('built-ins in the way of the picture', () => {
  it('are all looked at here', () => {
    expect([...Object.keys(CHANGES), 'generate', 'http', 'onnx'].sort()).toEqual([...INLINE_NAMES].sort());
  });

  it.each(FORMAT_NAMES)('take %s of any size, changed where it lies and not, or refuse it by name', async (format) => {
    for (const [use, { params, refuses = [] }] of Object.entries(CHANGES)) {
      for (const [width, height] of SIZES) {
        const run = await open(use as InlineName, params);
        const other = await open(use as InlineName, params);
        const frame = shoot(format, width, height, 3, blocks);
        if (use === 'crop' && (width < 5 || height < 3)) {
          await expect(run.video(frame)).rejects.toThrow(/4, 2; the picture is/);
          continue;
        }
        if (refuses.includes(format)) {
          await expect(run.video(frame)).rejects.toThrow(new RegExp(`${format}; allowed are gray, `));
          continue;
        }
        const made = await run.video(frame);
        const own = await other.video(shoot(format, width, height, 3, blocks), { own: true });
        expect({ use, width, height, bytes: own.bytes }).toEqual({ use, width, height, bytes: made.bytes });
      }
    }
  });

  it.each(Object.keys(INLINE) as InlineName[])('%s has params with defaults, and says so in JSON Schema', async (use) => {
    const { params } = await inlineProcessor(use);
    expect(params!.safeParse({ wrong: 1 }).success).toBe(false);
    if (use !== 'http' && use !== 'onnx') expect(params!.safeParse({}).success).toBe(true);
  });
});

describe('grey-tint', () => {
  it.each(FORMAT_NAMES.filter(coloured))('takes the colour out of %s and keeps its light', async (format) => {
    const run = await open('grey-tint');
    const made = await run.video(shoot(format, 17, 13, 1, flat([200, 100, 50])));
    expect(made).toMatchObject({ fate: 'edited', format, width: 17, height: 13 });
    // 4:2:0 keeps its luma (BT.601 below 720 lines); the others are weighed as BT.709 does.
    const expected = format === 'yuv420p' || format === 'nv12' ? 124 : 118;
    for (const [x, y] of [
      [0, 0],
      [16, 12],
      [7, 5],
    ] as const) {
      for (const value of colour(made, x, y)) expect(Math.abs(value - expected)).toBeLessThanOrEqual(2);
    }
  });

  it.each(FORMAT_NAMES.filter((format) => format !== 'grayf32le'))('makes white of %s the colour, and leaves black', async (format) => {
    const run = await open('grey-tint', { color: '#ff8000' });
    const made = await run.video(shoot(format, 32, 8, 1, (x) => (x < 16 ? [255, 255, 255] : [0, 0, 0])));
    for (const [c, value] of colour(made, 3, 3).entries()) expect(Math.abs(value - [255, 128, 0][c]!)).toBeLessThanOrEqual(3);
    for (const value of colour(made, 28, 3)) expect(value).toBeLessThanOrEqual(3);
    if (FORMATS[format].channels === 1 && coloured(format) === false) expect(made.format).toBe(format === 'gray' ? 'rgb24' : 'rgb48le');
  });

  it('goes as far as it is told', async () => {
    const run = await open('grey-tint', { amount: 0.5 });
    const frame = shoot('rgba', 5, 5, 1, flat([200, 100, 50]));
    expect(colour(await run.video(frame), 2, 2)).toEqual([159, 109, 84]);
    run.params = { amount: 0 };
    expect((await run.video(frame)).fate).toBe('passed');
  });

  it('of gray is nothing to do', async () => {
    const run = await open('grey-tint');
    for (const format of ['gray', 'gray16le', 'grayf32le'] as const)
      expect((await run.video(shoot(format, 5, 5, 1, blocks))).fate).toBe('passed');
  });
});

describe('brightness-contrast', () => {
  it.each(FORMAT_NAMES)('changes %s by one curve', async (format) => {
    const at = async (params: object) =>
      light(await (await open('brightness-contrast', params)).video(shoot(format, 9, 9, 1, flat([64, 64, 64]))), 4, 4);
    expect(Math.abs((await at({ brightness: 0.25 })) - 128)).toBeLessThanOrEqual(2);
    expect(Math.abs((await at({ contrast: 1.5 })) - 32)).toBeLessThanOrEqual(2);
    expect(Math.abs((await at({ gamma: 2 })) - 128)).toBeLessThanOrEqual(2);
    expect(Math.abs((await at({ brightness: -0.1, contrast: 0.5, gamma: 0.5 })) - 46)).toBeLessThanOrEqual(2);
  });

  it.each(FORMAT_NAMES.filter(coloured))('gives %s more colour with more contrast', async (format) => {
    const run = await open('brightness-contrast', { contrast: 1.5 });
    const [r, , b] = colour(await run.video(shoot(format, 9, 9, 1, flat([160, 120, 100]))), 4, 4) as [number, number, number];
    expect(Math.abs(r - b - 90)).toBeLessThanOrEqual(4);
  });

  it('stays within the significant bits, and leaves alpha and pictures that shall not change', async () => {
    const deep = await (await open('brightness-contrast', { brightness: 1 })).video(shoot('gray16le', 2, 2, 1, flat([90, 90, 90])));
    expect([...samplesOf('gray16le', deep.bytes)]).toEqual([4095, 4095, 4095, 4095]);
    const frame = shoot('rgba', 2, 2, 1, flat([90, 90, 90]));
    frame.pixels[3] = 7;
    expect((await (await open('brightness-contrast', { brightness: 0.5 })).video(frame)).bytes[3]).toBe(7);
    expect((await (await open('brightness-contrast')).video(frame)).fate).toBe('passed');
  });
});

describe('crop', () => {
  it.each(FORMAT_NAMES)('cuts %s exactly', async (format) => {
    const scene = (x: number, y: number): Rgb => [10 + 4 * (x >> 1), 20 + 6 * (y >> 1), 100];
    const run = await open('crop', { x: 6, y: 4, width: 12, height: 9 });
    const made = await run.video(shoot(format, 31, 23, 1, scene));
    const expected = shoot(format, 12, 9, 1, (x, y) => scene(x + 6, y + 4));
    expect(made).toMatchObject({ fate: 'replaced', format, width: 12, height: 9 });
    expect(made.bytes).toEqual(expected.pixels);
  });

  it('ends with the picture, and is nothing to do for all of it', async () => {
    expect(await (await open('crop', { x: 20, y: 20 })).video(shoot('gray', 31, 23, 1, blocks))).toMatchObject({ width: 11, height: 3 });
    expect((await (await open('crop', { width: 900, height: 900 })).video(shoot('gray', 31, 23, 1, blocks))).fate).toBe('passed');
  });
});

describe('resize', () => {
  it.each(FORMAT_NAMES.filter((format) => format !== 'bayer_rggb16le'))('keeps the scene of %s', async (format) => {
    const scene = (x: number): Rgb => (x < 16 ? [200, 60, 90] : [30, 90, 160]);
    for (const [width, height] of [
      [64, 48],
      [17, 13],
    ] as const) {
      const made = await (await open('resize', { width, height })).video(shoot(format, 32, 24, 1, scene));
      expect(made).toMatchObject({ fate: 'replaced', format, width, height });
      const before = { ...made, width: 32, height: 24, bytes: shoot(format, 32, 24, 1, scene).pixels };
      for (const share of [0.1, 0.9]) {
        const there = colour(made, Math.floor(width * share), height >> 1);
        for (const [c, value] of colour(before, Math.floor(32 * share), 12).entries())
          expect(Math.abs(there[c]! - value)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('finds the missing side by itself', async () => {
    expect(await (await open('resize', { width: 16 })).video(shoot('gray', 32, 24, 1, blocks))).toMatchObject({ width: 16, height: 12 });
    expect(await (await open('resize', { height: 48 })).video(shoot('gray', 32, 24, 1, blocks))).toMatchObject({ width: 64, height: 48 });
  });

  it.each(['rgba', 'yuv420p', 'nv12', 'gray16le'] as const)('leaves bars or cuts edges off in %s', async (format) => {
    const scene = (x: number): Rgb => (x < 20 || x >= 44 ? [250, 250, 250] : [120, 120, 120]);
    const contain = await (await open('resize', { width: 32, height: 32, fit: 'contain' })).video(shoot(format, 64, 32, 1, scene));
    expect([2, 16, 29].map((y) => Math.round(light(contain, 1, y) / 50))).toEqual([0, 5, 0]);
    const cover = await (await open('resize', { width: 16, height: 16, fit: 'cover' })).video(shoot(format, 64, 32, 1, scene));
    expect([0, 8, 15].map((x) => Math.round(light(cover, x, 8) / 60))).toEqual([4, 2, 4]);
    if (format === 'rgba') expect(contain.bytes[3]).toBe(255);
  });
});

describe('text and timecode', () => {
  it.each(FORMAT_NAMES)('are readable on any ground of %s', async (format) => {
    for (const ground of [
      flat([255, 255, 255]),
      flat([0, 0, 0]),
      flat([128, 128, 128]),
      (x: number, y: number): Rgb => ((x + y) % 2 ? [255, 255, 255] : [0, 0, 0]),
    ]) {
      const plain = shoot(format, 96, 48, 1, ground);
      // Deep pictures of one level have no white of their own.
      const made = await (await open('text', { text: 'L', size: 24 })).video(plain);
      expect(made.fate).toBe('edited');
      // The upright of the L and the hole beside it.
      const [ink, hole] = [light(made, 7, 20), light(made, 12, 16)];
      expect(ink - hole).toBeGreaterThan(90);
    }
  });

  it('stand where they are told, and fit', async () => {
    const frame = shoot('gray', 200, 100, 1234, flat([90, 90, 90]));
    const changed = async (position: string) => {
      const { bytes } = await (await open('timecode', { show: 'id', position })).video(frame);
      const rows = bytes.findIndex((value) => value !== 90);
      return [Math.floor(rows / 200), rows % 200];
    };
    expect(await changed('top-left')).toEqual([0, 0]);
    const [row, column] = await changed('bottom-right');
    expect(row).toBeGreaterThan(70);
    expect(column).toBeGreaterThan(100);
    const [middle] = await changed('center');
    expect(Math.abs(middle! - 41)).toBeLessThan(12);
    const small = await (await open('text', { text: 'a long line of text', size: 500 })).video(frame);
    // The right edge of the box is inside of the picture.
    expect(small.bytes[199]).toBe(90);
  });

  it('know the frame', async () => {
    const frame = shoot('gray', 400, 60, 42, flat([90, 90, 90]));
    const one = await (await open('text', { text: '{id} {time} {exposure} {nothing}' })).video(frame, { metadata: { exposure: 2.5 } });
    const same = await (await open('text', { text: '42 12:00:01.399 2.5 {nothing}' })).video(frame);
    expect(one.bytes).toEqual(same.bytes);
    expect((await (await open('text', { text: ' ' })).video(frame)).fate).toBe('passed');
  });
});

describe('boxes', () => {
  it.each(FORMAT_NAMES)('are drawn on %s, fixed ones and found ones', async (format) => {
    const frame = shoot(format, 64, 48, 1, (x) => (x < 32 ? [40, 40, 40] : [60, 60, 60]));
    const run = await open('boxes', { color: '#ffffff', thickness: 2, labels: false, boxes: [{ x: 4, y: 4, w: 16, h: 12 }] });
    const made = await run.video(frame, { metadata: { boxes: [{ x: 40, y: 20, w: 10, h: 10, label: 'found' }, { x: 'no box' }, null] } });
    expect(made.fate).toBe('edited');
    for (const [x, y] of [
      [4, 4],
      [19, 15],
      [40, 20],
      [49, 29],
    ] as const) {
      expect(light(made, x, y)).toBeGreaterThan(format === 'grayf32le' || FORMATS[format].depth === 16 ? 55 : 230);
    }
    for (const [x, y] of [
      [10, 10],
      [44, 24],
    ] as const)
      expect(Math.abs(light(made, x, y) - (x < 32 ? 40 : 60))).toBeLessThanOrEqual(2);
  });

  it('without any is nothing to do; what reaches beyond the picture is cut off', async () => {
    const frame = shoot('rgb24', 20, 20, 1, blocks);
    expect((await (await open('boxes')).video(frame, { metadata: { boxes: 'none' } })).fate).toBe('passed');
    const made = await (await open('boxes', { boxes: [{ x: -5, y: 10, w: 500, h: 500, label: 'wide' }] })).video(frame);
    expect(made.fate).toBe('edited');
  });
});

describe('background', () => {
  const square =
    (left: number) =>
    (x: number, y: number): Rgb =>
      x >= left && x < left + 16 && y >= 8 && y < 24 ? [230, 230, 230] : [60, 60, 60];
  const empty = flat([60, 60, 60]);

  it.each(FORMAT_NAMES)('finds what moves in %s, to the pixel', async (format) => {
    const run = await open('background', { markers: 0.02 });
    expect((await run.video(shoot(format, 65, 41, 1, empty))).metrics).toEqual({ foreground: 0 });
    const made = await run.video(shoot(format, 65, 41, 2, square(24)));
    expect(made).toMatchObject({ fate: 'replaced', format: 'gray', width: 65, height: 41 });
    expect([made.bytes[16 * 65 + 30], made.bytes[16 * 65 + 50]]).toEqual([255, 0]);
    expect(made.metrics.foreground).toBeCloseTo(256 / (65 * 41), 2);
    const [{ boxes }] = made.data as unknown as [{ boxes: { x: number; y: number; w: number; h: number }[] }];
    expect(boxes).toHaveLength(1);
    for (const [key, value] of Object.entries({ x: 24, y: 8, w: 16, h: 16 }))
      expect(Math.abs(boxes[0]![key as 'x'] - value)).toBeLessThanOrEqual(format.startsWith('bayer') ? 2 : 0);
    expect(made.markers).toMatchObject([{ id: 'motion-2', frame: 2, open: true }]);
    expect((await run.video(shoot(format, 65, 41, 3, empty))).markers).toMatchObject([{ id: 'motion-2', endFrame: 2, open: false }]);
  });

  it.each(FORMAT_NAMES)('cuts it out of %s', async (format) => {
    const run = await open('background', { show: 'foreground' });
    await run.video(shoot(format, 64, 40, 1, empty));
    const made = await run.video(shoot(format, 64, 40, 2, square(24)));
    expect(made).toMatchObject({ fate: 'edited', format });
    expect(Math.abs(light(made, 30, 16) - 230)).toBeLessThanOrEqual(2);
    expect(light(made, 60, 30)).toBeLessThanOrEqual(2);
  });

  it('learns what stays, and gives the picture as it is if asked', async () => {
    const run = await open('background', { show: 'picture', rate: 1 });
    await run.video(shoot('gray', 64, 40, 1, empty));
    expect((await run.video(shoot('gray', 64, 40, 2, square(8)))).fate).toBe('passed');
    let share = 1;
    for (let id = 3; id < 40; id++) share = (await run.video(shoot('gray', 64, 40, id, square(8)))).metrics.foreground as number;
    expect(share).toBe(0);
  });

  it('two things have two boxes, specks none', async () => {
    const run = await open('background');
    await run.video(shoot('gray', 128, 64, 1, empty));
    const two = (x: number, y: number): Rgb =>
      (x >= 8 && x < 32 && y >= 8 && y < 40) || (x >= 80 && x < 96 && y >= 16 && y < 32) || (x === 60 && y === 60)
        ? [230, 230, 230]
        : [60, 60, 60];
    const made = await run.video(shoot('gray', 128, 64, 2, two));
    expect(made.data).toEqual([
      {
        boxes: [
          { x: 8, y: 8, w: 24, h: 32 },
          { x: 80, y: 16, w: 16, h: 16 },
        ],
      },
    ]);
  });
});

describe('difference', () => {
  it.each(FORMAT_NAMES)('of %s is black where nothing has changed', async (format) => {
    for (const own of [false, true]) {
      const run = await open('difference', { gain: 2 });
      const shot = (id: number, value: number) => shoot(format, 33, 25, id, (x) => (x < 16 ? [value, value, value] : [120, 120, 120]));
      expect(light(await run.video(shot(1, 60), { own }), 4, 4)).toBeLessThanOrEqual(1);
      const made = await run.video(shot(2, 100), { own });
      expect(made.fate).toBe('edited');
      expect(Math.abs(light(made, 4, 4) - 80)).toBeLessThanOrEqual(3);
      expect(light(made, 28, 4)).toBeLessThanOrEqual(1);
      // Back again: as much, whatever the sign.
      expect(Math.abs(light(await run.video(shot(3, 60), { own }), 4, 4) - 80)).toBeLessThanOrEqual(3);
      if (format === 'rgba') expect(made.bytes[3]).toBe(255);
    }
  });
});

describe('publish-only', () => {
  it.each(FORMAT_NAMES)('says what %s holds every so often, and shows nothing', async (format) => {
    const run = await open('publish-only', { every: 3, text: '{stream} {id}: {max}' });
    const made = [];
    for (let id = 1; id <= 4; id++) made.push(await run.video(shoot(format, 16, 8, id, (x) => (x < 8 ? [0, 0, 0] : [255, 255, 255]))));
    expect(made.map(({ fate }) => fate)).toEqual(['withheld', 'withheld', 'withheld', 'withheld']);
    expect(made.map(({ data }) => data.length)).toEqual([1, 0, 0, 1]);
    const full = format === 'grayf32le' ? 1 : fullScale(shoot(format, 1, 1, 1, blocks).info);
    expect(made[3]!.metrics).toMatchObject({ min: expect.closeTo(0, 1), mean: expect.closeTo(full / 2, 0), max: expect.closeTo(full, 0) });
    expect(made[3]!.data[0]!.text).toBe(`cam 4: ${full}`);
  });
});

describe('generate', () => {
  it('makes pictures of its size that go on', async () => {
    const run = await open('generate', { width: 64, height: 48, text: 'Hello' });
    const shown = await run.video(shoot('gray', 5, 5, 1, blocks));
    expect(shown).toMatchObject({ fate: 'replaced', format: 'rgb24', width: 64, height: 48 });
    const one = await run.generate();
    if (!one || one === WITHHOLD) throw new Error('no picture');
    const first = one.pixels.slice();
    expect(one).toMatchObject({ width: 64, height: 48, format: 'rgb24' });
    expect(first.length).toBe(64 * 48 * 3);
    await run.generate();
    expect(one.pixels).not.toEqual(first);
    const plain = new ProcessorRun(await inlineProcessor('generate'), { width: 16, height: 16, kind: 'plain', color: '#0a141e' });
    expect([...((await plain.generate()) as { pixels: Uint8Array }).pixels.subarray(0, 6)]).toEqual([10, 20, 30, 10, 20, 30]);
  });
});
