// UC2F packets: their samples against the picture, decompressed by the lz4 and zstd programs.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hasTool } from '../../test/tools.ts';
import { type FrameInfo, frameBytes, type PixelFormat } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import { readUc2f } from '../formats/uc2f.ts';
import type { RenditionSettings } from './encoder.ts';
import { openEncoder } from './uc2f.ts';

type Settings = Extract<RenditionSettings, { codec: 'uc2f' }>;
const SETTINGS: Settings = { codec: 'uc2f', compression: 'lz4', level: null, crop: null, step: 1, fps: null };
const NOW = 1_763_640_000_123_456 as Micros;

async function encode(settings: Partial<Settings>, format: PixelFormat, width: number, height: number, significantBits = 0) {
  const pixels = new Uint8Array(frameBytes(format, width, height)).map((_, i) => (i * 7 + (i >> 9)) & 0xff);
  await using session = await openEncoder({ ...SETTINGS, ...settings });
  const info: FrameInfo = { id: 1, timestamp: NOW, format, width, height, significantBits, received: NOW };
  const { data, track } = (await session.encode(info, pixels, { pts: 0 as never, key: true, boundary: false }))!;
  const { header, payload } = readUc2f(data);
  const described = JSON.parse(new TextDecoder().decode(track.description)) as Record<string, unknown>;
  return { pixels, header, payload, track, described };
}

function unpack(program: 'lz4' | 'zstd', payload: Uint8Array): Uint16Array {
  const bytes = execFileSync(program, ['-dc'], { input: payload, maxBuffer: 1e8, stdio: ['pipe', 'pipe', 'ignore'] });
  return new Uint16Array(Uint8Array.from(bytes).buffer);
}

describe.skipIf(!hasTool('lz4') || !hasTool('zstd'))('UC2F', () => {
  it('holds every sample of a 16-bit picture of more than one block, and says its bits', async () => {
    const { pixels, header, payload, described } = await encode({}, 'gray16le', 2048, 1100, 12);
    expect(header).toEqual({ width: 2048, height: 1100, bitDepth: 12, channels: 1, pixels: 0, timestamp: BigInt(NOW) * 1000n });
    expect(Buffer.from(unpack('lz4', payload).buffer).equals(Buffer.from(pixels))).toBe(true);
    expect(described).toMatchObject({ compression_algorithm: 'lz4', compression_level: 0, raw_bytes: pixels.length, bit_depth: 12 });
  });

  it('holds 8-bit pictures in the upper half of its samples', async () => {
    const { pixels, header, payload, described } = await encode({ compression: 'zstd', level: 3 }, 'gray', 65, 33);
    expect(unpack('zstd', payload)).toEqual(Uint16Array.from(pixels, (value) => value << 8));
    expect(header.bitDepth).toBe(16);
    expect(described).toMatchObject({ compression_algorithm: 'zstd', compression_level: 3, value_shift: 8, source_format: 'gray' });
  });

  it('takes the middle and every so many pixels as ImSwitch does: crop, then [::f, ::f]', async () => {
    const { pixels, payload, header, track, described } = await encode({ compression: 'none', crop: 101, step: 4 }, 'gray16le', 320, 241);
    const from = new Uint16Array(pixels.buffer);
    const wanted: number[] = [];
    for (let y = 0; y < 101; y += 4) for (let x = 0; x < 101; x += 4) wanted.push(from[(120 - 50 + y) * 320 + 160 - 50 + x]!);
    expect([...new Uint16Array(payload.slice().buffer)]).toEqual(wanted);
    expect([header.width, header.height, track.width, track.height]).toEqual([26, 26, 26, 26]);
    expect(described).toMatchObject({ original_width: 101, original_height: 101, subsampling_factor: 4, width: 26, height: 26 });
  });

  it('makes colours gray and says so; planar pictures give their luma', async () => {
    expect((await encode({}, 'rgb24', 16, 16)).described).toMatchObject({ converted_to_gray: true, source_format: 'rgb24' });
    const planar = await encode({ compression: 'none', step: 2 }, 'yuv420p', 16, 8);
    expect(planar.header).toMatchObject({ width: 8, height: 4 });
    expect(new Uint16Array(planar.payload.slice().buffer)[9]).toBe(planar.pixels[2 * 16 + 2]! << 8);
  });
});
