// The `recording` source: plays an OME-TIFF or MP4 of this program, or a plain multi-page TIFF or MP4 of others, each frame at its time.
// Its frames are new ones, with ids of their own; what they were is in their metadata. In a thread of its own, because decoding blocks.
import { open } from 'node:fs/promises';
import { SluiceError } from '../core/errors.ts';
import type { Micros } from '../core/time.ts';
import { SoundFeed } from './ffmpeg/sound-feed.ts';
import type { Clip, ClipFrame } from './recording/clip.ts';
import { openMp4Clip } from './recording/mp4-clip.ts';
import { openTiffClip } from './recording/tiff-clip.ts';
import type { RunSource, SourceContext } from './source.ts';

/** Settings of the source, as the schema gives them; `file` has been found by then. */
export interface RecordingParams {
  readonly file?: string | undefined;
  readonly recording?: string | undefined;
  readonly loop: boolean;
  readonly speed: number;
  readonly times: 'now' | 'original';
  /** Of files that say nothing about times. */
  readonly fps: number;
}

/** A frame that is so late moves all that follow it, µs: nothing is made up for. */
const LATE_US = 500_000;

/** Plays to the end, or until aborted. Throws `source-failed` or `bad-value`. */
export const run: RunSource<RecordingParams> = async (context) => {
  const { params, signal } = context;
  // Capture times must rise, so the original ones come once only.
  const loop = params.loop && params.times === 'now';
  if (params.file === undefined) {
    throw new SluiceError('bad-value', 'recording, file: neither received; expected one of them', { field: 'recording', received: null });
  }
  await using clip = await openClip(params.file, params.fps, signal);
  const player = new Player(context);
  do {
    const frames = await player.play(clip, params.file);
    if (!frames && !signal.aborted) throw failed(params.file, 'it holds no frame');
  } while (loop && !signal.aborted);
};

async function openClip(path: string, fps: number, signal: AbortSignal): Promise<Clip> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw failed(path, error.code === 'ENOENT' ? 'there is no such file' : error.message);
  });
  try {
    const head = new Uint8Array(12);
    await handle.read(head, 0, 12, 0);
    if (String.fromCharCode(...head.subarray(4, 8)) === 'ftyp') return await openMp4Clip(handle, path, signal);
    return await openTiffClip(handle, fps);
  } catch (error) {
    await handle.close();
    throw failed(path, error instanceof Error ? error.message : String(error));
  }
}

function failed(path: string, reason: string): SluiceError {
  return new SluiceError('source-failed', `${path}: ${reason}`, { field: 'file', received: path });
}

/** Brings the frames of a file into the ring, each at its time; over the seam of a loop the clock goes on. */
class Player {
  readonly #context: SourceContext<RecordingParams>;
  /** Where the time 0 of this pass lies on the clock, µs; `null` before the first frame. */
  #zero: number | null = null;
  #last = 0;
  #interval = 33_333;
  /** Time of the first frame of this pass. */
  #first = 0;
  readonly #sounds: SoundFeed;

  constructor(context: SourceContext<RecordingParams>) {
    this.#context = context;
    const at = (time: number) => (this.#zero === null ? null : (Math.round(this.#zero + (time - this.#first)) as Micros));
    this.#sounds = new SoundFeed(context, { at, map: at, restart: () => {} }, true, context.params.times === 'original');
  }

  /** Plays the file once: how many frames it has. */
  async play(clip: Clip, path: string): Promise<number> {
    const { signal } = this.#context;
    let count = 0;
    let first: number | null = null;
    try {
      for await (const frame of clip.frames()) {
        if (signal.aborted) break;
        if ('planes' in frame) {
          // Played faster or slower it would be another sound.
          if (first !== null && this.#context.params.speed === 1) await this.#sounds.add(frame, true);
          continue;
        }
        if (first === null) {
          first = frame.time;
          this.#first = first;
          this.#begin();
        }
        await this.#show(frame, (frame.time - first) / this.#context.params.speed);
        count++;
      }
    } catch (error) {
      if (signal.aborted) return count;
      throw error instanceof SluiceError ? failed(path, error.message) : error;
    }
    await this.#sounds.finish(true);
    return count;
  }

  #begin(): void {
    const now = this.#context.clock.now();
    this.#zero = this.#zero === null ? now : Math.max(now, this.#last + this.#interval);
    this.#last = this.#zero - this.#interval;
  }

  async #show(frame: ClipFrame, time: number): Promise<void> {
    const { clock, params, signal } = this.#context;
    let due = Math.round(this.#zero! + time);
    if (clock.now() - due > LATE_US) {
      this.#zero! += clock.now() - due;
      due = Math.round(this.#zero! + time);
    }
    this.#sounds.shows(due as Micros, this.#interval);
    await this.#sounds.until(due as Micros);
    if (signal.aborted) return;
    const { original, significantBits } = frame;
    if (params.times === 'original' && !original) {
      throw new SluiceError('bad-value', 'it has no capture times of its own; expected times "now"', {
        field: 'times',
        received: 'original',
      });
    }
    if (due > this.#last) this.#interval = Math.min(1_000_000, due - this.#last);
    this.#last = due;
    const draft = await this.#context.begin(frame.format, frame.width, frame.height);
    if (!draft) return;
    try {
      await frame.read(draft.pixels);
    } catch (error) {
      draft.discard();
      throw error;
    }
    draft.publish((params.times === 'original' ? original!.timestamp : due) as Micros, {
      significantBits,
      ...(original ? { metadata: { original } } : {}),
    });
  }
}
