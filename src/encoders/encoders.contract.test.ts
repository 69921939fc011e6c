// What every row of the table of encoders must do, through a real media worker and a real frame ring.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EncodeBench, H264, JPEG, LOSSLESS, type PacketEvent } from '../../test/encode-bench.ts';
import { hasTool } from '../../test/tools.ts';
import { FORMAT_NAMES, FORMATS, frameBytes, type PixelFormat } from '../core/frame.ts';
import { silentLogger } from '../core/log.ts';
import { type Micros, type Ticks, toTicks } from '../core/time.ts';
import { fragment, initSegment } from '../formats/fmp4.ts';
import { readFrameHeader } from '../formats/frame-header.ts';
import { readSampleIdentity } from '../formats/h264.ts';
import { readJpegIdentity } from '../formats/jpeg-segment.ts';
import { restorePixels } from '../formats/lossless.ts';
import { decompressZstd } from '../native/compress.ts';
import { GRID_TICKS, sequenceOf } from '../pipeline/grid.ts';
import { MediaPool } from '../pipeline/media-pool.ts';
import type { RenditionSettings } from './encoder.ts';
import { ENCODERS } from './index.ts';

const run = promisify(execFile);
const SETTINGS: Record<keyof typeof ENCODERS, RenditionSettings> = {
  h264: { ...H264, bitrate: 2_000_000 },
  vp8: { codec: 'vp8', bitrate: 2_000_000, width: null, height: null },
  jpeg: JPEG,
  raw: { codec: 'raw', width: null, fps: null },
  lossless: LOSSLESS,
  uc2f: { codec: 'uc2f', compression: 'lz4', level: null, crop: null, step: 1, fps: null },
};
const STEP = 33_367;
/** Ahead of the clock and on the grid: on a loaded machine too, no repeat is due between two frames. */
const START_US = Math.ceil(Date.now() / 2000 + 300) * 2_000_000;
const ffmpeg = hasTool('ffmpeg') && hasTool('ffprobe');

let pool: MediaPool;
let folder: string;

beforeAll(async () => {
  pool = new MediaPool(silentLogger, 1);
  folder = await mkdtemp(join(tmpdir(), 'sluice-encoders-'));
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

/** Left half red, then a black and a white quarter: the whole range is used, so deep formats keep their levels. */
function redPicture(format: PixelFormat, width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(frameBytes(format, width, height));
  const view = new DataView(bytes.buffer);
  const colour = (x: number) => (x < width / 2 ? [1, 0, 0] : x < (width * 3) / 4 ? [0, 0, 0] : [1, 1, 1]);
  const luma = (x: number) => (x < width / 2 ? 0.3 : x < (width * 3) / 4 ? 0 : 1);
  const cw = (width + 1) >> 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const [r, g, b] = colour(x) as [number, number, number];
      if (format === 'gray') bytes[i] = luma(x) * 255;
      else if (format === 'gray16le') view.setUint16(i * 2, luma(x) * 65_535, true);
      else if (format === 'grayf32le') view.setFloat32(i * 4, luma(x), true);
      else if (format === 'rgb24') bytes.set([r * 255, g * 255, b * 255], i * 3);
      else if (format === 'bgr24') bytes.set([b * 255, g * 255, r * 255], i * 3);
      else if (format === 'rgba') bytes.set([r * 255, g * 255, b * 255, 255], i * 4);
      else if (format === 'rgb48le') for (const [k, value] of [r, g, b].entries()) view.setUint16(i * 6 + k * 2, value * 65_535, true);
      else if (format === 'bayer_rggb16le') {
        const site = y % 2 === 0 ? (x % 2 === 0 ? r : g) : x % 2 === 0 ? g : b;
        view.setUint16(i * 2, site * 65_535, true);
      } else {
        // BT.601 limited range, as untagged YUV of this size is read.
        bytes[i] = x < width / 2 ? 81 : x < (width * 3) / 4 ? 16 : 235;
        const [u, v] = x < width / 2 ? [90, 240] : [128, 128];
        const at = width * height + (y >> 1) * cw * (format === 'nv12' ? 2 : 1) + (x >> 1) * (format === 'nv12' ? 2 : 1);
        bytes[at] = u!;
        bytes[format === 'nv12' ? at + 1 : at + cw * ((height + 1) >> 1)] = v!;
      }
    }
  }
  return bytes;
}

/** The identity in a raw message, in the words of the others. */
function readRawIdentity(data: Uint8Array) {
  const { id, timestamp } = readFrameHeader(data);
  return { id, timestamp, pts: toTicks(timestamp as Micros), repeat: false };
}

const expectedRed = (format: PixelFormat) => (FORMATS[format].channels === 1 && !format.startsWith('bayer') ? [76, 76, 76] : [255, 0, 0]);

/** Pictures of VP8 in the container that its makers use for tests. */
function ivf({ track }: PacketEvent, packets: readonly PacketEvent[]): Buffer[] {
  const head = Buffer.alloc(32);
  head.write('DKIF\0\0 \0VP80', 'latin1');
  head.writeUInt16LE(track.width, 12);
  head.writeUInt16LE(track.height, 14);
  head.writeUInt32LE(90_000, 16);
  head.writeUInt32LE(1, 20);
  head.writeUInt32LE(packets.length, 24);
  return [
    head,
    ...packets.flatMap(({ data, pts }) => {
      const frame = Buffer.alloc(12);
      frame.writeUInt32LE(data.length, 0);
      frame.writeBigUInt64LE(BigInt(pts - packets[0]!.pts), 4);
      return [frame, Buffer.from(data)];
    }),
  ];
}

/** A file that foreign programs read. */
async function fileOf(packets: readonly PacketEvent[], name: string): Promise<string> {
  const [first] = packets;
  const { codec } = first!.track;
  const h264 = codec.startsWith('avc1');
  const path = join(folder, `${name}.${h264 ? 'mp4' : codec === 'vp8' ? 'ivf' : 'jpg'}`);
  const media = h264
    ? [
        initSegment(first!.track),
        ...packets.map((packet, i) =>
          fragment(i, packet.pts as Ticks, (packets[i + 1]?.pts ?? packet.pts + 3000) - packet.pts, packet.key, packet.data),
        ),
      ]
    : codec === 'vp8'
      ? ivf(first!, packets)
      : [packets[0]!.data];
  await writeFile(path, Buffer.concat(media));
  return path;
}

/** Mean colours of the left half and of the two quarters of the last picture, as the ffmpeg program decodes it. */
async function coloursBy(path: string): Promise<number[][]> {
  const cut = (x: string, w: string) => `crop=${w}:ih-16:${x}:8,scale=1:1:flags=area`;
  const video = path.endsWith('mp4') ? 'bt709' : path.endsWith('ivf') ? 'bt601' : null;
  const matrix = video ? `scale=in_color_matrix=${video}:in_range=tv,format=rgb24` : 'format=rgb24';
  const graph = `${matrix},split=3[a][b][c];[a]${cut('8', 'iw/2-16')}[l];[b]${cut('iw/2+8', 'iw/4-16')}[m];[c]${cut('iw*3/4+8', 'iw/4-16')}[r];[l][m][r]hstack=3,format=rgb24`;
  const args = ['-v', 'error', '-i', path, '-filter_complex', graph, '-f', 'rawvideo', '-'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 1e7 });
  const last = stdout.subarray(stdout.length - 9);
  return [0, 3, 6].map((at) => [...last.subarray(at, at + 3)]);
}

describe.each(Object.keys(ENCODERS) as (keyof typeof ENCODERS)[])('%s', (codec) => {
  // VP8 and UC2F have no room for it.
  const own = { raw: readRawIdentity, lossless: readRawIdentity, vp8: null, uc2f: null };
  const identityOf = { jpeg: readJpegIdentity, h264: readSampleIdentity, ...own }[codec];
  const video = codec === 'h264' || codec === 'vp8';
  // What loses nothing is compared byte for byte: below, and in uc2f.test.ts.
  const judge = ffmpeg && (video || codec === 'jpeg');

  it.each(FORMAT_NAMES)('%s at 641x361: one packet for each frame, with its identity, in its colours', async (format) => {
    await using bench = new EncodeBench(SETTINGS[codec], { pool });
    const [width, height] = [641, 361];
    const pixels = redPicture(format, width, height);
    const packets: PacketEvent[] = [];
    for (let i = 0; i < 5; i++) packets.push(await bench.encode(format, width, height, pixels, START_US + i * STEP));
    packets.forEach((packet, i) => {
      const identity = { id: i + 1, timestamp: START_US + i * STEP, pts: toTicks((START_US + i * STEP) as Micros), repeat: false };
      expect(packet).toMatchObject(identity);
      if (identityOf) expect(identityOf(packet.data)).toEqual(identity);
    });
    expect(packets[0]!.key).toBe(true);
    expect(new Set(packets.map((packet) => packet.track)).size).toBe(1);
    const { track } = packets[0]!;
    // Video has even sides; pictures keep theirs.
    expect([track.width, track.height]).toEqual(video ? [640, 360] : [641, 361]);
    if (!judge) return;
    const path = await fileOf(packets, `${codec}-${format}`);
    const [left, middle, right] = await coloursBy(path);
    const tolerance = video ? 14 : 8;
    for (const [found, wanted] of [
      [left, expectedRed(format)],
      [middle, [0, 0, 0]],
      [right, [255, 255, 255]],
    ] as const) {
      found!.forEach(
        (value, k) => void expect(Math.abs(value - wanted[k]!), `${format}: ${found} for ${wanted}`).toBeLessThanOrEqual(tolerance),
      );
    }
  });

  it('goes on through changes of size and format: no frame lost, no order broken', async () => {
    await using bench = new EncodeBench(SETTINGS[codec], { pool });
    const shapes: [PixelFormat, number, number][] = [
      ['rgb24', 320, 180],
      ['gray', 320, 180],
      ['gray16le', 641, 361],
      ['nv12', 64, 48],
      ['rgba', 333, 77],
      ['rgb24', 17, 17],
      ['bgr24', 1280, 720],
    ];
    const packets: PacketEvent[] = [];
    for (let i = 0; i < 42; i++) {
      const [format, width, height] = shapes[Math.floor(i / 6)]!;
      packets.push(await bench.encode(format, width, height, redPicture(format, width, height), START_US + i * 200_000));
    }
    expect(packets.map((packet) => packet.id)).toEqual(packets.map((_, i) => i + 1));
    expect(packets.map((packet) => packet.pts)).toEqual(packets.map((_, i) => toTicks((START_US + i * 200_000) as Micros)));
    if (identityOf) for (const packet of packets) expect(identityOf(packet.data)!.id).toBe(packet.id);
    for (const [i, packet] of packets.entries()) {
      const before = packets[i - 1];
      if (before && before.track !== packet.track) {
        expect(packet.key).toBe(true);
        // An inter-coded track changes only where a segment begins.
        if (ENCODERS[codec].interCoded) expect(sequenceOf(packet.pts)).toBeGreaterThan(sequenceOf(before.pts));
      }
    }
    const last = packets.at(-1)!.track;
    if (!ENCODERS[codec].interCoded) expect([last.width, last.height]).toEqual([1280, 720]);
    expect(new Set(packets.map((packet) => `${packet.track.width}x${packet.track.height}`)).size).toBeGreaterThan(3);
    if (!judge) return;
    for (const track of new Set(packets.map((packet) => packet.track))) {
      const own = packets.filter((packet) => packet.track === track);
      const path = await fileOf(own, `${codec}-size-${own[0]!.id}`);
      const { stdout } = await run('ffprobe', [
        ...[
          '-v',
          'error',
          '-count_frames',
          '-select_streams',
          'v',
          '-show_entries',
          'stream=width,height,nb_read_frames',
          '-of',
          'json',
          path,
        ],
      ]);
      const [stream] = (JSON.parse(stdout) as { streams: { width: number; height: number; nb_read_frames: string }[] }).streams;
      expect([stream!.width, stream!.height]).toEqual([track.width, track.height]);
      if (video) expect(Number(stream!.nb_read_frames)).toBe(own.length);
    }
  });

  it('takes the smallest pictures', async () => {
    await using bench = new EncodeBench(SETTINGS[codec], { pool });
    let at = START_US;
    for (const [width, height] of [
      [1, 1],
      [2, 3],
      [16, 16],
    ] as const) {
      at += 2_000_000;
      const packet = await bench.encode('gray', width, height, new Uint8Array(width * height).fill(200), at);
      expect(packet.data.length).toBeGreaterThan(30);
    }
  });
});

describe('raw', () => {
  it.each(FORMAT_NAMES)('%s comes out bit for bit', async (format) => {
    await using bench = new EncodeBench(SETTINGS.raw, { pool });
    const pixels = redPicture(format, 67, 35);
    const { data } = await bench.encode(format, 67, 35, pixels, START_US);
    const header = readFrameHeader(data);
    expect(header).toMatchObject({ encoding: 'raw', format, width: 67, height: 35, id: 1, timestamp: START_US });
    expect(Buffer.from(data.subarray(header.headerBytes)).equals(pixels)).toBe(true);
  });

  it.each(FORMAT_NAMES)('%s is made smaller on request, in its own values where they are deep', async (format) => {
    await using bench = new EncodeBench({ codec: 'raw', width: 64, fps: null }, { pool });
    const { data } = await bench.encode(format, 640, 360, redPicture(format, 640, 360), START_US);
    const header = readFrameHeader(data);
    if (format === 'bayer_rggb16le') return expect([header.width, header.height]).toEqual([640, 360]);
    expect([header.width, header.height]).toEqual([64, 36]);
    const payload = data.subarray(header.headerBytes);
    if (FORMATS[format].depth > 8) {
      expect(header.format).toBe(format);
      expect(Buffer.from(payload).equals(redPicture(format, 64, 36))).toBe(true);
    } else {
      expect(header.format).toBe(format === 'gray' ? 'gray' : 'rgb24');
      const at = (x: number) =>
        [...payload.subarray((18 * 64 + x) * FORMATS[header.format].bytesPerPixel)].slice(0, format === 'gray' ? 1 : 3);
      for (const [x, wanted] of [
        [10, expectedRed(format)],
        [40, [0, 0, 0]],
        [60, [255, 255, 255]],
      ] as const) {
        for (const [k, value] of at(x).entries()) expect(Math.abs(value - wanted[k]!)).toBeLessThanOrEqual(6);
      }
    }
  });
});

describe('lossless', () => {
  const compressions = ['zstd', 'lz4', 'none'] as const;
  const ways = compressions.flatMap((compression) => [true, false].map((filter) => ({ ...LOSSLESS, compression, filter })));

  it.each(ways)('$compression, filter $filter: every format comes back bit for bit', async (settings) => {
    await using bench = new EncodeBench(settings, { pool });
    for (const [i, format] of FORMAT_NAMES.entries()) {
      const pixels = redPicture(format, 67, 35);
      const { data } = await bench.encode(format, 67, 35, pixels, START_US + i * STEP);
      const header = readFrameHeader(data);
      expect(header).toMatchObject({ format, width: 67, height: 35, id: i + 1, timestamp: START_US + i * STEP });
      expect(header.encoding).toBe(settings.compression === 'none' ? 'raw' : settings.compression);
      expect(header.filtered).toBe(settings.filter && settings.compression !== 'none' && FORMATS[format].depth === 16);
      expect(header.metadata).toMatchObject({ source: { width: 67, height: 35 }, step: 1 });
      const back = restorePixels(header, data.subarray(header.headerBytes), decompressZstd);
      expect(Buffer.from(back).equals(pixels)).toBe(true);
    }
  });

  it('sends a part of the picture, and says which', async () => {
    await using bench = new EncodeBench({ ...LOSSLESS, crop: { x: 100, y: 40, width: 200, height: 100 }, step: 4 }, { pool });
    const pixels = redPicture('gray16le', 640, 360);
    const { data, track } = await bench.encode('gray16le', 640, 360, pixels, START_US);
    const header = readFrameHeader(data);
    expect([header.width, header.height, track.width, track.height]).toEqual([50, 25, 50, 25]);
    expect(header.metadata).toEqual({
      level: 1,
      source: { width: 640, height: 360 },
      region: { x: 100, y: 40, width: 200, height: 100 },
      step: 4,
    });
    const back = restorePixels(header, data.subarray(header.headerBytes), decompressZstd);
    const [from, to] = [new Uint16Array(pixels.buffer), new Uint16Array(back.slice().buffer)];
    for (let y = 0; y < 25; y++) for (let x = 0; x < 50; x++) expect(to[y * 50 + x]).toBe(from[(40 + y * 4) * 640 + 100 + x * 4]);
  });

  it('the zstd and lz4 programs read the payload', async () => {
    const pixels = redPicture('gray16le', 641, 361);
    for (const compression of ['zstd', 'lz4'] as const) {
      if (!hasTool(compression)) continue;
      await using bench = new EncodeBench({ ...LOSSLESS, compression, filter: false }, { pool });
      const { data } = await bench.encode('gray16le', 641, 361, pixels, START_US);
      const payload = data.subarray(readFrameHeader(data).headerBytes);
      const path = join(folder, `picture.${compression}`);
      // The lz4 program wants a frame round the block (LZ4 Frame Format): magic, descriptor with checksum, one block, end mark.
      if (compression === 'zstd') await writeFile(path, payload);
      else {
        const block = payload.subarray(4);
        const size = Buffer.alloc(4);
        size.writeUInt32LE(block.length);
        await writeFile(path, Buffer.concat([Buffer.from('04224d18607073', 'hex'), size, block, Buffer.alloc(4)]));
      }
      const { stdout } = await run(compression, ['-dc', path], { encoding: 'buffer', maxBuffer: 1e7 });
      expect(stdout.equals(Buffer.from(pixels.buffer))).toBe(true);
    }
  });
});

describe('h264', () => {
  it('is tagged BT.709 limited range, has no B frames, and ffprobe sees the true times', async () => {
    if (!ffmpeg) return;
    await using bench = new EncodeBench(SETTINGS.h264, { pool });
    const packets: PacketEvent[] = [];
    let at = START_US + 123_457;
    for (let i = 0; i < 70; i++) {
      packets.push(await bench.encode('rgb24', 64, 64, redPicture('rgb24', 64, 64), at));
      at += 16_000 + ((i * 7919) % 45_000);
    }
    const path = await fileOf(packets, 'times');
    const entries = 'stream=color_space,color_transfer,color_primaries,color_range,has_b_frames,time_base:packet=pts,dts,flags';
    const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', entries, '-of', 'json', path]);
    const probed = JSON.parse(stdout) as {
      streams: Record<string, unknown>[];
      packets: { pts: number; dts: number; flags: string }[];
    };
    expect(probed.streams[0]).toMatchObject({
      color_space: 'bt709',
      color_transfer: 'bt709',
      color_primaries: 'bt709',
      color_range: 'tv',
      has_b_frames: 0,
      time_base: '1/90000',
    });
    expect(probed.packets.map(({ pts, dts }) => [pts, dts])).toEqual(packets.map(({ pts }) => [pts, pts]));
    expect(probed.packets.map(({ flags }) => flags.startsWith('K'))).toEqual(packets.map(({ key }) => key));
  });

  it('puts a key frame at each 2 s of capture time and at least each second', async () => {
    await using bench = new EncodeBench(SETTINGS.h264, { pool });
    const packets: PacketEvent[] = [];
    for (let i = 0; i < 160; i++)
      packets.push(await bench.encode('gray', 32, 32, new Uint8Array(1024).fill(i), START_US + 700_000 + i * STEP));
    const keys = packets.filter((packet) => packet.key);
    const cells = new Set(packets.map((packet) => sequenceOf(packet.pts)));
    for (const cell of cells) expect(packets.find((packet) => sequenceOf(packet.pts) === cell)!.key).toBe(true);
    keys.slice(1).forEach((key, i) => void expect(key.pts - keys[i]!.pts).toBeLessThanOrEqual(90_000 + (STEP * 9) / 100 + 1));
    expect(keys.length).toBeLessThanOrEqual(8);
    expect(GRID_TICKS).toBe(180_000);
  });
});
