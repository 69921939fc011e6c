// Frames on their way into a file: a bounded queue of copies, a writer behind it, and the account of what did not get there. Neither the
// ring nor any other reader ever waits for the disk.
import { bytesText } from '../../core/bytes-text.ts';
import { toSluiceError } from '../../core/errors.ts';
import { type FrameInfo, frameBytes } from '../../core/frame.ts';
import { BoundedQueue, type Queueable } from '../../core/queue.ts';

import { swapRedBlue } from '../../formats/npy.ts';
import { toPacked } from '../../native/convert.ts';
import { deflated } from '../../native/file-bytes.ts';
import type { PageToWrite, SeriesShape, TiffRecording } from './tiff-recording.ts';

/** When a recording ends by itself. */
export interface StopRule {
  /** Of capture time, µs, from the first frame. */
  readonly durationUs: number | null;
  readonly frames: number | null;
  /** Of the file. */
  readonly bytes: number | null;
}

/** Frames that were captured and are not in the file. */
export interface RecordingGap {
  /** The recorded frames before and behind it; `null` = there is none. */
  readonly after: number | null;
  readonly before: number;
  /** Their capture times, µs. */
  readonly start: number;
  readonly end: number;
  readonly frames: number;
}

export interface FrameRecorderOptions {
  /** Opens the file when the first frame is there. */
  readonly open: () => Promise<Pick<TiffRecording, 'append' | 'finish' | 'bytes' | 'frames' | 'first' | 'last' | 'shape'>>;
  readonly deflate: boolean;
  readonly stop: StopRule;
  /** Memory for frames that wait for the disk, bytes. */
  readonly queueBytes: number;
}

/** Frames that go to the disk in one call. */
const BATCH = 8;
/** What a page needs beside its pixels, at most. */
const HEAD_BYTES = 800;
/** A queue of large pictures still holds some, one of small pictures not too many. */
const MIN_QUEUE = 4;
const MAX_QUEUE = 2000;

interface Waiting extends Queueable {
  readonly info: FrameInfo;
  readonly bytes: Uint8Array;
  /** Frames that were lost before this one. */
  readonly lost: number;
}

export class FrameRecorder {
  readonly #options: FrameRecorderOptions;
  #queue: BoundedQueue<Waiting> | null = null;
  #shape: SeriesShape | null = null;
  #source: FrameInfo | null = null;
  readonly #free: Uint8Array[] = [];
  #file: Awaited<ReturnType<FrameRecorderOptions['open']>> | null = null;
  readonly #drain = new AbortController();
  #writing: Promise<void> | null = null;
  #missing = 0;
  #dropped = 0;
  #gaps: RecordingGap[] = [];
  #last: FrameInfo | null = null;
  #reason: string | null = null;
  #onEnd: () => void = () => {};

  constructor(options: FrameRecorderOptions) {
    this.#options = options;
  }

  /** Why it takes no more frames; `null` = it does. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Told once, when it takes no more frames. */
  set onEnd(listener: () => void) {
    this.#onEnd = listener;
  }

  get progress() {
    const file = this.#file;
    const queue = this.#queue?.stats;
    return {
      frames: file?.frames ?? 0,
      bytes: file?.bytes ?? 0,
      dropped: this.#dropped,
      first: file?.first ? { id: file.first.id, timestamp: file.first.timestamp } : null,
      last: file?.last ? { id: file.last.id, timestamp: file.last.timestamp } : null,
      shape: this.#shape,
      queue: queue ?? null,
    };
  }

  /** Gaps since the last call. */
  takeGaps(): RecordingGap[] {
    const gaps = this.#gaps;
    this.#gaps = [];
    return gaps;
  }

  /** Copies a frame out of its slot. `lost`: frames that were lost before it. */
  add(info: FrameInfo, slot: Uint8Array, lost: number): void {
    if (this.#reason !== null) return;
    const { format, width, height } = info;
    if (!this.#queue) {
      this.#begin(info);
      // What went by while the thread started lies before the recording.
      lost = 0;
    }
    const known = this.#source!;
    if (format !== known.format || width !== known.width || height !== known.height) {
      this.end(
        `the picture changed from ${known.width}x${known.height} ${known.format} to ${width}x${height} ${format}; a recording holds pictures of one kind`,
      );
      return;
    }
    const pixels = slot.subarray(0, frameBytes(format, width, height));
    this.#queue!.push({ info, bytes: this.#packed(info, pixels), lost });
  }

  /** Memory is used again, but not hoarded after a pause of the disk. */
  #recycle(bytes: Uint8Array): void {
    if (this.#free.length < 2 * BATCH) this.#free.push(bytes);
  }

  #begin(info: FrameInfo): void {
    const { format, width, height } = info;
    const planar = format === 'yuv420p' || format === 'nv12';
    const stored = planar || format === 'bgr24' ? 'rgb24' : format;
    const bytes = frameBytes(stored, width, height);
    const limit = Math.min(MAX_QUEUE, Math.max(MIN_QUEUE, Math.floor(this.#options.queueBytes / bytes)));
    this.#source = info;
    this.#shape = { format: stored, width, height, significantBits: planar ? 8 : info.significantBits };
    this.#queue = new BoundedQueue<Waiting>('recording', limit, 'newest', (entry) => {
      this.#missing += 1 + entry.lost;
      this.#dropped += 1 + entry.lost;
      this.#recycle(entry.bytes);
    });
    this.#writing = this.#write();
  }

  #packed(info: FrameInfo, pixels: Uint8Array): Uint8Array {
    const { format, width, height } = info;
    if (format === 'yuv420p' || format === 'nv12') return toPacked({ format, width, height, data: pixels }).data;
    const copy = this.#free.pop() ?? new Uint8Array(pixels.length);
    copy.set(pixels);
    if (format === 'bgr24') swapRedBlue(copy);
    return copy;
  }

  async #write(): Promise<void> {
    const queue = this.#queue!;
    try {
      for (let entry = await queue.take(this.#drain.signal); entry; entry = await queue.take(this.#drain.signal)) {
        this.#file ??= await this.#options.open();
        const batch = [entry];
        while (batch.length < BATCH) {
          const more = queue.poll();
          if (!more) break;
          batch.push(more);
        }
        // What is dropped from now on lay behind this batch.
        let missing = this.#missing;
        this.#missing = 0;
        const wanted = this.#wanted(batch);
        if (wanted.length) {
          await this.#file.append(await Promise.all(wanted.map((each) => this.#page(each))));
          for (const each of wanted) {
            this.#account(each, missing);
            missing = 0;
          }
        }
        const { frames } = this.#options.stop;
        if (frames !== null && this.#file.frames >= frames) this.end(`${frames} frames were asked for`);
        for (const { bytes } of batch) this.#recycle(bytes);
        if (wanted.length < batch.length) return;
      }
    } catch (error) {
      this.end(reasonOf(error));
    }
  }

  /** Those of a batch that come before the end. */
  #wanted(batch: readonly Waiting[]): readonly Waiting[] {
    const { frames, durationUs, bytes: limit } = this.#options.stop;
    const file = this.#file!;
    const start = file.first?.timestamp ?? batch[0]!.info.timestamp;
    for (const [i, { info, bytes }] of batch.entries()) {
      if (limit !== null && file.bytes + (i + 1) * (bytes.length + HEAD_BYTES) > limit) {
        this.end(`${bytesText(limit)} were asked for`);
        return batch.slice(0, i);
      }
      if (frames !== null && file.frames + i >= frames) {
        this.end(`${frames} frames were asked for`);
        return batch.slice(0, i);
      }
      if (durationUs !== null && info.timestamp >= start + durationUs) {
        this.end(`${durationUs / 1e6} s were asked for`);
        return batch.slice(0, i);
      }
    }
    return batch;
  }

  async #page({ info, bytes }: Waiting): Promise<PageToWrite> {
    const shape = this.#shape!;
    const { id, timestamp } = info;
    const data = this.#options.deflate ? await deflated(bytes) : bytes;
    const identity = { id, timestamp, format: shape.format, significantBits: shape.significantBits };
    return { identity, shape, bytes: data, deflated: this.#options.deflate };
  }

  #account({ info, lost }: Waiting, missing: number): void {
    this.#dropped += lost;
    const frames = missing + lost;
    if (frames > 0 && this.#last) {
      this.#gaps.push({ after: this.#last.id, before: info.id, start: this.#last.timestamp, end: info.timestamp, frames });
    } else if (frames > 0) this.#gaps.push({ after: null, before: info.id, start: info.timestamp, end: info.timestamp, frames });
    this.#last = info;
  }

  /** Takes no more frames; what waits is still written. The first reason stays. */
  end(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#drain.abort();
    this.#onEnd();
  }

  /** Settles when the file is whole and closed. Call `end` first. What went wrong is in `reason` or in the error. */
  async finish(): Promise<void> {
    await this.#writing;
    await this.#file?.finish();
  }
}

/** Why the disk takes no more, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EDQUOT') return 'the quota of the disk is used up';
  if (code === 'EFBIG') return 'the system allows no larger file';
  return `the file cannot be written: ${toSluiceError(error).message}`;
}
