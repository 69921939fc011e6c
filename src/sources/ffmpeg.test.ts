import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { hasTool } from '../../test/tools.ts';
import { type Clock, ManualClock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { frameBytes, type PixelFormat } from '../core/frame.ts';
import { silentLogger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import { startClock } from '../native/system-clock.ts';
import { type FfmpegParams, run } from './ffmpeg.ts';
import type { SoundBlock } from './source.ts';

const MEDIA = join(import.meta.dirname, '../../test/media');
const START = 1_763_640_000_000_000;

interface Shot {
  timestamp: number;
  published: number;
  format: PixelFormat;
  width: number;
  height: number;
  bits: number | undefined;
  pixels: Uint8Array;
}

interface Limits {
  frames?: number;
  /** Stops when this has been reported. */
  report?: RegExp;
  clock?: Clock & { advance?(us: number): void };
}

/** Runs the source. With the manual clock time passes only where the source waits. */
async function play(params: Partial<FfmpegParams> & { url: string }, limits: Limits = {}) {
  const clock = limits.clock ?? new ManualClock(START);
  const abort = new AbortController();
  const shots: Shot[] = [];
  const sounds: SoundBlock[] = [];
  const reports: string[] = [];
  const waits: number[] = [];
  const rings = new Map<string, SharedArrayBuffer>();
  let id = 0;
  const sleep = async (time: Micros) => {
    const us = Math.max(0, time - clock.now());
    waits.push(us);
    if (clock.advance) return clock.advance(us);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, us / 1000);
      abort.signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
    });
  };
  let error: unknown;
  try {
    await run({
      params: { loop: false, rotate: 0, flip: 'none', transport: 'tcp', options: {}, ...params },
      clock,
      log: silentLogger,
      last: 0 as Micros,
      signal: abort.signal,
      sound: (block) => void sounds.push(block),
      details: () => {},
      changed: () => {},
      report: (_state, message) => {
        reports.push(message);
        if (limits.report?.test(message)) abort.abort();
      },
      until: sleep,
      begin: async (format, width, height) => {
        const key = `${format} ${width}x${height}`;
        const bytes = frameBytes(format, width, height);
        const ring = rings.get(key) ?? new SharedArrayBuffer(bytes * 3);
        rings.set(key, ring);
        const pixels = new Uint8Array(ring, (id % 3) * bytes, bytes).fill(0xcd);
        return {
          id: ++id,
          pixels,
          discard: () => {},
          publish: (timestamp, options) => {
            shots.push({
              timestamp,
              published: clock.now(),
              format,
              width,
              height,
              bits: options?.significantBits,
              pixels: pixels.slice(),
            });
            if (shots.length >= (limits.frames ?? Number.POSITIVE_INFINITY)) abort.abort();
            return true;
          },
        };
      },
    });
  } catch (thrown) {
    error = thrown;
  }
  return { shots, sounds, reports, waits, error };
}

const steps = (shots: Shot[]) => shots.slice(1).map((shot, i) => shot.timestamp - shots[i]!.timestamp);
/** Presentation times in irregular.mp4, in 1/90000 s, as ffprobe lists them. */
const IRREGULAR = [
  0, 4068, 8136, 11034, 15102, 18000, 22068, 26136, 29034, 33101, 36000, 40068, 44136, 47034, 51102, 53999, 58068, 62136, 65034, 69102,
  180000, 184067, 188135, 191034, 195101, 198000, 202068, 206136, 209034, 213101,
];

describe('a file', () => {
  it('is shown with exactly its own intervals, reordered pictures and a long pause included', async () => {
    const { shots, error } = await play({ url: join(MEDIA, 'irregular.mp4') });
    expect(error).toBeUndefined();
    expect(shots.length).toBe(IRREGULAR.length);
    const errors = shots.map((shot, i) => Math.abs(shot.timestamp - START - (IRREGULAR[i]! * 100) / 9));
    expect(Math.max(...errors)).toBeLessThanOrEqual(1);
    // Paced: none comes before its time, and each wait ends at one.
    for (const shot of shots) expect(shot.published).toBe(shot.timestamp);
  });

  it('loops on one clock', async () => {
    const { shots } = await play({ url: join(MEDIA, 'irregular.mp4'), loop: true }, { frames: 95 });
    const once = steps(shots.slice(0, 30));
    expect(steps(shots.slice(30, 60)).map((step) => Math.round(step / 10))).toEqual(once.map((step) => Math.round(step / 10)));
    for (const seam of [29, 59, 89]) {
      expect(steps(shots)[seam]).toBeGreaterThan(20_000);
      expect(steps(shots)[seam]).toBeLessThan(60_000);
    }
  });

  it('that starts in the middle of a group of pictures begins with the first that can be decoded, in each loop', async () => {
    const { shots, error } = await play({ url: join(MEDIA, 'midgop.mpegts'), loop: true }, { frames: 40 });
    expect(error).toBeUndefined();
    expect(steps(shots).every((step) => step === 40_000)).toBe(true);
    // No gray remains of a missing reference: the first picture of each loop is the same.
    expect(shots[15]!.pixels).toEqual(shots[0]!.pixels);
    expect(shots[30]!.pixels).toEqual(shots[0]!.pixels);
  });

  it('is shown with square pixels and upright', async () => {
    // Stored 80x48 with pixels twice as wide as high, to be turned by 90 degrees.
    const { shots } = await play({ url: join(MEDIA, 'rotated.mp4') });
    expect(shots[0]).toMatchObject({ format: 'yuv420p', width: 48, height: 160 });
    const back = await play({ url: join(MEDIA, 'rotated.mp4'), rotate: 270 });
    expect(back.shots[0]).toMatchObject({ width: 160, height: 48 });
    // Turned by another 180 degrees: the same from the other end, but for rounding while it is stretched.
    const half = await play({ url: join(MEDIA, 'rotated.mp4'), rotate: 90 });
    const [there, here] = [half, back].map(({ shots: [shot] }) => shot!.pixels.subarray(0, 160 * 48));
    expect(there!.every((value, i) => Math.abs(value - here![here!.length - 1 - i]!) <= 2)).toBe(true);
  });

  it('that is cut off plays as far as it goes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
    try {
      const cut = join(folder, 'cut.ts');
      writeFileSync(cut, readFileSync(join(MEDIA, 'midgop.mpegts')).subarray(0, 8000));
      const { shots, error } = await play({ url: cut });
      expect(error).toBeUndefined();
      expect(shots.length).toBeGreaterThan(3);
      writeFileSync(cut, readFileSync(join(MEDIA, 'midgop.mpegts')).subarray(0, 3000));
      const nothing = await play({ url: cut, loop: true });
      expect(nothing.error).toMatchObject({ code: 'source-failed' });
      for (const bytes of [0, 1, 100, 1000]) {
        writeFileSync(cut, readFileSync(join(MEDIA, 'irregular.mp4')).subarray(0, bytes));
        expect((await play({ url: cut })).error).toMatchObject({ code: 'source-failed', message: expect.stringContaining(cut) });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('pictures', () => {
  const first = async (graph: string, params: Partial<FfmpegParams> = {}) => {
    const { shots, error } = await play({ url: `lavfi:${graph}`, ...params }, { frames: 1 });
    if (!shots[0]) throw error;
    return shots[0];
  };
  const middle = ({ pixels, width, height }: Shot) => {
    const luma = width * height;
    return [pixels[luma >> 1], pixels[luma + 5], pixels[luma + ((width + 1) >> 1) * ((height + 1) >> 1) + 5]];
  };

  it('come as BT.601 below 720 lines and as BT.709 from there, limited', async () => {
    expect(middle(await first('color=red:size=320x240,format=rgb24'))).toEqual([81, 90, 240]);
    expect(middle(await first('color=red:size=1280x720,format=rgb24'))).toEqual([63, 102, 240]);
    // The same red in another matrix and range.
    const tagged = 'color=red:size=1280x720,format=rgb24,scale=out_color_matrix=bt601:out_range=full,format=yuv420p';
    const [y, u, v] = middle(await first(tagged));
    expect(Math.abs(y! - 63) + Math.abs(u! - 102) + Math.abs(v! - 240)).toBeLessThanOrEqual(4);
  });

  it('of gray keep their values and depth', async () => {
    expect(await first('color=white:size=33x17,format=gray')).toMatchObject({ format: 'gray', bits: 8 });
    const twelve = await first('color=white:size=33x17,format=gray12le,lut=y=1234');
    expect(twelve).toMatchObject({ format: 'gray16le', bits: 12, width: 33, height: 17 });
    expect(new Set(new Uint16Array(twelve.pixels.buffer))).toEqual(new Set([1234]));
    const big = await first('color=white:size=33x17,format=gray16le,lut=y=51234,format=gray16be', { rotate: 90 });
    expect(big).toMatchObject({ format: 'gray16le', bits: 16, width: 17, height: 33 });
    expect(new Set(new Uint16Array(big.pixels.buffer))).toEqual(new Set([51234]));
  });

  it.each(['yuv420p', 'yuyv422', 'uyvy422', 'nv12', 'rgb24', 'yuv444p', 'yuvj420p', 'yuv420p10le'])(
    '%s of odd size are written to the last byte',
    async (format) => {
      const { pixels, height, width } = await first(`color=0x204060:size=66x37,format=${format}`);
      const chroma = ((width + 1) >> 1) * ((height + 1) >> 1);
      for (const plane of [pixels.subarray(width * height, width * height + chroma), pixels.subarray(width * height + chroma)]) {
        expect(new Set(plane).size).toBeLessThanOrEqual(2);
        expect(plane).not.toContain(0xcd);
      }
    },
  );

  it('are turned and mirrored as asked', async () => {
    // White in the left upper quarter.
    const graph = 'color=black:size=64x32,drawbox=w=32:h=16:color=white:t=fill,format=gray';
    const corner = ({ pixels, width, height }: Shot) =>
      [0, width - 1, (height - 1) * width, height * width - 1].map((at) => (pixels[at]! > 128 ? 1 : 0)).join('');
    expect(corner(await first(graph))).toBe('1000');
    expect(corner(await first(graph, { rotate: 90 }))).toBe('0100');
    expect(corner(await first(graph, { rotate: 180 }))).toBe('0001');
    expect(corner(await first(graph, { rotate: 270 }))).toBe('0010');
    expect(corner(await first(graph, { flip: 'horizontal' }))).toBe('0100');
    expect(corner(await first(graph, { flip: 'vertical' }))).toBe('0010');
    expect(corner(await first(graph, { rotate: 90, flip: 'horizontal' }))).toBe('1000');
    expect(await first(graph, { rotate: 90 })).toMatchObject({ width: 32, height: 64 });
  });

  it('that are stored from the bottom up are upright', async () => {
    // Regression: swscale wrote outside of the slot.
    for (const format of ['gray', 'yuv420p', 'rgb24']) {
      const shot = await first(`color=black:size=66x33,drawbox=w=33:h=16:color=white:t=fill,format=${format},vflip`);
      expect([shot.pixels[0]! > 128, shot.pixels[32 * 66]! > 128]).toEqual([false, true]);
    }
  });

  it('are scaled and thinned out as asked', async () => {
    const { shots } = await play({ url: 'lavfi:testsrc=size=160x90:rate=25', size: '101x57', fps: 10, rotate: 90 }, { frames: 20 });
    expect(shots[0]).toMatchObject({ width: 101, height: 57 });
    expect((shots[19]!.timestamp - shots[0]!.timestamp) / 19).toBeCloseTo(100_000, -4);
    const capped = await play({ url: 'lavfi:testsrc=size=64x48:rate=60', maxFps: 34 }, { frames: 35 });
    expect((capped.shots[34]!.timestamp - capped.shots[0]!.timestamp) / 34).toBeCloseTo(1_000_000 / 34, -4);
    const below = await play({ url: 'lavfi:testsrc=size=64x48:rate=30', maxFps: 34 }, { frames: 31 });
    expect((below.shots[30]!.timestamp - below.shots[0]!.timestamp) / 30).toBeCloseTo(1_000_000 / 30, -2);
  });

  it('may change size and format in mid-stream', async () => {
    const graph = "testsrc=size=64x48:rate=25,scale=w='if(lt(n,3),64,80)':h='if(lt(n,3),48,60)':eval=frame";
    const { shots, error } = await play({ url: `lavfi:${graph}` }, { frames: 6 });
    expect(error).toBeUndefined();
    expect(shots.length).toBe(6);
    for (const { pixels, width, height, format } of shots) expect(pixels.length).toBe(frameBytes(format, width, height));
  });
});

/** A file of 4 s whose picture is white and whose sound is loud for 100 ms from each whole second on. */
function flashAndBeep(folder: string, codec: string[]): string {
  const path = join(folder, `beep.${codec.includes('aac') ? 'mp4' : 'mkv'}`);
  const picture = "color=black:s=64x48:r=25:d=4,drawbox=x=0:y=0:w=64:h=48:c=white:t=fill:enable='lt(mod(t,1),0.1)'";
  const sound = "aevalsrc='0.5*cos(2*PI*1000*t)*lt(mod(t,1),0.1)|0:s=44100:d=4'";
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...inputs, '-c:v', 'mpeg4', '-bf', '2', '-qscale:v', '2', ...codec, path]);
  return path;
}

/** Capture times at which the first channel is loud after a quiet while, µs. */
function onsets(sounds: readonly SoundBlock[]): number[] {
  const found: number[] = [];
  let quiet = Number.POSITIVE_INFINITY;
  for (const { timestamp, rate, data } of sounds) {
    for (const [i, sample] of (data[0] as Float32Array).entries()) {
      if (Math.abs(sample) < 0.2) quiet++;
      else {
        if (quiet > rate / 5) found.push(timestamp + (i * 1e6) / rate);
        quiet = 0;
      }
    }
  }
  return found;
}

describe.skipIf(!hasTool('ffmpeg', ['-version']))('sound', () => {
  it.each([
    ['AAC beside B frames', ['-c:a', 'aac']],
    ['FLAC', ['-c:a', 'flac']],
  ])('%s lies on the capture clock where the pictures lie, over the seam of a loop too', async (_name, codec) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-sound-'));
    try {
      const url = flashAndBeep(folder, codec);
      const { shots, sounds, error } = await play({ url, loop: true, audio: true }, { frames: 180 });
      expect(error).toBeUndefined();
      const white = shots.map(({ pixels }) => pixels[64 * 24 + 32]! > 128);
      const flashes = shots.filter((_, i) => white[i] && !white[i - 1]).map(({ timestamp }) => timestamp);
      const beeps = onsets(sounds);
      expect(flashes.length).toBe(8);
      expect(beeps.length).toBeGreaterThanOrEqual(7);
      // The encoder of AAC smears a sharp onset.
      for (const [i, beep] of beeps.entries()) expect(Math.abs(beep - flashes[i]!)).toBeLessThan(1500);
      expect(new Set(sounds.map(({ rate, channels }) => `${rate} ${channels}`))).toEqual(new Set(['44100 2']));
      for (const [i, { timestamp }] of sounds.entries()) if (i) expect(timestamp).toBeGreaterThan(sounds[i - 1]!.timestamp);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('alone is paced like pictures, and is left out where it is not wanted', async () => {
    const { sounds, shots, error, waits } = await play({ url: 'lavfi:sine=f=440:d=1', audio: true });
    expect(error).toBeUndefined();
    expect(shots.length).toBe(0);
    const samples = sounds.reduce((sum, block) => sum + block.samples, 0);
    expect(samples).toBe(44_100);
    expect(waits.reduce((sum, us) => sum + us, 0)).toBeGreaterThan(950_000);
    const { error: none } = await play({ url: 'lavfi:sine=d=1', audio: false });
    expect(none).toMatchObject({ message: expect.stringMatching(/has no video/) });
  });
});

describe('what cannot be read', () => {
  it.each([
    ['/nowhere/clip.mp4', /clip\.mp4: there is no such file/],
    [import.meta.filename, /holds nothing that FFmpeg can read/],
    ['lavfi:nonsense', /cannot make this filter graph/],
    ['lavfi:sine', /has no video/],
    ['rtsp://user:secret@127.0.0.1:1/x', /^rtsp:\/\/\*\*\*@127\.0\.0\.1:1\/x: connection refused/],
    ['http://127.0.0.1:1/x?token=secret', /x\?\*\*\*: connection refused/],
  ])('%s is answered with a sentence', async (url, sentence) => {
    const { error } = await play({ url });
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: 'source-failed', message: expect.stringMatching(sentence) });
    expect(JSON.stringify((error as SluiceError).toProblem())).not.toContain('secret');
  });
});

describe('a live input', () => {
  it('is read as it comes and opened again when it is lost', async () => {
    const sender = await startSender(readFileSync(join(MEDIA, 'midgop.mpegts')));
    try {
      const { shots, reports, error } = await play({ url: `tcp://127.0.0.1:${sender.port}` }, { frames: 25, clock: startClock() });
      expect(error).toBeUndefined();
      // 15 pictures in each connection: some of the second were needed.
      expect(shots.length).toBe(25);
      expect(reports.length).toBeGreaterThanOrEqual(1);
      expect(reports[0]).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+: the connection was lost \(.*\); next attempt in 0\.[3-6] s$/);
      expect(steps(shots).every((step) => step > 0)).toBe(true);
      expect(steps(shots).filter((step) => step === 40_000).length).toBeGreaterThan(15);
      for (const shot of shots) expect(shot.timestamp).toBeLessThan(shot.published + 20_000);
    } finally {
      await sender.stop();
    }
  });

  it('is waited for longer and longer', async () => {
    const sender = await startSender(readFileSync(join(MEDIA, 'midgop.mpegts')), 1);
    try {
      const { waits, reports } = await play({ url: `tcp://127.0.0.1:${sender.port}` }, { report: /next attempt in ([7-9]|1\d)\.\d s/ });
      expect(reports.at(-2)).toContain('connection refused');
      const delays = waits.filter((us) => us > 100_000).map((us) => us / 1e6);
      expect(delays[0]).toBeLessThan(0.7);
      delays.forEach((delay, i) => {
        const nominal = Math.min(10, 0.5 * 2 ** i);
        expect(delay).toBeGreaterThanOrEqual(nominal * 0.74);
        expect(delay).toBeLessThanOrEqual(nominal * 1.26);
      });
    } finally {
      await sender.stop();
    }
  });
});

/** A sender in a thread of its own, because the source blocks this one: each connection gets the bytes in 1.4 s, then its end. */
async function startSender(bytes: Uint8Array, connections = Number.POSITIVE_INFINITY) {
  const worker = new Worker(
    `const { createServer } = require('node:net');
     const { parentPort, workerData: { bytes, connections } } = require('node:worker_threads');
     let left = connections;
     const server = createServer((socket) => {
       if (--left <= 0) server.close();
       socket.on('error', () => {});
       let at = 0;
       const timer = setInterval(() => {
         socket.write(bytes.subarray(at, at + 376));
         at += 376;
         if (at >= bytes.length) { clearInterval(timer); socket.end(); }
       }, 1400 / (bytes.length / 376));
       socket.on('close', () => clearInterval(timer));
     }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true, workerData: { bytes: new Uint8Array(bytes), connections } },
  );
  const port = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return { port, stop: () => worker.terminate() };
}
