import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { FORMATS, frameBytes, type PixelFormat } from '../core/frame.ts';
import { concatBytes } from './bytes.ts';
import { encodeTiff } from './tiff.ts';
import { bigTiffHeader, pageHead } from './tiff-pages.ts';
import { type Inflate, readPixels, type TiffBytes, type TiffPage, TiffReader } from './tiff-read.ts';

const inflate: Inflate = async (bytes, limit) => inflateSync(bytes, { maxOutputLength: limit });

function fileOf(bytes: Uint8Array): TiffBytes {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

async function readAll(bytes: Uint8Array): Promise<{ page: TiffPage; pixels: Uint8Array }[]> {
  const file = fileOf(bytes);
  const found: { page: TiffPage; pixels: Uint8Array }[] = [];
  for await (const page of (await TiffReader.open(file)).pages()) {
    const pixels = new Uint8Array(frameBytes(page.format, page.width, page.height));
    await readPixels(file, page, inflate, pixels);
    found.push({ page, pixels });
  }
  return found;
}

/** A growing file as the recorder leaves it: the last page still promises another one. */
function recorded(format: PixelFormat, frames: readonly Uint8Array[], width: number, height: number, deflated = false): Uint8Array {
  const parts = [bigTiffHeader()];
  let at = parts[0]!.length;
  for (const [i, frame] of frames.entries()) {
    const bytes = deflated ? deflateSync(frame) : frame;
    const identity = { id: 100 + i, timestamp: 1_763_640_000_000_000 + i * 33_333, format, significantBits: 8 };
    const { head, padding, end } = pageHead(
      { identity, width, height, bytes: bytes.length, deflated, pixelSize: 0.65, first: i === 0 },
      at,
    );
    parts.push(head, bytes, new Uint8Array(padding));
    at = end;
  }
  return concatBytes(parts);
}

const noise = (length: number, seed: number) => new Uint8Array(length).map((_, i) => (i * 31 + seed * 17 + (i >> 3)) & 255);

describe('TIFF', () => {
  it.each(['gray', 'gray16le', 'rgb24', 'rgba', 'rgb48le', 'bayer_rggb16le', 'grayf32le'] as const)(
    'pages of %s come back with their identity, deflated or not',
    async (format) => {
      const frames = [1, 2, 3].map((seed) => noise(frameBytes(format, 7, 5), seed));
      for (const deflated of [false, true]) {
        const bytes = recorded(format, frames, 7, 5, deflated);
        const file = fileOf(bytes);
        let read = 0;
        const pages: TiffPage[] = [];
        // The page that the last one promises lies behind the end.
        await expect(async () => {
          for await (const page of (await TiffReader.open(file)).pages()) {
            const pixels = new Uint8Array(frameBytes(page.format, 7, 5));
            await readPixels(file, page, inflate, pixels);
            expect(pixels).toEqual(frames[read++]);
            pages.push(page);
          }
        }).rejects.toThrow('page 4 cannot be read: it runs over the end of the file');
        expect(read).toBe(3);
        expect(pages.map((page) => page.identity)).toEqual(
          [0, 1, 2].map((i) => ({ id: 100 + i, timestamp: 1_763_640_000_000_000 + i * 33_333, format, significantBits: 8 })),
        );
        expect(pages[2]!.next).toBe(bytes.length);
      }
    },
  );

  it('single pictures as snapshots write them', async () => {
    const data = noise(frameBytes('gray16le', 9, 4), 5);
    const [only, ...more] = await readAll(encodeTiff({ format: 'gray16le', width: 9, height: 4, data }, '{"id":7}', 0.65));
    expect(more).toEqual([]);
    expect(only!.pixels).toEqual(data);
    expect(only!.page).toMatchObject({ description: '{"id":7}', identity: null, width: 9, height: 4 });
  });

  it('refuses what it cannot show, in words', async () => {
    await expect(readAll(new Uint8Array(40))).rejects.toThrow('not a TIFF');
    const tiff = encodeTiff({ format: 'gray', width: 3, height: 3, data: noise(9, 1) }, 'x');
    const change = (tag: number, value: number) => {
      const bytes = Buffer.from(tiff);
      for (let i = 0; i < bytes.readUInt16LE(8); i++)
        if (bytes.readUInt16LE(10 + i * 12) === tag) bytes.writeUInt16LE(value, 10 + i * 12 + 8);
      return readAll(bytes);
    };
    await expect(change(259, 5)).rejects.toThrow('it is compressed (Compression 5); uncompressed and deflate are read');
    await expect(change(258, 4)).rejects.toThrow('1 channels of 4 bits (integer)');
    await expect(change(262, 3)).rejects.toThrow('colours are of the sort 3');
    await expect(change(256, 0)).rejects.toThrow('0x3 pixels');
    await expect(change(278, 2)).rejects.toThrow('expected 2');
    expect((await change(262, 0))[0]!.pixels).toEqual(noise(9, 1).map((value) => 255 - value));
  });

  it('a chain that bites its own tail ends', async () => {
    const bytes = Buffer.from(encodeTiff({ format: 'gray', width: 3, height: 3, data: noise(9, 1) }, 'x'));
    bytes.writeUInt32LE(8, 10 + bytes.readUInt16LE(8) * 12);
    await expect(readAll(bytes)).rejects.toThrow('page 2 cannot be read: it comes a second time');
  });

  it('broken bytes end as bad-picture and as nothing else', async () => {
    const whole = [
      recorded('gray16le', [noise(70, 1), noise(70, 2)], 7, 5, true),
      encodeTiff({ format: 'rgb24', width: 5, height: 3, data: noise(45, 3) }, 'ImageJ=1.11a\nimages=40'),
    ];
    const changes = fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...whole), changes, fc.option(fc.nat(900)), async (tiff, edits, cut) => {
        const bytes = tiff.slice(0, cut ?? tiff.length);
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        try {
          for (const { page, pixels } of await readAll(bytes))
            expect(pixels.length).toBe(page.width * page.height * FORMATS[page.format].bytesPerPixel);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect((error as SluiceError).code).toBe('bad-picture');
        }
      }),
      { numRuns: 400 },
    );
  });
});
