// H.264 from RGB24 by our whole path against the ffmpeg program, turn by turn on the same frames.
import { Child } from './child.ts';
import type { EncodeMethods } from './children/encode.ts';
import { type EncodeRun, FPS, h264Case, type VideoCase, WARM_UP } from './encode-settings.ts';
import { ffmpegRun, ffmpegVersion } from './ffmpeg-cli.ts';
import { cameraFrames } from './frames.ts';
import { type Bench, type BenchOptions, median, type Result, result } from './result.ts';

const CASES: readonly VideoCase[] = [
  { name: '720p', width: 1280, height: 720, bitrate: 2_500_000 },
  { name: '1080p', width: 1920, height: 1080, bitrate: 5_000_000 },
];

/** Seconds of video in one run. */
const SECONDS = 6;
const ROUNDS = 3;

const perFrame = (runs: readonly EncodeRun[]) => median(runs.map(({ cpuMs, frames }) => cpuMs / frames));
const rate = (runs: readonly EncodeRun[]) => median(runs.map(({ bytes, frames }) => (bytes * 8 * FPS) / frames / 1e6)).toFixed(2);

async function measure(which: VideoCase, ffmpeg: string | null, options: BenchOptions): Promise<Result[]> {
  const frames = Math.max(FPS, Math.round((options.seconds ?? SECONDS) * FPS));
  const frame = cameraFrames(which.width, which.height);
  await using child = await Child.start<EncodeMethods>('encode.ts', h264Case(which));
  await child.call('run', WARM_UP);
  const ours: EncodeRun[] = [];
  const theirs: EncodeRun[] = [];
  // Turn by turn, so that whatever else the machine does meets both.
  for (let round = 1; round <= ROUNDS; round++) {
    options.signal.throwIfAborted();
    options.progress(`${which.name}, round ${round} of ${ROUNDS}`);
    ours.push(await child.call('run', frames));
    if (!ffmpeg) continue;
    // The difference of a long and a short run: the start of the program is not counted, as ours is not.
    const short = await ffmpegRun(which, frame, WARM_UP, options.signal);
    const long = await ffmpegRun(which, frame, WARM_UP + frames, options.signal);
    theirs.push({ cpuMs: long.cpuMs - short.cpuMs, frames, bytes: long.bytes - short.bytes });
  }
  const results = [result(`${which.name}, whole path with thread hop`, perFrame(ours), 'ms/frame', { note: `${rate(ours)} Mbit/s` })];
  if (ffmpeg) {
    const ratio = median(ours.map((run, i) => run.cpuMs / theirs[i]!.cpuMs));
    results.push(
      result(`${which.name}, ffmpeg fed by a pipe`, perFrame(theirs), 'ms/frame', { note: `${rate(theirs)} Mbit/s; ffmpeg ${ffmpeg}` }),
      result(`${which.name}, Sluice / ffmpeg`, ratio, 'x', { budget: 1, note: `median of ${ROUNDS} rounds of ${frames} frames` }),
    );
  }
  return results;
}

export const encode: Bench = {
  name: 'encode',
  what: 'H.264 ultrafast from RGB24: CPU per frame against the ffmpeg program',
  run: async (options) => {
    const ffmpeg = await ffmpegVersion();
    if (!ffmpeg) options.progress('no ffmpeg program on this machine: our own figures only');
    const results: Result[] = [];
    for (const which of CASES) results.push(...(await measure(which, ffmpeg, options)));
    return results;
  },
};
