// Watches the capture times of a stream for what people should find on its timeline: a clock that was set, another size of the picture.
import type { FrameInfo } from '../core/frame.ts';

/** An entry for the timeline. The same event has the same id, so that nothing is entered twice. */
export interface StreamNote {
  readonly id: string;
  readonly kind: 'clock' | 'source' | 'processor';
  /** In plain words. */
  readonly label: string;
  /** Capture time, µs. */
  readonly timestamp: number;
}

/** A change of the lag by more than this is a clock that was set, µs. */
const STEP_US = 1_000_000;
/** So many frames say how late frames usually are. */
const SETTLED_FRAMES = 30;

export class CaptureWatch {
  #last: FrameInfo | null = null;
  /** Least time between capture and arrival of a frame since the clock was set, µs. */
  #lag = Number.POSITIVE_INFINITY;
  #frames = 0;

  /** Looks at a frame that was taken; `stepped`: its capture time lies far behind the one before. */
  frame(info: FrameInfo, stepped: boolean): StreamNote[] {
    const last = this.#last;
    const notes: StreamNote[] = [];
    const lag = info.received - info.timestamp;
    const { timestamp } = info;
    // A frame can be late, but not early: if it comes with less lag than any before, its clock was set forward.
    const forward = !stepped && this.#frames >= SETTLED_FRAMES && this.#lag - lag > STEP_US;
    if (last && stepped) {
      const by = lag - (last.received - last.timestamp);
      notes.push({ id: `clock-back-${timestamp}`, kind: 'clock', label: `capture clock set back by ${lengthOf(by)}`, timestamp });
    } else if (forward) {
      const by = this.#lag - lag;
      notes.push({ id: `clock-forward-${timestamp}`, kind: 'clock', label: `capture clock set forward by ${lengthOf(by)}`, timestamp });
    }
    if (last && (last.width !== info.width || last.height !== info.height || last.format !== info.format)) {
      const label = `picture is now ${info.width} x ${info.height}, ${info.format}`;
      notes.push({ id: `source-picture-${timestamp}`, kind: 'source', label, timestamp });
    }
    if (stepped || forward) {
      this.#lag = lag;
      this.#frames = 0;
    }
    this.#lag = Math.min(this.#lag, lag);
    this.#frames++;
    this.#last = info;
    return notes;
  }
}

/** A length of time for people: `2.0 s`, `5 min`, `3.5 h`. */
export function lengthOf(us: number): string {
  const seconds = Math.abs(us) / 1e6;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86_400)} days`;
}
