// Pictures and sound of transport streams that FFmpeg has made, one unit at a time.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hasTool } from '../../test/tools.ts';
import { TsDemuxer } from '../formats/mpegts-demux.ts';
import { type LiveSound, SoundDecoder } from './ffmpeg-sound.ts';
import { UnitDecoder } from './ffmpeg-unit-decode.ts';

/** 40 pictures: a white square in the middle of black; and 1 kHz. */
function unitsOf(args: readonly string[], size = '320x180') {
  const [width, height] = size.split('x').map(Number) as [number, number];
  const square = `color=black:s=${size}:r=25:d=1.6,drawbox=x=${width / 2 - 30}:y=${height / 2 - 30}:w=60:h=60:c=white:t=fill`;
  const inputs = ['-f', 'lavfi', '-i', square, '-f', 'lavfi', '-i', 'sine=f=1000:r=48000:d=1.6'];
  const bytes = execFileSync('ffmpeg', ['-v', 'error', ...inputs, ...args, '-threads', '1', '-f', 'mpegts', '-'], { maxBuffer: 2 ** 26 });
  const demuxer = new TsDemuxer();
  return [...demuxer.push(bytes), ...demuxer.flush()];
}

describe.skipIf(!hasTool('ffmpeg', ['-version']))('units that FFmpeg has made', () => {
  it.each([
    ['h264', ['-c:v', 'libx264', '-bf', '2', '-g', '20', '-c:a', 'aac'], 'aac'],
    ['hevc', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-c:a', 'libmp3lame'], 'mp3'],
    ['mpeg2video', ['-c:v', 'mpeg2video', '-bf', '2', '-c:a', 'libopus'], 'opus'],
  ] as const)('%s: each picture comes out with its time, in the order of showing; and %s', async (codec, args, sound) => {
    const units = unitsOf(args);
    using decoder = await UnitDecoder.open(codec);
    const seen: number[] = [];
    const collect = () => {
      while (decoder.receive() === 'picture') {
        expect(decoder.shape).toEqual({ format: 'yuv420p', width: 320, height: 180, significantBits: 8 });
        seen.push(decoder.pts!);
      }
    };
    const pictures = units.filter(({ track }) => track.kind === 'video');
    for (const { data, pts } of pictures) {
      expect(decoder.send(data, pts)).toBe(true);
      collect();
    }
    decoder.drain();
    collect();
    expect(seen).toEqual(pictures.map(({ pts }) => pts).sort((a, b) => a - b));
    expect(seen).toHaveLength(40);

    const packets = units.filter(({ track }) => track.kind === 'audio');
    using ears = await SoundDecoder.openLive(sound as LiveSound, packets[0]!.track.channels ?? 2);
    let samples = 0;
    let next: number | null = null;
    let loudest = 0;
    for (const { data, pts } of packets) {
      ears.sendBytes(data, pts);
      while (ears.receive() === 'block') {
        const { time, duration, rate, planes } = ears.current;
        if (next !== null) expect(Math.abs(time! - next)).toBeLessThan(50);
        next = time! + duration;
        samples += planes[0]!.length / rate;
        loudest = Math.max(loudest, ...planes[0]!);
      }
    }
    expect(samples).toBeGreaterThan(1.5);
    expect(loudest).toBeGreaterThan(0.05);
  });

  it('covers a size: scaled, not bent, cut evenly at two sides; another size holds at once', async () => {
    const [first] = unitsOf(['-c:v', 'libx264', '-tune', 'zerolatency', '-crf', '10', '-an'], '640x360');
    using decoder = await UnitDecoder.open('h264');
    decoder.send(first!.data, first!.pts);
    expect(decoder.receive()).toBe('picture');
    for (const [width, height, side] of [
      [180, 180, 30],
      [160, 360, 60],
      [320, 90, 30],
      [640, 360, 60],
      [1280, 720, 120],
    ] as const) {
      decoder.setSize({ width, height });
      const { shape } = decoder;
      expect([shape.width, shape.height]).toEqual([width, height]);
      const pixels = new Uint8Array(width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1));
      decoder.write(shape, pixels);
      // The white square is a square still, and in the middle.
      const row = [...pixels.subarray((height >> 1) * width, ((height >> 1) + 1) * width)].map((value) => value > 128);
      const column = Array.from({ length: height }, (_, y) => pixels[y * width + (width >> 1)]! > 128);
      for (const line of [row, column]) {
        const count = line.filter((white) => white).length;
        expect(Math.abs(count - side)).toBeLessThanOrEqual(2);
        expect(Math.abs(line.indexOf(true) - (line.length - line.lastIndexOf(true) - 1))).toBeLessThanOrEqual(2);
      }
    }
  });

  it('bytes that are nothing are refused, and the next key picture is decoded', async () => {
    const units = unitsOf(['-c:v', 'libx264', '-tune', 'zerolatency', '-g', '10', '-an']);
    using decoder = await UnitDecoder.open('h264');
    let pictures = 0;
    for (const [i, { data, pts }] of units.entries()) {
      decoder.send(i % 10 === 5 ? Uint8Array.of(0, 0, 1, 0x65, 255, 255, i) : data, pts);
      while (decoder.receive() === 'picture') pictures++;
    }
    expect(pictures).toBeGreaterThanOrEqual(24);
  });
});
