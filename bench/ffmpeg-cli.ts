// The ffmpeg command line program, fed by a pipe with the same frames and the same x264 options.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { type EncodeRun, FPS, type VideoCase } from './encode-settings.ts';

/** Its version, or `null` if there is none on this machine. */
export async function ffmpegVersion(): Promise<string | null> {
  const answer = await promisify(execFile)('ffmpeg', ['-version']).catch(() => null);
  return answer && (/^ffmpeg version (\S+)/.exec(answer.stdout)?.[1] ?? 'unknown');
}

/** Encodes so many frames. `-benchmark` makes ffmpeg report the CPU time of its own process, on every system. */
export async function ffmpegRun(
  { width, height, bitrate }: VideoCase,
  frame: (index: number) => Uint8Array,
  frames: number,
  signal: AbortSignal,
): Promise<EncodeRun> {
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-r', `${FPS}`, '-i', 'pipe:0'];
  const convert = ['-vf', 'scale=flags=fast_bilinear:out_color_matrix=bt709:out_range=tv,format=yuv420p'];
  const rate = ['-b:v', `${bitrate}`, '-maxrate', `${bitrate * 1.5}`, '-bufsize', `${bitrate}`];
  const keys = ['-g', '1200', '-bf', '0', '-force_key_frames', 'expr:gte(t,n_forced)', '-forced-idr', '1'];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-threads', '1'];
  const params = ['-x264-params', 'scenecut=0:open-gop=0:rc-lookahead=0'];
  const args = [...input, ...convert, ...x264, ...rate, ...keys, ...params, '-f', 'h264', 'pipe:1'];
  const child = spawn('ffmpeg', ['-hide_banner', '-nostats', '-benchmark', ...args], { stdio: ['pipe', 'pipe', 'pipe'], signal });
  // The reason is the exit code and what it said.
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  let bytes = 0;
  child.stdout.on('data', (data: Buffer) => {
    bytes += data.length;
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  for (let i = 0; i < frames && child.stdin.writable; i++) {
    if (!child.stdin.write(frame(i))) await Promise.race([once(child.stdin, 'drain', { signal }), closed]);
  }
  child.stdin.end();
  await finished(child.stdin).catch(() => {});
  const [code] = await closed;
  signal.throwIfAborted();
  const times = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(said);
  if (code !== 0 || !times) throw new Error(`ffmpeg ended with ${code}: ${said.trim().split('\n').at(-1)}`);
  return { cpuMs: (Number(times[1]) + Number(times[2])) * 1000, frames, bytes };
}
