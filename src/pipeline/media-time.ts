// Media time of frames: their capture time, unless that clock was set back. Segments are named by media time, so it must never come twice:
// after a step back media goes on with the time of arrival, and each frame keeps its own capture time beside it.
import type { FrameInfo } from '../core/frame.ts';
import { toTicks } from '../core/time.ts';
import { GRID_TICKS, LOST_AFTER_MS } from './grid.ts';

/** Capture times of one stream rise; only a clock that was set lets through a frame this far behind the one before (see TimeGate), µs. */
const STEP_US = 1_000_000;
/** An encoder that starts anew waits this long for the next segment of the grid; farther behind is another clock. */
const WAIT_TICKS = 2 * GRID_TICKS;
const LOST_TICKS = LOST_AFTER_MS * 90;

export class MediaTime {
  /** Media time minus capture time, in ticks. */
  #shift = 0;
  #last: { timestamp: number; pts: number } | null = null;

  /**
   * Media time of the next frame, and whether a new clock epoch begins with it: then the media does not go on from what was before.
   * @param lastPts newest media time of the rendition, repeats among them; 0 = none
   * @param notBefore what lies earlier belongs to segments that are closed
   */
  of(info: Pick<FrameInfo, 'timestamp' | 'received'>, lastPts: number, notBefore: number): { pts: number; epoch: boolean } {
    const capture = toTicks(info.timestamp) as number;
    const floor = Math.max(lastPts, notBefore - 1);
    const setBack = this.#last ? this.#last.timestamp - info.timestamp > STEP_US : floor - capture > WAIT_TICKS;
    // A clock that was set forward again, or a pause: the capture times may hold once more.
    const ahead = this.#last !== null && this.#shift !== 0 && capture + this.#shift - this.#last.pts >= LOST_TICKS;
    let epoch = false;
    if (setBack || ahead) {
      const shift = capture > floor ? 0 : Math.max(toTicks(info.received), lastPts + 1) - capture;
      epoch = shift !== this.#shift;
      this.#shift = shift;
    }
    const pts = capture + this.#shift;
    this.#last = { timestamp: info.timestamp, pts };
    return { pts, epoch };
  }
}
