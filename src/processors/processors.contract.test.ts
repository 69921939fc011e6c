// Every built-in with every pixel format: the same scene gives the same findings.
import { describe, expect, it } from 'vitest';
import { type Rgb, shoot } from '../../test/scene.ts';
import { PROCESSOR_PARAMS, type ProcessorName } from '../api/schema.ts';
import { FORMAT_NAMES, FORMATS, type PixelFormat } from '../core/frame.ts';
import { openProcessor, PROCESSORS } from './index.ts';
import type { Findings } from './processor.ts';

const COLOURED = FORMAT_NAMES.filter(
  (format) => FORMATS[format].channels === 3 || FORMATS[format].channels === 4 || format.startsWith('bayer'),
);
const top = (format: PixelFormat) => (FORMATS[format].depth === 16 ? 4095 : FORMATS[format].depth === 32 ? 1 : 255);
const open = (use: ProcessorName, params: object = {}) => openProcessor(use, PROCESSOR_PARAMS[use].parse(params));
const metrics = (findings: Findings | null) => findings?.metrics as Record<string, number | null>;

describe('built-in processors', () => {
  it('have a row of params each', () => {
    expect(Object.keys(PROCESSORS)).toEqual(Object.keys(PROCESSOR_PARAMS));
  });

  it.each(COLOURED)('color-patch finds the mint square in %s', async (format) => {
    const session = await open('color-patch');
    const empty = () => [200, 200, 200] as const;
    const square = (x: number, y: number): Rgb => (x >= 20 && x < 44 && y >= 10 && y < 34 ? [62, 222, 160] : [56, 56, 56]);
    expect((await session.process(shoot(format, 97, 65, 1, empty)))?.markers ?? []).toEqual([]);
    const begun = (await session.process(shoot(format, 97, 65, 2, square)))!.markers!;
    expect(begun).toMatchObject([{ id: 'patch-2', frame: 2, open: true }]);
    const { box } = begun[0]!.data as { box: { x: number; y: number; w: number; h: number } };
    // Subsampled colour is exact to its own raster.
    for (const [key, value] of Object.entries({ x: 20, y: 10, w: 24, h: 24 }))
      expect(Math.abs(box[key as 'x'] - value)).toBeLessThanOrEqual(1);
    await session.process(shoot(format, 97, 65, 3, square));
    expect((await session.process(shoot(format, 97, 65, 4, empty)))!.markers).toMatchObject([{ id: 'patch-2', endFrame: 3, open: false }]);
  });

  it.each(FORMAT_NAMES)('brightness of %s is in its own unit', async (format) => {
    const session = await open('brightness');
    const half = (x: number): Rgb => (x < 48 ? [64, 64, 64] : [192, 192, 192]);
    const found = metrics(await session.process(shoot(format, 96, 64, 1, half)));
    const unit = top(format) / 255;
    expect(Math.abs(found.brightness! / unit - 128)).toBeLessThan(1);
    expect(Math.abs(found['brightness.p1']! / unit - 64)).toBeLessThan(1);
    expect(Math.abs(found['brightness.p99']! / unit - 192)).toBeLessThan(1);
    expect(found.saturated).toBe(format === 'grayf32le' ? null : 0);
    const white = metrics(await session.process(shoot(format, 96, 64, 2, (x) => (x < 24 ? [255, 255, 255] : [9, 9, 9]))));
    if (format !== 'grayf32le') expect(white.saturated).toBeCloseTo(0.25, 2);
  });

  it.each(FORMAT_NAMES)('motion in %s is the share of pixels that changed', async (format) => {
    const session = await open('motion', { threshold: 0.2, below: 0.1 });
    const bar =
      (left: number) =>
      (x: number): Rgb =>
        x >= left && x < left + 24 ? [220, 220, 220] : [30, 30, 30];
    const shares: (number | null)[] = [];
    const markers: unknown[] = [];
    for (const [i, left] of [0, 0, 24, 48, 48, 48].entries()) {
      const findings = await session.process(shoot(format, 96, 64, i + 1, bar(left)));
      shares.push(metrics(findings).motion!);
      markers.push(...findings!.markers!);
    }
    expect(shares).toEqual([null, 0, 0.5, 0.5, 0, 0]);
    expect(markers).toMatchObject([
      { id: 'motion-3', frame: 3, open: true },
      { id: 'motion-3', frame: 3, endFrame: 4, open: false },
    ]);
  });

  it.each(FORMAT_NAMES)('focus of %s falls with blur', async (format) => {
    const session = await open('focus');
    const wave =
      (period: number) =>
      (x: number, y: number): Rgb => {
        const level = 128 + 90 * Math.sin((x * 2 * Math.PI) / period) * Math.sin((y * 2 * Math.PI) / period);
        return [level, level, level];
      };
    const sharp = metrics(await session.process(shoot(format, 96, 64, 1, wave(8)))).focus!;
    const soft = metrics(await session.process(shoot(format, 96, 64, 2, wave(24)))).focus!;
    expect(sharp).toBeGreaterThan(soft * 5);
    expect(soft).toBeGreaterThan(0);
    const flat = metrics(await session.process(shoot(format, 96, 64, 3, () => [90, 90, 90]))).focus!;
    expect(flat).toBeLessThan(1);
  });

  it('floats that are no numbers are gaps, not values', async () => {
    const frame = shoot('grayf32le', 16, 16, 1, () => [0, 0, 0]);
    new Float32Array(frame.pixels.buffer).fill(Number.NaN);
    for (const use of ['brightness', 'focus'] as const) {
      const session = await open(use);
      for (const value of Object.values(metrics(await session.process(frame)))) expect(value).toBeNull();
    }
  });

  it.each(FORMAT_NAMES)('the smallest pictures and regions outside of %s harm none of them', async (format) => {
    for (const use of Object.keys(PROCESSORS) as ProcessorName[]) {
      const session = await open(use, { region: { x: 500, y: 500, w: 10, h: 10 } });
      for (const [id, size] of [1, 2, 3, 5].entries()) await session.process(shoot(format, size, size, id + 1, () => [62, 222, 160]));
      await session.process(shoot(format, 1, 7, 9, () => [62, 222, 160]));
      await session.process(shoot(format, 7, 1, 10, () => [62, 222, 160]));
      await session.finish?.(null);
    }
  });
});
