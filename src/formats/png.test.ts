import { deflateSync, inflateSync, crc32 as nodeCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMATS, frameBytes, type Picture } from '../core/frame.ts';
import { crc32, encodePng, readPngHeader, readPngText } from './png.ts';

/** Chunks of a file, with their sums checked by zlib's own CRC. */
function chunks(png: Uint8Array): { type: string; data: Buffer }[] {
  const bytes = Buffer.from(png);
  const found: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    expect(bytes.readUInt32BE(at + 8 + length)).toBe(nodeCrc32(bytes.subarray(at + 4, at + 8 + length)));
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return found;
}

/** Undoes the filters "none" and "up". */
function unfiltered(raw: Buffer, row: number): Buffer {
  const rows = raw.length / (row + 1);
  const out = Buffer.alloc(rows * row);
  for (let y = 0; y < rows; y++) {
    const type = raw[y * (row + 1)];
    expect([0, 2]).toContain(type);
    for (let i = 0; i < row; i++) {
      const above = type === 2 && y > 0 ? out[(y - 1) * row + i]! : 0;
      out[y * row + i] = raw[y * (row + 1) + 1 + i]! + above;
    }
  }
  return out;
}

const formats = ['gray', 'rgb24', 'bgr24', 'rgba', 'gray16le', 'rgb48le', 'bayer_rggb16le'] as const;

describe('encodePng', () => {
  it.each(formats)('writes %s at full depth', async (format) => {
    const [width, height] = [5, 4];
    const data = new Uint8Array(frameBytes(format, width, height)).map((_, i) => (i * 73) & 255);
    const png = await encodePng({ format, width, height, data }, { deflate: (raw) => deflateSync(raw) });
    const { depth, channels, bytesPerPixel } = FORMATS[format];
    expect(readPngHeader(png)).toEqual({ width, height, depth, colour: channels === 1 ? 0 : channels === 3 ? 2 : 6 });
    const all = chunks(png);
    expect(all.map((chunk) => chunk.type)).toEqual(['IHDR', 'IDAT', 'IEND']);
    const pixels = unfiltered(inflateSync(all[1]!.data), width * bytesPerPixel);
    if (depth === 16) pixels.swap16();
    const expected = format === 'bgr24' ? data.map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)]!) : data;
    expect(new Uint8Array(pixels)).toEqual(expected);
  });

  it('keeps text, ASCII and other', async () => {
    const picture: Picture = { format: 'gray', width: 1, height: 1, data: Uint8Array.of(9) };
    const text = { Sluice: '{"id":7}', Comment: 'Köln \u2603' };
    const png = await encodePng(picture, { deflate: (raw) => deflateSync(raw), text });
    expect(chunks(png).map((chunk) => chunk.type)).toEqual(['IHDR', 'tEXt', 'iTXt', 'IDAT', 'IEND']);
    expect(readPngText(png)).toEqual(text);
  });

  it('refuses what PNG does not have', async () => {
    const picture: Picture = { format: 'grayf32le', width: 1, height: 1, data: new Uint8Array(4) };
    await expect(encodePng(picture, { deflate: (raw) => raw })).rejects.toThrow('format: grayf32le cannot become PNG');
  });
});

describe('reading PNG', () => {
  it('tolerates any bytes', async () => {
    const good = await encodePng(
      { format: 'gray', width: 2, height: 1, data: Uint8Array.of(9, 8) },
      { deflate: (raw) => deflateSync(raw), text: { A: 'b', C: 'ä' } },
    );
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 });
    const damaged = fc.tuple(edits, fc.nat(good.length)).map(([list, end]) => {
      const bytes = good.slice();
      for (const [at, value] of list) bytes[at] = value;
      return bytes.subarray(0, end);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged), (bytes) => {
        readPngHeader(bytes);
        expect(typeof readPngText(bytes)).toBe('object');
      }),
      { numRuns: 400 },
    );
  });

  it('sums as zlib does', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32(b, crc32(a))).toBe(nodeCrc32(b, nodeCrc32(a)));
      }),
    );
  });
});
