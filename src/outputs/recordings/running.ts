// A recording while it runs: one writer of either format behind the same face, its spans on the timeline, and what the page is told.
import type { Recording } from '../../api/recordings.ts';
import type { Logger } from '../../core/log.ts';
import type { RecordProgress } from '../../pipeline/messages.ts';
import { noRoom } from '../../pipeline/recording/disk-room.ts';
import type { RecordingGap, StopRule } from '../../pipeline/recording/frame-recorder.ts';
import { repairTiff } from '../../pipeline/recording/tiff-recording.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';
import { Mp4Recording } from './mp4-recording.ts';

/** Memory for frames that wait for the disk: four seconds at 63 MB/s. */
const QUEUE_BYTES = 256 * 2 ** 20;
/** Gaps that the list and the timeline name; the number of frames is counted on. */
const MAX_GAPS = 1000;
const MAX_GAP_MARKERS = 200;
const LOOK_MS = 250;
const DISK_MS = 1000;
/** How long a recording of some seconds waits for a picture that says that they are over. */
const LATE_MS = 2000;
/** How long it waits for the first picture: a busy machine takes seconds to load an encoder. */
const FIRST_MS = 10_000;

export interface RunningDeps {
  readonly stream: Stream;
  readonly timeline: StreamTimeline;
  readonly file: string;
  readonly pixelSize: number | null;
  readonly stop: StopRule;
  readonly minFree: number;
  readonly log: Logger;
  /** Told when something worth keeping has changed. */
  readonly onChange: () => void;
}

/** What writes. */
interface Writer {
  stop(reason: string): void;
  /** Settles when the file is closed. */
  readonly ended: Promise<Error | null>;
}

export class RunningRecording {
  #recording: Recording;
  readonly #deps: RunningDeps;
  readonly #writer: Writer;
  #gapMarkers = 0;
  #spanned = false;
  /** Frames that were dropped before they reached the ring. */
  readonly #missedBefore: number;
  /** Settles when the file is closed and the timeline says so. */
  readonly ended: Promise<void>;

  constructor(recording: Recording, deps: RunningDeps) {
    this.#recording = recording;
    this.#deps = deps;
    this.#missedBefore = deps.stream.captured.dropped.total;
    this.#writer = recording.format === 'mp4' ? this.#openMp4() : this.#openTiff();
    this.ended = this.#writer.ended.then((error) => this.#onEnd(error));
  }

  get recording(): Recording {
    return this.#recording;
  }

  /** Ends it and waits until the file is whole. */
  async stop(reason: string): Promise<void> {
    this.#ending(reason);
    this.#writer.stop(reason);
    await this.ended;
  }

  #openTiff(): Writer {
    const { stream, file, pixelSize, stop, minFree } = this.#deps;
    const { name, compression } = this.#recording;
    const order = { file, name, pixelSize, deflate: compression === 'deflate', stop, queueBytes: QUEUE_BYTES, minFree };
    const job = stream.record(order, (event) => {
      if (event.type === 'progress') this.#progress(event.progress, event.gaps);
      else if (event.type === 'ending') this.#ending(event.reason);
    });
    return { stop: (reason) => job.send({ type: 'stop', reason }), ended: job.ended };
  }

  #openMp4(): Writer {
    const { stream, file, stop, minFree } = this.#deps;
    const writer = new Mp4Recording(stream, file, stop);
    const look = () => {
      this.#progress(writer.progress, writer.takeGaps());
      if (writer.reason) this.#ending(writer.reason);
    };
    // A limit in seconds holds also where no picture comes.
    const asked = (stop.durationUs ?? Number.POSITIVE_INFINITY) / 1000;
    let latest = performance.now() + asked + FIRST_MS;
    let begun = false;
    const lookAround = async () => {
      if (!begun && writer.progress.first) {
        begun = true;
        latest = performance.now() + asked + LATE_MS;
      }
      if (performance.now() > latest) writer.end(`${stop.durationUs! / 1e6} s were asked for`);
      const full = await noRoom(file, minFree);
      if (full !== null) writer.end(full);
    };
    void lookAround();
    const timers = [setInterval(look, LOOK_MS).unref(), setInterval(() => void lookAround(), DISK_MS).unref()];
    const ended = writer.ended.then((error) => {
      for (const timer of timers) clearInterval(timer);
      look();
      return error;
    });
    return { stop: (reason) => writer.end(reason), ended };
  }

  #ending(reason: string): void {
    if (this.#recording.state !== 'recording') return;
    this.#recording = { ...this.#recording, state: 'finishing', reason };
  }

  #progress(progress: RecordProgress, gaps: readonly RecordingGap[]): void {
    const { first, last, shape, queue, frames, bytes } = progress;
    const dropped = progress.dropped + this.#deps.stream.captured.dropped.total - this.#missedBefore;
    const at = (moment: typeof first) => moment && { frame: moment.id, timestamp: moment.timestamp };
    this.#recording = {
      ...this.#recording,
      frames,
      bytes,
      dropped,
      start: at(first),
      end: at(last),
      width: shape?.width ?? null,
      height: shape?.height ?? null,
      pixelFormat: shape?.format ?? null,
      gaps: [...this.#recording.gaps, ...gaps].slice(0, MAX_GAPS),
      queue: queue && { depth: queue.depth, limit: queue.limit },
    };
    if (first && !this.#spanned) {
      this.#spanned = true;
      void this.#mark(spanMarker(this.#recording, true));
      this.#deps.onChange();
    }
    for (const gap of gaps) {
      if (this.#gapMarkers++ >= MAX_GAP_MARKERS) break;
      const { id, name } = this.#recording;
      void this.#mark({
        id: `${id}:gap:${gap.before}`,
        kind: 'recording-gap',
        label: `${gap.frames} frame${gap.frames === 1 ? '' : 's'} missing in “${name}”: the disk was too slow`.slice(0, 500),
        ...(gap.after === null ? {} : { frame: gap.after }),
        timestamp: gap.start,
        endFrame: gap.before,
        end: gap.end,
      });
    }
  }

  async #onEnd(error: Error | null): Promise<void> {
    const { frames, format, name } = this.#recording;
    // Its thread has died, or the disk failed at the end: what is in the file is saved as after a crash.
    if (error && frames && format === 'ome-tiff')
      await repairTiff(this.#deps.file, { name, pixelSize: this.#deps.pixelSize }).catch(() => {});
    const reason = this.#recording.reason ?? error?.message ?? 'it was stopped';
    const nothing = frames === 0;
    this.#recording = {
      ...this.#recording,
      state: nothing ? 'failed' : 'finished',
      reason: nothing ? `no frame was recorded: ${reason}` : error ? `${reason} (${error.message})` : reason,
      queue: null,
    };
    if (!nothing) await this.#mark(spanMarker(this.#recording, false));
    this.#deps.onChange();
  }

  #mark(marker: Parameters<StreamTimeline['mark']>[0][number]): Promise<unknown> {
    return this.#deps.timeline.mark([marker]).catch((error) => {
      this.#deps.log.warn({ error: String(error) }, 'a recording could not be entered into the timeline');
    });
  }
}

/** The span of a recording on the timeline of its stream. */
export function spanMarker({ id, name, format, dropped, start, end }: Recording, open: boolean) {
  return {
    id: markerId(id),
    kind: 'recording',
    label: `${name}${dropped ? `, ${dropped} frame${dropped === 1 ? '' : 's'} missing` : ''}`.slice(0, 500),
    // Both: after a restart the server may know the frames of earlier runs no longer.
    frame: start!.frame,
    timestamp: start!.timestamp,
    ...(open ? { open: true } : { endFrame: end!.frame, end: end!.timestamp }),
    data: { recording: id, format },
  };
}

/** Id of that span. */
export function markerId(recording: string): string {
  return recording.slice(0, 128);
}
