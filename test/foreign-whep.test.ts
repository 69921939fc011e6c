// Viewers that others have written watch by WHEP: aiortc and GStreamer's webrtcbin decode the right pictures, in H.264 and VP8, and the sound.
import { spawn } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeCells } from '../src/formats/barcode.ts';
import { missingTool, pythonWith } from './python.ts';
import { testServer } from './server.ts';

const FPS = 20;
const cam = { source: { type: 'pattern', width: 640, height: 360, fps: FPS, audio: true } } as const;
const FRAMES = Number(process.env.FOREIGN_FRAMES ?? 60);

interface Line {
  readonly status?: number;
  readonly text?: string;
  readonly width: number;
  readonly height: number;
  readonly rtp?: number;
  readonly pts?: number;
  readonly cells: number[];
  readonly rate?: number;
  readonly samples?: number;
  /** 0..1 */
  readonly loudest?: number;
}

/** Checks decoded sound: beeps of half of full scale, silence between them. */
function checkSound(lines: readonly Line[]): void {
  const blocks = lines.filter(({ loudest }) => loudest !== undefined);
  expect(new Set(blocks.map(({ rate }) => rate))).toEqual(new Set([48_000]));
  const loud = blocks.filter(({ loudest }) => loudest! > 0.3);
  expect(loud.length).toBeGreaterThan(0);
  expect(Math.max(...loud.map(({ loudest }) => loudest!))).toBeLessThan(0.75);
  expect(blocks.filter(({ loudest }) => loudest! < 0.02).length).toBeGreaterThan(loud.length);
}

/** Runs a viewer; the lines that it printed. */
function watch(python: string, program: string, ...args: string[]): Promise<Line[]> {
  const child = spawn(python, [fileURLToPath(new URL(`programs/${program}`, import.meta.url)), ...args]);
  let out = '';
  let complaints = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      const lines = out.split('\n').filter(Boolean);
      if (code === 0) resolve(lines.map((line) => JSON.parse(line) as Line));
      else reject(new Error(`${program} ended with ${code}: ${complaints.slice(-2000)}`));
    });
  });
}

/** A tick of RTP and what rounding adds, s. */
const TICK = 1.5 / 90_000;

/** Checks decoded frames: size, readable, rising, times that agree with the barcode's to some ms, or never fall. */
function check(lines: readonly Line[], seconds: (line: Line) => number, exact: boolean): { frame: number; timeMs: number }[] {
  expect(lines[0]!.status).toBe(201);
  const frames = lines.filter((line) => line.cells);
  expect(frames.length).toBe(FRAMES);
  expect(new Set(frames.map(({ width, height }) => `${width}x${height}`))).toEqual(new Set(['640x360']));
  const codes = frames.map(({ cells }) => decodeCells(cells));
  expect(codes.filter((code) => code === null)).toEqual([]);
  const delays = codes.map((code, i) => seconds(frames[i]!) - code!.timeMs / 1000);
  const least = Math.min(...delays);
  let right = 0;
  codes.forEach((code, i) => {
    const before = codes[i - 1];
    if (!before) return;
    // A repeat shows a frame again, never an older one.
    expect(code!.frame).toBeGreaterThanOrEqual(before.frame);
    const step = seconds(frames[i]!) - seconds(frames[i - 1]!);
    expect(step).toBeGreaterThanOrEqual(0);
    if (!exact || code!.frame === before.frame) return;
    // A frame that a busy machine brings after a repeat of the one before it lies one tick behind that.
    if (step < TICK) return;
    expect(delays[i]! - least).toBeCloseTo(0, 2);
    right++;
  });
  if (exact) expect(right).toBeGreaterThan(5);
  return codes as { frame: number; timeMs: number }[];
}

const aiortc = pythonWith('aiortc, numpy');
if (!aiortc) missingTool('aiortc (python3-aiortc)');
const gstreamer = pythonWith(
  "gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst; Gst.init(None); assert Gst.ElementFactory.find('nicesrc')",
);
// Heavy, so CI does without.
if (!gstreamer) process.stderr.write('\n  SKIPPED: GStreamer with webrtcbin and gi is missing on this machine\n');

describe.runIf(aiortc)('aiortc', () => {
  it.each(['H264', 'VP8'])(
    '%s: decoded pictures and the data channel name the same frames',
    async (codec) => {
      await using server = await testServer({ streams: { cam } });
      const lines = await watch(aiortc!, 'whep_aiortc.py', `${server.url}live/cam/whep`, codec, String(FRAMES));
      const codes = check(lines, ({ rtp }) => rtp! / 90_000, true);
      const rtpTimes = new Map<number, number>();
      for (const { text } of lines) {
        const message = text ? (JSON.parse(text) as { type: string; rtp: number; id: number; repeat: boolean }) : null;
        if (message?.type === 'frame' && !message.repeat) rtpTimes.set(message.id, message.rtp);
      }
      checkSound(lines);
      // aiortc counts RTP times from its first picture, which is the same distance for all.
      const frames = lines.filter(({ cells }) => cells);
      const distances = new Map<number, number>();
      for (const [i, { frame }] of codes.entries()) {
        const rtp = rtpTimes.get(frame);
        if (rtp === undefined || frame === codes[i - 1]?.frame) continue;
        const distance = (rtp - frames[i]!.rtp!) >>> 0;
        distances.set(distance, (distances.get(distance) ?? 0) + 1);
      }
      // On a busy machine many are repeats.
      expect(Math.max(0, ...distances.values())).toBeGreaterThan(5);
      expect(distances.size).toBe(1);
    },
    120_000,
  );
});

/** An address of this machine: libnice tries no pair of a loopback address and another one. */
const outer = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

describe.runIf(gstreamer && outer)('GStreamer webrtcbin', () => {
  it.each(['H264', 'VP8'])(
    '%s: decoded pictures',
    async (codec) => {
      await using server = await testServer({ streams: { cam }, host: outer!, anonymous: 'view' });
      const lines = await watch(gstreamer!, 'whep_gstreamer.py', `${server.url}live/cam/whep`, codec, String(FRAMES));
      // Its clock follows the arrivals.
      check(lines, ({ pts }) => pts! / 1e9, false);
      checkSound(lines);
    },
    120_000,
  );
});
