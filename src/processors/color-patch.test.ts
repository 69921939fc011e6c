import { describe, expect, it } from 'vitest';
import { runTruth } from '../../test/mint-truth.ts';
import { ColorPatchParams } from '../api/schema.ts';
import type { FrameInfo } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import { open, PatchFinder } from './color-patch.ts';

const MINT = [62, 222, 160] as const;

function picture(width: number, height: number, paint: (x: number, y: number) => readonly [number, number, number]) {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pixels.set(paint(x, y), (y * width + x) * 3);
  const info: FrameInfo = {
    id: 1,
    timestamp: 1e15 as Micros,
    format: 'rgb24',
    width,
    height,
    significantBits: 8,
    received: 1e15 as Micros,
  };
  return { info, pixels };
}

const find = (params: object, frame: ReturnType<typeof picture>) => new PatchFinder(ColorPatchParams.parse(params)).find(frame);

describe('the colour patch detector', () => {
  it.each([
    ['a steady source', { seed: 1 }],
    ['an uneven source with drops and gaps', { seed: 7, vary: [16, 61] as const, drop: 0.1, gap: { every: '60s', length: '5s' } }],
  ])('finds every mint square of five minutes, exact to the frame, and invents none: %s', { timeout: 120_000 }, async (_, options) => {
    const { truth, found } = await runTruth({ seconds: 300, width: 160, height: 90, ...options });
    expect(truth.length).toBeGreaterThan(5);
    expect(found).toEqual(truth);
  });

  it('gives the box of each frame that shows it, if asked', async () => {
    const session = await open(ColorPatchParams.parse({ boxes: true, label: 'mint' }));
    const frame = picture(200, 120, (x, y) => (x >= 40 && x < 60 && y >= 30 && y < 50 ? MINT : [56, 56, 56]));
    const record = { boxes: [{ x: 40, y: 30, w: 20, h: 20, label: 'mint' }] };
    expect((await session.process(frame))?.data).toEqual([record]);
    const next = { ...frame, info: { ...frame.info, id: 2 } };
    expect(await session.process(next)).toEqual({ markers: [], data: [record] });
    expect((await session.process(picture(200, 120, () => [56, 56, 56])))?.data).toEqual([]);
  });

  it('says where it is', () => {
    const inside = (x: number, y: number) => x >= 40 && x < 60 && y >= 30 && y < 50;
    const frame = picture(200, 120, (x, y) => (inside(x, y) ? MINT : [56, 56, 56]));
    expect(find({}, frame)).toEqual({ x: 40, y: 30, w: 20, h: 20 });
    expect(find({ region: { x: 50, y: 0, w: 150, h: 120 } }, frame)).toEqual({ x: 50, y: 30, w: 10, h: 20 });
    expect(find({ region: { x: 61, y: 0, w: 100, h: 120 } }, frame)).toBeNull();
  });

  it('takes neither scattered pixels nor other colours nor specks for a patch', () => {
    const scattered = picture(200, 120, (x, y) => ((x * 7 + y * 13) % 9 === 0 ? MINT : [56, 56, 56]));
    expect(find({}, scattered)).toBeNull();
    expect(
      find(
        {},
        picture(200, 120, (x) => (x < 100 ? [62, 222, 200] : [200, 200, 200])),
      ),
    ).toBeNull();
    expect(
      find(
        {},
        picture(200, 120, (x, y) => (x < 5 && y < 5 ? MINT : [56, 56, 56])),
      ),
    ).toBeNull();
    expect(
      find(
        { minShare: 0.001 },
        picture(200, 120, (x, y) => (x < 5 && y < 5 ? MINT : [56, 56, 56])),
      ),
    ).not.toBeNull();
  });

  it('wants a filled shape, not its outline', () => {
    const ring = (x: number, y: number) => x >= 20 && x < 100 && y >= 20 && y < 100 && !(x >= 26 && x < 94 && y >= 26 && y < 94);
    const frame = picture(200, 120, (x, y) => (ring(x, y) ? MINT : [0, 0, 0]));
    expect(find({}, frame)).toBeNull();
    expect(find({ minFill: 0.1 }, frame)).toEqual({ x: 20, y: 20, w: 80, h: 80 });
  });
});
