// Which markers the picture has reached or passed: each once per pass, again when the picture goes back and plays over it again. Pure.
import type { Marker } from '../api/timeline.ts';
import { firstAfter } from './stream-markers.ts';
import type { ShownFrame } from './transport.ts';

/** Frames and markers that are one may differ by the rounding of their times. */
const SAME_US = 1000;
/** A step of capture time longer than the page's own time allows was a jump. */
const SLACK_US = 1_500_000;
const FASTEST = 1.5;
/** So few frames further it was no jump but a gap of the source. */
const GAP_FRAMES = 100;
const LONGEST_STEP_US = 60_000_000;
/** Markers made after their picture was shown count as reached if they are not older than this. */
const LATE_US = 10_000_000;

export class MarkerPasses {
  #last: ShownFrame | null = null;
  #lastMs = 0;

  /**
   * A frame is on the screen.
   *
   * @param atMs page time
   * @param sought it is there because somebody went to it
   * @returns the markers that it reaches, oldest first
   */
  shown(frame: ShownFrame, atMs: number, sought: boolean, markers: readonly Marker[]): Marker[] {
    const last = this.#last;
    const passedMs = atMs - this.#lastMs;
    this.#last = frame;
    this.#lastMs = atMs;
    if (last?.id === frame.id) return [];
    const step = last ? frame.timestamp - last.timestamp : 0;
    const flows =
      last !== null &&
      !sought &&
      step > 0 &&
      step <= LONGEST_STEP_US &&
      (step <= passedMs * 1000 * FASTEST + SLACK_US || frame.id - last.id <= GAP_FRAMES);
    const from = firstAfter(markers, (flows ? last.timestamp : frame.timestamp) - SAME_US);
    const to = firstAfter(markers, frame.timestamp + SAME_US);
    return markers.slice(from, to).filter((marker) => (flows ? !isReached(marker, last) && isReached(marker, frame) : isOn(marker, frame)));
  }

  /** A marker came just now: whether its frame was passed a moment ago, in live pictures. */
  isLate(marker: Marker, live: boolean): boolean {
    const last = this.#last;
    return live && last !== null && isReached(marker, last) && last.timestamp - marker.timestamp <= LATE_US;
  }

  reset(): void {
    this.#last = null;
  }
}

function isReached(marker: Marker, frame: ShownFrame): boolean {
  return marker.frame === null ? marker.timestamp <= frame.timestamp : marker.frame <= frame.id;
}

function isOn(marker: Marker, frame: ShownFrame): boolean {
  return marker.frame === null ? Math.abs(marker.timestamp - frame.timestamp) <= SAME_US : marker.frame === frame.id;
}
