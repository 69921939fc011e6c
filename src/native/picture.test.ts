import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FORMATS, frameBytes, type Picture, type PixelFormat, planesOf } from '../core/frame.ts';
import type { Micros, Ticks } from '../core/time.ts';
import { concatBytes } from '../formats/bytes.ts';
import type { Identity } from '../formats/identity.ts';
import { readJpegIdentity } from '../formats/jpeg-segment.ts';
import { npyToPicture, writeNpy } from '../formats/npy.ts';
import { crc32, encodePng, readPngText } from '../formats/png.ts';
import { ToneMap } from '../formats/tone.ts';
import { toPacked } from './convert.ts';
import { encodeJpegSync } from './jpeg.ts';
import { decodePicture, encodeSnapshot } from './picture.ts';

const WIDTH = 96;
const HEIGHT = 64;
const identity: Identity = { id: 1234, timestamp: 1_763_640_000_120_000 as Micros, pts: 158_727_600_010_800 as Ticks, repeat: false };

/** A smooth picture of all levels. */
function colour(): Picture {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    data.set([(x * 255) / (WIDTH - 1), (y * 255) / (HEIGHT - 1), 127 + 100 * Math.sin((x + y) / 20)], i * 3);
  }
  return { format: 'rgb24', width: WIDTH, height: HEIGHT, data };
}

function gray(): Picture {
  const data = new Uint8Array(WIDTH * HEIGHT).map(
    (_, i) => ((i % WIDTH) * 180) / (WIDTH - 1) + (Math.floor(i / WIDTH) * 75) / (HEIGHT - 1),
  );
  return { format: 'gray', width: WIDTH, height: HEIGHT, data };
}

/** A picture as its lossy views show it: R, G and B of each pixel. */
function shown(picture: Picture): Uint8Array {
  const { format, data } = new ToneMap().map(toPacked(picture));
  const { channels } = FORMATS[format];
  const order = channels === 1 ? [0, 0, 0] : format === 'bgr24' ? [2, 1, 0] : [0, 1, 2];
  return new Uint8Array(picture.width * picture.height * 3).map((_, i) => data[Math.floor(i / 3) * channels + order[i % 3]!]!);
}

function difference(a: Picture, b: Picture): number {
  const [x, y] = [shown(a), shown(b)];
  return x.reduce((sum, value, i) => sum + Math.abs(value - y[i]!), 0) / x.length;
}

/** rgb24 to BT.601 limited range, chroma as the mean of four. */
function yuv(rgb: Picture, format: 'yuv420p' | 'nv12'): Picture {
  const data = new Uint8Array(frameBytes(format, WIDTH, HEIGHT));
  const [, u, v] = planesOf(format, WIDTH, HEIGHT);
  const sums = new Float64Array((WIDTH * HEIGHT) / 2);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const [r, g, b] = rgb.data.subarray(i * 3, i * 3 + 3) as unknown as [number, number, number];
    const luma = 0.299 * r + 0.587 * g + 0.114 * b;
    data[i] = Math.round(16 + (luma * 219) / 255);
    const chroma = (Math.floor(i / WIDTH / 2) * (WIDTH / 2) + Math.floor((i % WIDTH) / 2)) * 2;
    sums[chroma]! += 128 + (((b - luma) / 1.772) * 224) / 255;
    sums[chroma + 1]! += 128 + (((r - luma) / 1.402) * 224) / 255;
  }
  for (let i = 0; i < sums.length / 2; i++) {
    const step = format === 'nv12' ? 2 : 1;
    data[u!.offset + i * step] = Math.round(sums[i * 2]! / 4);
    data[(v?.offset ?? u!.offset + 1) + i * step] = Math.round(sums[i * 2 + 1]! / 4);
  }
  return { format, width: WIDTH, height: HEIGHT, data };
}

const asPng = (picture: Picture) => encodePng(picture, { deflate: (raw) => deflateSync(raw) });
const deep = (picture: Picture, format: PixelFormat): Picture => {
  const values = format === 'grayf32le' ? Float32Array.from(picture.data, (v) => v / 255) : Uint16Array.from(picture.data, (v) => v * 257);
  return { ...picture, format, data: new Uint8Array(values.buffer) };
};

/** An .npy file with any header. */
function npy(descr: string, fortran: boolean, shape: number[], data: Uint8Array): Uint8Array {
  const text = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.join(', ')}), }\n`);
  return concatBytes([Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8), text, data]);
}

function transposed(data: Uint8Array, channels: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let c = 0, to = 0; c < channels; c++)
    for (let x = 0; x < WIDTH; x++) for (let y = 0; y < HEIGHT; y++) out[to++] = data[(y * WIDTH + x) * channels + c]!;
  return out;
}

describe('the same picture in each form', () => {
  const rgb = colour();
  const plain = gray();
  const floats = new Uint8Array(Float32Array.from(rgb.data, (v) => v / 255).buffer);
  const doubles = new Uint8Array(Float64Array.from(plain.data, (v) => v / 255).buffer);
  const size = [HEIGHT, WIDTH];
  const pushed: [string, Picture, () => Promise<Picture> | Picture][] = [
    ['yuv420p', rgb, () => yuv(rgb, 'yuv420p')],
    ['nv12', rgb, () => yuv(rgb, 'nv12')],
    ['bgr24', rgb, () => ({ ...rgb, format: 'bgr24', data: rgb.data.map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)]!) })],
    ['rgb48le', rgb, () => deep(rgb, 'rgb48le')],
    ['JPEG', rgb, () => decodePicture(encodeJpegSync(rgb, 90), 'image/jpeg')],
    ['PNG', rgb, async () => decodePicture(await asPng(rgb), 'image/png')],
    ['PNG of 16 bits', rgb, async () => decodePicture(await asPng(deep(rgb, 'rgb48le')), 'image/png')],
    ['npy uint8', rgb, () => decodePicture(writeNpy(rgb), 'application/octet-stream')],
    ['npy uint16', rgb, () => decodePicture(writeNpy(deep(rgb, 'rgb48le')), 'application/x-npy')],
    ['npy float32', rgb, () => decodePicture(npy('<f4', false, [...size, 3], floats), 'application/x-npy')],
    ['npy uint8, Fortran order', rgb, () => decodePicture(npy('|u1', true, [...size, 3], transposed(rgb.data, 3)), 'application/x-npy')],
    ['gray16le', plain, () => deep(plain, 'gray16le')],
    ['grayf32le', plain, () => deep(plain, 'grayf32le')],
    ['gray JPEG', plain, () => decodePicture(encodeJpegSync(plain, 90), 'image/jpeg')],
    ['gray PNG', plain, async () => decodePicture(await asPng(plain), 'image/png')],
    ['gray PNG of 16 bits', plain, async () => decodePicture(await asPng(deep(plain, 'gray16le')), 'image/png')],
    ['gray npy uint8', plain, () => decodePicture(writeNpy(plain), '')],
    ['gray npy uint16', plain, () => decodePicture(writeNpy(deep(plain, 'gray16le')), '')],
    ['gray npy float32', plain, () => decodePicture(writeNpy(deep(plain, 'grayf32le')), '')],
    ['gray npy float64', plain, () => decodePicture(npy('<f8', false, [...size, 1], doubles), '')],
    ['gray npy, Fortran order', plain, () => decodePicture(npy('|u1', true, size, transposed(plain.data, 1)), '')],
  ];

  it.each(pushed)('%s', async (_name, expected, make) => {
    expect(difference(await make(), expected)).toBeLessThan(2);
  });

  it('is told apart from a shifted one by this measure', () => {
    expect(difference({ ...plain, data: plain.data.map((v) => Math.max(0, v - 3)) }, plain)).toBeGreaterThan(2);
  });
});

/** A PNG of any bit depth and colour type, unfiltered. */
function rawPng(
  width: number,
  height: number,
  depth: number,
  type: number,
  rows: number[][],
  extra: [string, number[]][] = [],
): Uint8Array {
  const chunk = (name: string, data: Uint8Array) => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length);
    out.write(name, 4, 'latin1');
    out.set(data, 8);
    out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
    return out;
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, type, 0, 0, 0]);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  return concatBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk('IHDR', header),
    ...extra.map(([name, data]) => chunk(name, Uint8Array.from(data))),
    chunk('IDAT', deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])))),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

describe('decodePicture', () => {
  it.each(['gray', 'rgb24', 'rgba', 'gray16le', 'rgb48le'] as const)('decodes a PNG of %s to the same bytes', async (format) => {
    const data = new Uint8Array(frameBytes(format, 7, 5)).map((_, i) => (i * 91) & 255);
    const picture = { format, width: 7, height: 5, data };
    const decoded = await decodePicture(await asPng(picture), 'image/png');
    expect({ ...decoded, data: new Uint8Array(decoded.data) }).toEqual(picture);
  });

  it.each<[string, Uint8Array, PixelFormat, number[]]>([
    ['1-bit gray', rawPng(3, 1, 1, 0, [[0b10100000]]), 'gray', [255, 0, 255]],
    ['2-bit gray', rawPng(3, 1, 2, 0, [[0b00011100]]), 'gray', [0, 85, 255]],
    ['4-bit gray', rawPng(3, 1, 4, 0, [[0x0f, 0x80]]), 'gray', [0, 255, 136]],
    ['palette', rawPng(2, 1, 8, 3, [[1, 0]], [['PLTE', [1, 2, 3, 4, 5, 6]]]), 'rgb24', [4, 5, 6, 1, 2, 3]],
    ['palette of 1 bit', rawPng(2, 1, 1, 3, [[0x40]], [['PLTE', [1, 2, 3, 4, 5, 6]]]), 'rgb24', [1, 2, 3, 4, 5, 6]],
    [
      'palette with alpha',
      rawPng(
        2,
        1,
        8,
        3,
        [[1, 0]],
        [
          ['PLTE', [1, 2, 3, 4, 5, 6]],
          ['tRNS', [9]],
        ],
      ),
      'rgba',
      [4, 5, 6, 255, 1, 2, 3, 9],
    ],
    ['gray and alpha', rawPng(2, 1, 8, 4, [[7, 255, 9, 0]]), 'gray', [7, 9]],
    ['RGBA of 16 bits', rawPng(1, 1, 16, 6, [[1, 2, 3, 4, 5, 6, 7, 8]]), 'rgb48le', [2, 1, 4, 3, 6, 5]],
  ])('decodes %s', async (_name, png, format, expected) => {
    const picture = await decodePicture(png, 'image/png');
    expect(picture.format).toBe(format);
    expect([...picture.data]).toEqual(expected);
  });

  it('goes by the first bytes, not by the content type', async () => {
    const picture = gray();
    expect((await decodePicture(writeNpy(picture), 'image/jpeg')).data).toEqual(picture.data);
    expect((await decodePicture(encodeJpegSync(picture, 90), 'image/png; x=1')).format).toBe('gray');
  });

  it('refuses damaged, cut and foreign bodies in plain words', async () => {
    const png = await asPng(colour());
    await expect(decodePicture(png.subarray(0, png.length >> 1), 'image/png')).rejects.toMatchObject({ code: 'bad-picture' });
    const damaged = png.slice();
    damaged[png.length >> 1]! ^= 1;
    await expect(decodePicture(damaged, 'image/png')).rejects.toThrow(`PNG of ${png.length} bytes cannot be decoded`);
    await expect(decodePicture(new Uint8Array(9), 'image/png')).rejects.toThrow('9 bytes received that are not a PNG');
    await expect(decodePicture(new Uint8Array(9), 'image/jpeg')).rejects.toThrow('not a JPEG');
    await expect(decodePicture(new Uint8Array(9), 'application/x-npy')).rejects.toMatchObject({ code: 'bad-frame' });
    await expect(decodePicture(new Uint8Array(9), 'image/gif')).rejects.toThrow(
      'content type image/gif received; expected image/jpeg, image/png',
    );
  });

  it('refuses by size before it decodes', async () => {
    const png = await asPng(colour());
    await expect(decodePicture(png, 'image/png', WIDTH * HEIGHT * 3 - 1)).rejects.toMatchObject({ code: 'frame-too-large' });
    expect((await decodePicture(png, 'image/png', WIDTH * HEIGHT * 3)).width).toBe(WIDTH);
    await expect(decodePicture(rawPng(20_000, 20_000, 8, 2, [[0]]), 'image/png')).rejects.toThrow('PNG of 20000x20000 pixels received');
    await expect(decodePicture(rawPng(0, 5, 8, 2, [[0]]), 'image/png')).rejects.toThrow('PNG of 0x5 pixels received');
    await expect(decodePicture(writeNpy(colour()), '', 100)).rejects.toMatchObject({ code: 'frame-too-large' });
  });

  it('decodes many at once', async () => {
    const png = await asPng(colour());
    const all = await Promise.all(Array.from({ length: 40 }, () => decodePicture(png, 'image/png')));
    for (const picture of all) expect(Buffer.compare(picture.data, colour().data)).toBe(0);
  });
});

const every = Object.keys(FORMATS) as PixelFormat[];

describe('encodeSnapshot', () => {
  const make = (format: PixelFormat): Picture => {
    if (format === 'grayf32le') return deep(gray(), format);
    const data = new Uint8Array(frameBytes(format, WIDTH, HEIGHT)).map((_, i) => 40 + ((i >> 3) & 127));
    return { format, width: WIDTH, height: HEIGHT, data };
  };

  it.each(every)('encodes %s in all types', async (format) => {
    const picture = make(format);
    const reference = toPacked(picture);
    const jpg = await encodeSnapshot(picture, identity, 'jpg', { quality: 95 });
    expect(jpg.contentType).toBe('image/jpeg');
    expect(readJpegIdentity(jpg.body)).toEqual(identity);
    expect(await decodePicture(jpg.body, 'image/jpeg')).toMatchObject({ width: WIDTH, height: HEIGHT });

    const png = await encodeSnapshot(picture, identity, 'png');
    expect(png.contentType).toBe('image/png');
    const text = readPngText(png.body);
    expect(JSON.parse(text.Sluice!)).toEqual(identity);
    expect(text['Creation Time']).toBe('2025-11-20T12:00:00.120000Z');
    const decoded = await decodePicture(png.body, 'image/png');
    if (format === 'bgr24') expect(difference(decoded, picture)).toBe(0);
    else if (format !== 'grayf32le') expect(Buffer.compare(decoded.data, reference.data)).toBe(0);

    const npyFile = await encodeSnapshot(picture, identity, 'npy');
    expect(npyFile.contentType).toBe('application/x-npy');
    const read = npyToPicture(npyFile.body);
    if (format === 'bgr24') expect(difference(read, picture)).toBe(0);
    else expect(Buffer.compare(read.data, reference.data)).toBe(0);

    const tiff = await encodeSnapshot(picture, identity, 'tiff');
    expect(tiff.contentType).toBe('image/tiff');
    expect(Buffer.from(tiff.body).includes(JSON.stringify(identity))).toBe(true);
  });

  it('shows float pictures in PNG with the values of black and white', async () => {
    const data = new Uint8Array(Float32Array.of(-10, 90, Number.NaN, 40).buffer);
    const { body } = await encodeSnapshot({ format: 'grayf32le', width: 2, height: 2, data }, identity, 'png');
    expect(JSON.parse(readPngText(body)['Sluice-Range']!)).toEqual({ low: -10, high: 90 });
    const decoded = await decodePicture(body, 'image/png');
    expect([...new Uint16Array(new Uint8Array(decoded.data).buffer)]).toEqual([0, 65_535, 0, 32_768]);
  });
});
