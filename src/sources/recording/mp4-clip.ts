// An MP4 as a clip, decoded by FFmpeg: of our own recordings the SEI of each picture says what it was.
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { type IndexedFrame, readFragments } from '../../formats/fmp4-index.ts';
import { FfmpegInput } from '../../native/ffmpeg-input.ts';
import { fileBytes } from '../../native/file-bytes.ts';
import type { Clip, ClipFrame, ClipSound } from './clip.ts';

/** Takes the handle over. Throws `source-failed`. */
export async function openMp4Clip(handle: FileHandle, path: string, signal: AbortSignal): Promise<Clip> {
  const file = fileBytes(handle, (await handle.stat()).size);
  // `file:` keeps FFmpeg from taking a colon in a file name for a protocol.
  const target = { address: `file:${path}`, shown: path, options: {}, live: false };
  let input: FfmpegInput | null = null;
  const frames = async function* (): AsyncGenerator<ClipFrame | ClipSound> {
    await input?.close();
    const opened = await FfmpegInput.open(target, { rotate: 0, flip: 'none' }, signal, true);
    input = opened;
    const identities = new Identities(readFragments(file));
    // Times of pictures are those of their capture where they are known; sound follows them.
    let early: ClipSound[] = [];
    let shift: number | null = null;
    for (;;) {
      const step = opened.step();
      // Decoding blocks the thread: it must still hear that it shall stop.
      await setImmediate();
      if (step === 'end' || signal.aborted) return;
      if (step === 'sound') {
        const { time: at, ...sound } = opened.currentSound;
        if (at === null) continue;
        if (shift === null) early.push({ ...sound, time: at });
        else yield { ...sound, time: at + shift };
        continue;
      }
      if (step !== 'picture') continue;
      const { time, shape } = opened.current;
      if (time === null) continue;
      const known = await identities.at(Math.round((time * 9) / 100));
      if (known?.repeat) continue;
      yield {
        ...shape,
        time: known ? known.timestamp : time,
        original: known && { id: known.id, timestamp: known.timestamp },
        read: async (pixels) => opened.write(pixels),
      };
      shift = known ? known.timestamp - time : 0;
      for (const sound of early) yield { ...sound, time: sound.time + shift };
      early = [];
    }
  };
  return {
    frames,
    [Symbol.asyncDispose]: async () => {
      await input?.close();
      await handle.close();
    },
  };
}

/** What each picture was, by its time in the file; read only as far as it is played. */
class Identities {
  readonly #fragments: AsyncGenerator<{ frames: IndexedFrame[] }>;
  readonly #known = new Map<number, IndexedFrame>();
  #done = false;

  constructor(fragments: AsyncGenerator<{ frames: IndexedFrame[] }>) {
    this.#fragments = fragments;
  }

  async at(pts: number): Promise<IndexedFrame | null> {
    while (!this.#known.has(pts) && !this.#done) {
      const next = await this.#fragments.next();
      this.#done = next.done === true;
      if (next.done) break;
      for (const frame of next.value.frames) this.#known.set(frame.pts, frame);
    }
    const found = this.#known.get(pts) ?? null;
    this.#known.delete(pts);
    return found;
  }
}
