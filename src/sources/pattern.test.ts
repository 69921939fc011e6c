import { describe, expect, it } from 'vitest';
import { ManualClock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { frameBytes, type PixelFormat } from '../core/frame.ts';
import { silentLogger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import { barcodeHeight, readBarcode } from '../formats/barcode.ts';
import { squaresAt } from './pattern/squares.ts';
import { type PatternParams, run, Schedule } from './pattern.ts';

const START = 1_763_640_000_000_000;
const DEFAULTS: PatternParams = { kind: 'checkerboard', width: 320, height: 180, fps: 25, barcode: true, seed: 1, drop: 0 };

interface Shot {
  id: number;
  timestamp: number;
  format: PixelFormat;
  bits: number | undefined;
  pixels: Uint8Array;
}

/** Runs the source on a clock that jumps to whatever it waits for. `work` is called for each frame: time that it takes. */
async function shoot(
  params: Partial<PatternParams>,
  frames: number,
  work: (clock: ManualClock, frame: number) => void = () => {},
  before = 0,
) {
  const clock = new ManualClock(START);
  const abort = new AbortController();
  const shots: Shot[] = [];
  let id = 0;
  // An odd offset: slots of a ring lie anywhere.
  const memory = new Uint8Array(new SharedArrayBuffer(2_000_001), 1);
  await run({
    params: { ...DEFAULTS, ...params },
    clock,
    log: silentLogger,
    last: 0 as Micros,
    signal: abort.signal,
    sound: () => {},
    details: () => {},
    changed: () => {},
    report: () => {},
    until: async (time) => clock.advance(Math.max(0, time - clock.now())),
    begin: async (format, width, height) => {
      work(clock, ++id);
      const pixels = memory.subarray(0, frameBytes(format, width, height)).fill(before);
      const current = id;
      return {
        id: current,
        pixels,
        discard: () => {},
        publish: (timestamp, options) => {
          shots.push({ id: current, timestamp, format, bits: options?.significantBits, pixels: pixels.slice() });
          if (shots.length >= frames) abort.abort();
          return true;
        },
      };
    },
  });
  return shots;
}

function barcodeOf({ format, pixels }: Shot, width = DEFAULTS.width) {
  return format === 'gray16le' ? readBarcode(new Uint16Array(pixels.buffer), width) : readBarcode(pixels, width, 3);
}

describe('every kind', () => {
  it.each(['checkerboard', 'testbars', 'microscope', 'noise', 'squares'] as const)(
    '%s names each frame in its barcode and moves',
    async (kind) => {
      const shots = await shoot({ kind }, 4);
      for (const shot of shots) expect(barcodeOf(shot)).toEqual({ frame: shot.id, timeMs: shot.timestamp / 1000, tag: 1 });
      const below = (shot: Shot) => Buffer.from(shot.pixels.subarray(shot.pixels.length >> 3));
      expect(below(shots[0]!).equals(below(shots[3]!))).toBe(false);
      expect(shots[0]!.bits).toBe(kind === 'microscope' ? 12 : 8);
    },
  );

  it.each(['checkerboard', 'testbars', 'microscope', 'noise', 'squares'] as const)(
    '%s fills every pixel at awkward sizes',
    async (kind) => {
      for (const [width, height] of [
        [16, 16],
        [17, 333],
        [641, 19],
        [64, 64],
      ] as const) {
        const params = { kind, width, height, barcode: false };
        const [first] = await shoot(params, 1);
        expect(first!.pixels.length).toBe(width * height * (kind === 'microscope' ? 2 : 3));
        // Drawn over other remains: what differs was not drawn.
        const [again] = await shoot(params, 1, undefined, 0x55);
        expect(Buffer.from(again!.pixels).equals(Buffer.from(first!.pixels))).toBe(true);
      }
    },
  );

  it.each(['microscope', 'noise', 'checkerboard'] as const)('%s is the same for the same seed only', async (kind) => {
    const [a, b, c] = [await shoot({ kind, seed: 7 }, 3), await shoot({ kind, seed: 7 }, 3), await shoot({ kind, seed: 8 }, 3)];
    expect(a[2]!.pixels).toEqual(b[2]!.pixels);
    if (kind !== 'checkerboard') expect(Buffer.from(a[2]!.pixels).equals(Buffer.from(c[2]!.pixels))).toBe(false);
  });

  it('shows mint squares below the barcode now and then, each for 2 s', async () => {
    const shots = await shoot({ fps: 4, width: 160, height: 90 }, 4 * 400);
    const stride = 160 * 3;
    const isMint = (pixels: Uint8Array, at: number) => pixels[at] === 62 && pixels[at + 1] === 222 && pixels[at + 2] === 160;
    const mint = shots.map(({ pixels }) => {
      for (let at = 0; at < pixels.length; at += 3) if (isMint(pixels, at)) return Math.floor(at / stride);
      return -1;
    });
    const rows = mint.filter((row) => row >= 0);
    // 400 s with waits of 20 s on average and 2 s of showing: about 18; at least 8 s and at most 80 s of mint.
    expect(rows.length).toBeGreaterThan(32);
    expect(rows.length).toBeLessThan(320);
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(barcodeHeight(160));
    const runs = mint
      .map((row) => (row >= 0 ? 'x' : ' '))
      .join('')
      .trim()
      .split(/ +/);
    // The last one may be cut off.
    for (const length of runs.slice(0, -1).map((text) => text.length))
      expect(length % 8 <= 1 || length % 8 === 7, `${length} frames`).toBe(true);
  });

  it('has its squares where their time says, whole and inside the picture', async () => {
    const [width, height, top] = [320, 180, barcodeHeight(320)];
    for (const { pixels, timestamp } of await shoot({ kind: 'squares', fps: 3 }, 40)) {
      const truth = squaresAt(timestamp as Micros, width, height, top);
      const isRed = (at: number) => pixels[at]! > pixels[at + 2]! + 100;
      const isBlue = (at: number) => pixels[at + 2]! > pixels[at]! + 100;
      const found = [isRed, isBlue].map((is) => {
        const [xs, ys] = [new Set<number>(), new Set<number>()];
        let count = 0;
        for (let i = 0; i < width * height; i++) {
          if (!is(i * 3)) continue;
          xs.add(i % width);
          ys.add(Math.floor(i / width));
          count++;
        }
        return { x: Math.min(...xs), y: Math.min(...ys), side: xs.size, high: ys.size, count };
      });
      expect(found).toEqual(truth.map(({ x, y, side }) => ({ x, y, side, high: side, count: side * side })));
      expect(truth.every(({ x, y, side }) => x >= 0 && y >= top && x + side <= width && y + side <= height)).toBe(true);
    }
  });

  it('keeps the microscope inside its 12 bits and its barcode inside the scale of the picture', async () => {
    const [shot] = await shoot({ kind: 'microscope', width: 512, height: 512 }, 1);
    const samples = new Uint16Array(shot!.pixels.buffer);
    expect(samples.every((sample) => sample < 4096)).toBe(true);
    const strip = samples.subarray(0, 512 * barcodeHeight(512));
    expect(new Set(strip).size).toBe(2);
  });
});

describe('the schedule', () => {
  const intervals = (shots: Shot[]) => shots.slice(1).map((shot, i) => shot.timestamp - shots[i]!.timestamp);

  it('does not drift, whatever the drawing takes', async () => {
    const shots = await shoot({ fps: 30, width: 64, height: 32 }, 90, (clock) => clock.advance(9000));
    expect(shots.at(-1)!.timestamp - shots[0]!.timestamp).toBeCloseTo((89 * 1e6) / 30, -1);
  });

  it('goes on with the next frame after a late wake-up and never bursts', async () => {
    const shots = await shoot({ fps: 25, width: 64, height: 32 }, 20, (clock, frame) => frame === 5 && clock.advance(210_000));
    const gaps = intervals(shots);
    expect(gaps[3]).toBe(250_000);
    // One late frame is made up for; then the grid holds again.
    expect(gaps.slice(4).every((gap) => gap <= 40_000)).toBe(true);
    expect(gaps.slice(6).every((gap) => gap === 40_000)).toBe(true);
    expect((shots.at(-1)!.timestamp - START) % 40_000).toBe(0);
  });

  it('varies the intervals between the limits', async () => {
    const gaps = intervals(await shoot({ vary: [16, 61], width: 64, height: 32 }, 200));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(15_999);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(61_001);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(35_000);
  });

  it('leaves out a share of the frames, the same ones for the same seed', async () => {
    const one = await shoot({ drop: 0.3, width: 64, height: 32 }, 300);
    const share = 1 - 300 / ((one.at(-1)!.timestamp - START) / 40_000 + 1);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
    expect((await shoot({ drop: 0.3, width: 64, height: 32 }, 300)).map((shot) => shot.timestamp)).toEqual(
      one.map((shot) => shot.timestamp),
    );
  });

  it('makes gaps at the end of each period', async () => {
    const shots = await shoot({ gap: { every: '2s', length: '500ms' }, width: 64, height: 32 }, 80);
    expect(shots.every((shot) => (shot.timestamp - START) % 2_000_000 < 1_500_000)).toBe(true);
    expect(intervals(shots).filter((gap) => gap > 40_000)).toEqual([520_000, 520_000]);
  });

  it('refuses what contradicts itself', () => {
    const start = START as Micros;
    expect(() => new Schedule({ ...DEFAULTS, vary: [61, 16] }, start)).toThrow(SluiceError);
    expect(() => new Schedule({ ...DEFAULTS, gap: { every: '1s', length: 2 } }, start)).toThrow(/gap\.length: 2 received/);
  });
});
