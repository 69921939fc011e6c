// The `ffmpeg` source: anything that FFmpeg can read. Files and filter graphs are paced in real time and loop; live inputs are read as
// they come and opened again when they are lost. Runs in a thread of its own, because reading blocks it.
import { setImmediate } from 'node:timers/promises';
import { SluiceError } from '../core/errors.ts';
import { parseSide } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import { FfmpegInput, type InputTarget, listCameras } from '../native/ffmpeg-input.ts';
import type { PictureOptions } from '../native/ffmpeg-picture.ts';
import { LiveClock, type MediaClock, PacedClock, Thinner } from './ffmpeg/media-clock.ts';
import { SoundFeed } from './ffmpeg/sound-feed.ts';
import { cameraTarget, type ParsedUrl, parseUrl, targetOf } from './ffmpeg/target.ts';
import type { RunSource, SourceContext } from './source.ts';

/** Settings of the source, as the schema gives them. */
export interface FfmpegParams {
  /** File, rtsp://, rtmp://, srt://, http(s)://, camera, camera:0, camera:NAME, or lavfi:GRAPH. */
  readonly url: string;
  readonly loop: boolean;
  /** WIDTHxHEIGHT: asked of a camera; other inputs are scaled to it. */
  readonly size?: string | undefined;
  /** Asked of a camera; other inputs are thinned out to it. */
  readonly fps?: number | undefined;
  /** Any input is thinned out to it; asked of none. */
  readonly maxFps?: number | undefined;
  /** Degrees clockwise, on top of what the file says. */
  readonly rotate: 0 | 90 | 180 | 270;
  readonly flip: 'none' | 'horizontal' | 'vertical';
  /** Of RTSP. */
  readonly transport: 'tcp' | 'udp';
  /** Its sound too. */
  readonly audio?: boolean | undefined;
  /** FFmpeg demuxer and protocol options. */
  readonly options: Readonly<Record<string, string | number>>;
}

/** Waits before the input is opened again (µs): doubled from the first to the last. */
const FIRST_WAIT_US = 500_000;
const LAST_WAIT_US = 10_000_000;
/** After so much work without a picture the thread looks at its messages (ms). */
const YIELD_MS = 10;
/** A device without a new picture is asked again after this time (µs). */
const POLL_US = 2000;
/** A device without a new picture for so long is opened again (ms). */
const SILENCE_MS = 5000;

/** Makes the pictures of an input until aborted, or to its end without `loop`. Fails with `source-failed` if it cannot be opened. */
export const run: RunSource<FfmpegParams> = async (context) => {
  const { params, signal } = context;
  const parsed = parseUrl(params.url);
  const size = params.size === undefined ? undefined : parseSize(params.size);
  const picture: PictureOptions = {
    rotate: params.rotate,
    flip: params.flip,
    ...(size && parsed.kind !== 'camera' ? { size } : {}),
  };
  const open = async () => {
    const target: InputTarget =
      parsed.kind === 'camera' ? cameraTarget(params, parsed.rest, await listCameras(), process.platform) : targetOf(params, parsed);
    return { input: await FfmpegInput.open(target, picture, signal, params.audio ?? false), shown: target.shown };
  };
  try {
    await play(context, parsed, open);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};

type Open = () => Promise<{ input: FfmpegInput; shown: string }>;

async function play(context: SourceContext<FfmpegParams>, parsed: ParsedUrl, open: Open): Promise<void> {
  const { params, signal } = context;
  let { input, shown } = await open();
  try {
    // HLS gives several seconds at once also when it is live: it is paced, but there is no start to go back to.
    const paced = parsed.pace === 'paced' || (parsed.pace === 'by-length' && (input.finite || /\b(hls|dash)\b/.test(input.format)));
    const repeats = parsed.pace === 'paced' || (parsed.pace === 'by-length' && input.finite);
    const mediaClock: MediaClock = paced ? new PacedClock() : new LiveClock();
    const restart = () => mediaClock.restart(input.start, (context.clock.now() - Math.round(input.probeMs * 1000)) as Micros);
    restart();
    const player = new Player(context, mediaClock, paced);
    let wait = FIRST_WAIT_US;
    while (!signal.aborted) {
      const { shown: pictures } = await player.play(input);
      if (signal.aborted) return;
      if (repeats) {
        if (pictures === 0)
          throw new SluiceError('source-failed', `${shown}: nothing of it could be decoded`, { field: 'url', received: shown });
        if (!params.loop) return;
        restart();
        if (input.rewind() && (await player.isAtStart(input))) continue;
        await input.close();
        ({ input, shown } = await open());
        continue;
      }
      if (pictures > 0) wait = FIRST_WAIT_US;
      const camera = parsed.kind === 'camera';
      let reason = `${shown}: the ${camera ? 'camera' : 'connection'} was lost (${input.error ?? (camera ? 'it ended' : 'the sender ended it')})`;
      await input.close();
      for (let opened = false; !opened && !signal.aborted; wait = Math.min(LAST_WAIT_US, wait * 2)) {
        // Jitter: what lost the same sender shall not come back all at once.
        const delay = wait * (0.75 + Math.random() / 2);
        context.report('failed', `${reason}; next attempt in ${(delay / 1_000_000).toFixed(1)} s`);
        await context.until((context.clock.now() + Math.round(delay)) as Micros);
        if (signal.aborted) return;
        try {
          ({ input, shown } = await open());
          restart();
          opened = true;
        } catch (error) {
          if (signal.aborted) return;
          reason = error instanceof Error ? error.message : String(error);
        }
      }
    }
  } finally {
    await input.close();
  }
}

/** Brings the pictures of an input into the ring, each at its time, and hands on its sound. */
class Player {
  readonly #context: SourceContext<FfmpegParams>;
  readonly #clock: MediaClock;
  readonly #paced: boolean;
  readonly #thinner: Thinner | undefined;
  /** Time of the first picture of the input. */
  #first: number | null | undefined;
  readonly #sounds: SoundFeed;
  /** A picture is decoded already: the check of the start did it. */
  #ready = false;

  constructor(context: SourceContext<FfmpegParams>, clock: MediaClock, paced: boolean) {
    this.#context = context;
    this.#clock = clock;
    this.#paced = paced;
    this.#sounds = new SoundFeed(context, clock, paced);
    const { fps, maxFps } = context.params;
    const most = Math.min(fps ?? Number.POSITIVE_INFINITY, maxFps ?? Number.POSITIVE_INFINITY);
    this.#thinner = Number.isFinite(most) ? new Thinner(most) : undefined;
  }

  /** Plays to the end of the input, or until aborted. */
  async play(input: FfmpegInput): Promise<{ shown: number }> {
    let shown = 0;
    const heard = this.#sounds.count;
    while (await this.#next(input)) {
      shown++;
      if (this.#first === undefined) this.#first = input.current.time;
      await this.#show(input);
      if (this.#context.signal.aborted) break;
    }
    await this.#sounds.finish(input.hasPictures && this.#context.params.loop);
    return { shown: input.hasPictures ? shown : this.#sounds.count - heard };
  }

  /** After a rewind: whether the next picture is the first one. Some files only say that they can go back. */
  async isAtStart(input: FfmpegInput): Promise<boolean> {
    if (!input.hasPictures) return true;
    this.#ready = await this.#next(input);
    const atStart = this.#ready && input.current.time === this.#first;
    if (!atStart) this.#ready = false;
    return atStart;
  }

  async #next(input: FfmpegInput): Promise<boolean> {
    if (this.#ready) {
      this.#ready = false;
      return true;
    }
    const { signal, clock } = this.#context;
    // Every picture lets the thread look at its messages once: a late file must still hear that it shall stop.
    await setImmediate();
    let yielded = performance.now();
    let silentSince = yielded;
    while (!signal.aborted) {
      const step = input.step();
      if (step === 'picture') return true;
      if (step === 'end') return false;
      if (step === 'sound') {
        await this.#sounds.add(input.currentSound, input.hasPictures);
        silentSince = performance.now();
        continue;
      }
      if (step === 'wait') {
        if (performance.now() - silentSince > SILENCE_MS) {
          input.error = `no picture for ${SILENCE_MS / 1000} s`;
          return false;
        }
        await this.#context.until((clock.now() + POLL_US) as Micros);
      } else if (this.#paced && performance.now() - yielded < YIELD_MS) continue;
      else await setImmediate();
      yielded = performance.now();
    }
    return false;
  }

  async #show(input: FfmpegInput): Promise<void> {
    const { clock, signal } = this.#context;
    const { time, duration, shape } = input.current;
    const capture = this.#clock.map(time, duration, clock.now());
    if (capture === null) return;
    if (this.#thinner && !this.#thinner.take(capture)) return;
    this.#sounds.shows(capture, duration);
    if (this.#paced) await this.#sounds.until(capture);
    else this.#sounds.release();
    if (signal.aborted) return;
    const draft = await this.#context.begin(shape.format, shape.width, shape.height);
    if (!draft) return;
    try {
      input.write(draft.pixels);
    } catch (error) {
      draft.discard();
      throw error;
    }
    draft.publish(capture, { significantBits: shape.significantBits });
  }
}

function parseSize(size: string): { width: number; height: number } {
  const [width, height] = size.split('x');
  return { width: parseSide(width, 'size'), height: parseSide(height, 'size') };
}
