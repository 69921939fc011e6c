import { open, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frameBytes, type PixelFormat } from '../../core/frame.ts';
import { readPixels, TiffReader } from '../../formats/tiff-read.ts';
import { deflated, fileBytes, inflated } from '../../native/file-bytes.ts';
import { type PageToWrite, repairTiff, TiffRecording } from './tiff-recording.ts';

const START = 1_763_640_000_000_000;
let count = 0;
const newPath = () => join(tmpdir(), `recording-${process.pid}-${++count}.ome.tiff`);
const label = { name: 'scope <1> µ', pixelSize: 0.65 };

async function page(format: PixelFormat, id: number, deflate = false): Promise<PageToWrite> {
  const [width, height] = [33, 21];
  const pixels = new Uint8Array(frameBytes(format, width, height)).map((_, i) => (i * 7 + id * 13) & 255);
  return {
    identity: { id, timestamp: START + id * 40_000, format, significantBits: 12 },
    shape: { format, width, height, significantBits: 12 },
    bytes: deflate ? await deflated(pixels) : pixels,
    deflated: deflate,
  };
}

async function readBack(path: string) {
  await using handle = await open(path);
  const file = fileBytes(handle, (await handle.stat()).size);
  const pages: { id: number; pixels: Uint8Array; description: string | null }[] = [];
  for await (const each of (await TiffReader.open(file)).pages()) {
    const pixels = new Uint8Array(frameBytes(each.format, each.width, each.height));
    await readPixels(file, each, inflated, pixels);
    pages.push({ id: each.identity!.id, pixels, description: each.description });
  }
  return pages;
}

describe('TiffRecording', () => {
  it('holds every page with its pixels, and the times in OME-XML', async () => {
    const path = newPath();
    const file = await TiffRecording.create(path, label);
    await file.append([await page('gray16le', 5)]);
    await file.append([await page('gray16le', 7, true), await page('gray16le', 8)]);
    await file.finish();
    const pages = await readBack(path);
    expect(pages.map(({ id }) => id)).toEqual([5, 7, 8]);
    for (const { id, pixels } of pages) expect(pixels).toEqual((await page('gray16le', id)).bytes);
    const xml = pages[0]!.description!;
    expect(xml).toContain('Name="scope &lt;1&gt; &#181;"');
    expect(xml).toContain('SizeX="33" SizeY="21" SizeC="1" SizeZ="1" SizeT="3"');
    expect(xml).toContain('PhysicalSizeX="0.65" PhysicalSizeXUnit="&#181;m"');
    expect(xml).toContain('TheT="2" DeltaT="0.120000"');
    expect(xml).toContain('ids="5 7 8"');
    expect(file.bytes).toBe((await stat(path)).size);
    await rm(path);
  });

  it('left in the middle at any byte, it is ended behind its last whole page', async () => {
    const path = newPath();
    const ends: number[] = [];
    const file = await TiffRecording.create(path, label);
    for (const id of [1, 2, 3]) {
      await file.append([await page('rgb24', id, id === 2)]);
      ends.push(file.bytes);
    }
    // As a kill leaves it: nobody has ended it.
    const left = await readFile(path);
    await file.finish();
    for (let cut = 16; cut <= left.length; cut += cut > left.length - 40 ? 1 : 97) {
      const copy = newPath();
      await using handle = await open(copy, 'wx');
      await handle.write(left.subarray(0, cut));
      // The zeros behind the pixels are not needed.
      const whole = ends.filter((end) => end - 15 <= cut).length;
      const repaired = await repairTiff(copy, label);
      const real = repaired.frames;
      expect([whole, whole - 1], `cut at ${cut}`).toContain(real);
      expect(cut >= (ends[real] ?? Number.POSITIVE_INFINITY), `cut at ${cut}`).toBe(false);
      if (real) {
        expect((await readBack(copy)).map(({ id }) => id)).toEqual([1, 2, 3].slice(0, real));
        expect((await readBack(copy))[0]!.description).toContain(`SizeT="${real}"`);
        const size = (await stat(copy)).size;
        expect(repaired.bytes).toBe(size);
        // Again it stays as it is.
        expect(await repairTiff(copy, label)).toMatchObject({ frames: real, bytes: size });
        expect((await stat(copy)).size).toBe(size);
      }
      await rm(copy);
    }
    await rm(path);
  });

  it('an end that was cut off in the middle of the description is made anew', async () => {
    const path = newPath();
    const file = await TiffRecording.create(path, label);
    await file.append([await page('gray', 1), await page('gray', 2)]);
    const pages = file.bytes;
    await file.finish();
    await truncate(path, pages + 100);
    expect((await repairTiff(path, label)).frames).toBe(2);
    expect((await readBack(path))[0]!.description).toContain('ids="1 2"');
    await rm(path);
  });

  it('without a page there is nothing', async () => {
    const path = newPath();
    await (await TiffRecording.create(path, label)).finish();
    expect(await repairTiff(path, label)).toMatchObject({ frames: 0, first: null });
    await expect(repairTiff('/dev/null', label)).rejects.toMatchObject({ code: 'bad-picture' });
    await rm(path);
  });
});
