// Which frame was captured when: the last half hour from memory, what lies further back from the index of the DVR.
import type { Micros } from '../core/time.ts';
import { toTicks } from '../core/time.ts';
import type { Recorder } from '../outputs/hls/recorder.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { KnownFrames } from '../timeline/binding.ts';
import { type FrameTime, FrameTimes } from '../timeline/frame-times.ts';

export class StreamFrames implements KnownFrames {
  readonly #stream: Stream;
  readonly #recorder: () => Recorder | undefined;
  readonly #captured = new FrameTimes();

  constructor(stream: Stream, recorder: () => Recorder | undefined) {
    this.#stream = stream;
    this.#recorder = recorder;
  }

  add(id: number, timestamp: number): void {
    this.#captured.add(id, timestamp);
  }

  now(): number {
    return this.#stream.clock.now();
  }

  get newest(): FrameTime | null {
    return this.#captured.newest ?? this.#lastRecorded();
  }

  #lastRecorded(): FrameTime | null {
    const row = this.#recorder()
      ?.segments()
      .findLast(({ frames }) => frames.length)
      ?.frames.at(-1);
    return row ? { id: row.id, timestamp: row.timestamp } : null;
  }

  byId(id: number): FrameTime | null {
    const captured = this.#captured.byId(id);
    if (captured || id >= (this.#captured.oldest?.id ?? Number.POSITIVE_INFINITY)) return captured;
    const row = this.#recorder()
      ?.segmentOfId(id)
      ?.frames.find((frame) => frame.id === id);
    return row ? { id, timestamp: row.timestamp } : null;
  }

  before(id: number): FrameTime | null {
    return this.#captured.before(id) ?? this.#lastRecorded();
  }

  at(timestamp: number): FrameTime | null {
    const captured = this.#captured.at(timestamp);
    if (captured) return captured;
    const recorder = this.#recorder();
    if (!recorder) return null;
    const segments = recorder.segments();
    const pts = toTicks(timestamp as Micros);
    let i = lastIndex(segments.length, (at) => segments[at]!.start <= pts);
    for (; i >= 0; i--) {
      const row = segments[i]!.frames.findLast((frame) => frame.timestamp <= timestamp);
      if (row) return { id: row.id, timestamp: row.timestamp };
    }
    return null;
  }

  describe(): string {
    const last = this.newest;
    const row = this.#recorder()
      ?.segments()
      .find(({ frames }) => frames.length)?.frames[0];
    const first = row?.id ?? this.#captured.oldest?.id;
    return last && first !== undefined ? `frames ${first} to ${last.id} are known` : 'and has had none yet';
  }
}

/** Last place below `length` for which `holds`, if it holds for the first places and not for the others; -1 = none. */
function lastIndex(length: number, holds: (at: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
