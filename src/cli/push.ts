// `sluice push`: frames from an input or from standard input to a stream of a server.
import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { FfmpegParams as FfmpegSchema } from '../api/schema.ts';
import { parseInput } from '../api/zod-problem.ts';
import type { SharedClock } from '../core/clock.ts';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import { parseFormat, parseSide } from '../core/frame.ts';
import { parseStreamName } from '../core/stream-name.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../formats/frame-header.ts';
import { startClock, wallMicros } from '../native/system-clock.ts';
import type { FfmpegParams } from '../sources/ffmpeg.ts';
import { type CommandContext, flagText, UsageError } from './context.ts';
import { MAX_IN_FLIGHT, openPush, type PushConnection, type PushCounts } from './push-connection.ts';
import type { PushSourceCommand, PushSourceData, PushSourceEvent } from './push-source.ts';
import { RawReader, type RawShape, shapeBytes } from './raw-input.ts';

const DEFAULT_SERVER = 'http://127.0.0.1:8000';

export async function run(context: CommandContext): Promise<number> {
  const stream = usage(() => parseStreamName(context.positionals[0]));
  const input = flagText(context, 'input') ?? '-';
  const settings = usage(() => readSettings(context));
  if (input === '-' && context.stdin.isTTY) {
    throw new UsageError('nothing is piped into standard input; give an input with -i FILE, -i URL or -i camera');
  }
  const params = input === '-' ? null : await ffmpegParams(input, settings, context);
  const connection = await openPush({
    server: flagText(context, 'server') ?? (context.env.SLUICE_SERVER || DEFAULT_SERVER),
    stream,
    token: flagText(context, 'token') ?? (context.env.SLUICE_TOKEN || undefined),
    onNote: (text) => context.warn(`${context.isTTY ? '\r\x1b[K' : ''}sluice: ${text}\n`),
  });
  const clock = startClock();
  const slew = setInterval(() => clock.slew(wallMicros()), 1000);
  const progress = new Progress(connection, context);
  try {
    if (params) await pushInput(params, connection, clock, context);
    else await pushStdin(settings, connection, clock, context);
  } finally {
    clearInterval(slew);
    await connection.end();
    progress.end();
  }
  if (connection.failure) throw connection.failure;
  if (context.signal.aborted) return 130;
  const { acked, dropped } = connection.counts;
  if (acked > 0) return 0;
  throw new SluiceError('bad-frame', dropped.size ? 'no frame was accepted' : 'no frame came');
}

interface Settings {
  readonly shape: RawShape | null;
  readonly size: string | undefined;
  readonly fps: number | null;
  readonly loop: boolean;
}

/** A mistake in a flag is a mistake in the call. */
function usage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof SluiceError ? new UsageError(error.message) : error;
  }
}

function readSettings(context: CommandContext): Settings {
  const size = flagText(context, 'size');
  const match = /^(\d+)x(\d+)$/i.exec(size ?? '');
  if (size !== undefined && !match)
    throw new UsageError(`--size: ${JSON.stringify(size)} received; expected WIDTHxHEIGHT in pixels, such as 640x480`);
  const format = parseFormat(flagText(context, 'format') ?? 'rgb24', '--format');
  const fpsText = flagText(context, 'fps');
  const fps = fpsText === undefined ? null : Number(fpsText);
  if (fps !== null && !(fps > 0 && fps <= 1000))
    throw new UsageError(`--fps: ${JSON.stringify(fpsText)} received; expected a number above 0 up to 1000`);
  const shape = match && { format, width: parseSide(match[1], '--size'), height: parseSide(match[2], '--size') };
  return { shape, size: match ? `${match[1]}x${match[2]}` : undefined, fps, loop: context.flags.loop === true };
}

async function ffmpegParams(input: string, settings: Settings, context: CommandContext): Promise<FfmpegParams> {
  let url = input;
  if (input !== 'camera' && !/^[a-z][a-z0-9+.-]+:/i.test(input)) {
    url = resolve(context.cwd, input);
    const file = await stat(url).catch(() => null);
    if (!file?.isFile()) throw new UsageError(`-i: there is no file ${url}`);
  }
  const { size, fps, loop } = settings;
  return usage(() => parseInput(FfmpegSchema, { url, loop, ...(size ? { size } : {}), ...(fps ? { fps } : {}) }));
}

async function pushInput(params: FfmpegParams, connection: PushConnection, clock: SharedClock, context: CommandContext): Promise<void> {
  const here = import.meta.url;
  const workerData: PushSourceData = { params, clock: clock.state, frames: MAX_IN_FLIGHT };
  const worker = new Worker(new URL(`./push-source${here.endsWith('.ts') ? '.ts' : '.js'}`, here), { name: 'sluice-push', workerData });
  const post = (command: PushSourceCommand, transfer: ArrayBuffer[] = []) => worker.postMessage(command, transfer);
  const stop = () => post({ type: 'stop' });
  const signal = AbortSignal.any([context.signal, connection.failed]);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', (code) =>
        code === 0 ? resolve() : reject(new SluiceError('source-failed', `the reader of the input ended with code ${code}`)),
      );
      worker.on('message', (event: PushSourceEvent) => {
        if (event.type === 'frame') {
          const { message } = event;
          if (connection.connected && !connection.free) connection.skip('busy');
          else return connection.send(message, () => post({ type: 'done', message }, [message.buffer]));
          post({ type: 'done', message }, [message.buffer]);
        } else if (event.type === 'busy') connection.skip('busy');
        else if (event.type === 'note') context.warn(`sluice: ${event.text}\n`);
        else if (event.error) reject(toSluiceError(event.error, 'source-failed'));
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function pushStdin(settings: Settings, connection: PushConnection, clock: SharedClock, context: CommandContext): Promise<void> {
  const { stdin } = context;
  const signal = AbortSignal.any([context.signal, connection.failed]);
  const stop = () => stdin.destroy();
  signal.addEventListener('abort', stop, { once: true });
  const reader = new RawReader(stdin as AsyncIterable<Uint8Array>);
  try {
    const { shape, fps } = await reader.open(settings.shape);
    // A file comes at once: it is sent at its own rate. A program that pipes sets the pace itself.
    const pace = new Pace(settings.fps ?? (isFile(context) ? (fps ?? 30) : null));
    const bytes = shapeBytes(shape);
    const spare: Uint8Array[] = [];
    let last = 0;
    while (!signal.aborted) {
      await connection.ready();
      await pace.wait();
      const message = spare.pop() ?? new Uint8Array(FRAME_HEADER_BYTES + bytes);
      if (!(await reader.next(message.subarray(FRAME_HEADER_BYTES)))) break;
      last = Math.max(clock.now(), last + 1);
      message.set(writeFrameHeader({ ...shape, payloadBytes: bytes, timestamp: last }));
      connection.send(message, () => spare.push(message));
    }
  } catch (error) {
    if (signal.aborted) return;
    // A wrong description of the bytes is a mistake in the call; a stream that breaks off is not.
    throw error instanceof SluiceError && error.code === 'bad-value' ? new UsageError(error.message) : error;
  } finally {
    signal.removeEventListener('abort', stop);
    stdin.destroy();
  }
}

function isFile(context: CommandContext): boolean {
  try {
    return context.stdin.fd !== undefined && fstatSync(context.stdin.fd).isFile();
  } catch {
    return false;
  }
}

/** Holds a rate without drift; what came too late is not made up for by more than a few frames. */
class Pace {
  readonly #interval: number | null;
  #due = 0;

  constructor(fps: number | null) {
    this.#interval = fps === null ? null : 1000 / fps;
  }

  async wait(): Promise<void> {
    if (this.#interval === null) return;
    const now = performance.now();
    if (now - this.#due > 5 * this.#interval) this.#due = now;
    if (this.#due - now >= 1) await sleep(this.#due - now);
    this.#due += this.#interval;
  }
}

/** A line on standard error each second, on a terminal; a summary at the end, always. */
class Progress {
  readonly #connection: PushConnection;
  readonly #context: CommandContext;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #before = { acked: 0, at: performance.now() };

  constructor(connection: PushConnection, context: CommandContext) {
    this.#connection = connection;
    this.#context = context;
    if (context.isTTY) this.#timer = setInterval(() => this.#show(), 1000);
  }

  #show(): void {
    const { counts, connected } = this.#connection;
    const now = performance.now();
    const fps = ((counts.acked - this.#before.acked) * 1000) / (now - this.#before.at);
    this.#before = { acked: counts.acked, at: now };
    this.#context.warn(`\r\x1b[K${counts.acked} frames  ${fps.toFixed(1)} fps${fates(counts)}${connected ? '' : '  not connected'}`);
  }

  end(): void {
    clearInterval(this.#timer);
    const { counts } = this.#connection;
    const seconds = (performance.now() - this.#started) / 1000;
    const { isTTY, warn } = this.#context;
    warn(
      `${isTTY ? '\r\x1b[K' : ''}${counts.acked} frames in ${seconds.toFixed(1)} s (${(counts.acked / seconds).toFixed(1)} fps)${fates(counts)}\n`,
    );
  }
}

function fates(counts: PushCounts): string {
  const dropped = [...counts.dropped].map(([reason, count]) => `  ${count} dropped (${reason})`).join('');
  return `${dropped}${counts.lost ? `  ${counts.lost} lost (no connection)` : ''}`;
}
