// Numbers for boxes: what overlaps a box of the frames before by enough is the same thing and keeps its number.
import { type FoundBox, overlap } from './boxes.ts';

/** Least share of overlap. */
const SAME = 0.2;
/** A thing that was not seen for so long is another one when it comes back, µs. */
const FORGET_US = 1_000_000;

interface Track {
  readonly number: number;
  readonly kind: number;
  box: FoundBox;
  /** Pixels in a second. */
  speed: { x: number; y: number };
  seen: number;
}

export class Tracker {
  #tracks: Track[] = [];
  #last = 0;

  /** The boxes with their numbers. `timestamp`: of the frame, µs. */
  next(boxes: readonly FoundBox[], timestamp: number): FoundBox[] {
    this.#tracks = this.#tracks.filter(({ seen }) => timestamp - seen <= FORGET_US);
    const pairs = boxes.flatMap((box, i) =>
      this.#tracks
        .filter(({ kind }) => kind === box.kind)
        .map((track) => ({ i, track, share: overlap(expected(track, timestamp), box) }))
        .filter(({ share }) => share >= SAME),
    );
    pairs.sort((a, b) => b.share - a.share);
    const taken = new Map<number, Track>();
    const used = new Set<Track>();
    for (const { i, track } of pairs) {
      if (taken.has(i) || used.has(track)) continue;
      taken.set(i, track);
      used.add(track);
    }
    return boxes.map((box, i) => {
      const track = taken.get(i) ?? this.#begin(box, timestamp);
      const seconds = (timestamp - track.seen) / 1e6;
      if (seconds > 0) track.speed = { x: (box.x - track.box.x) / seconds, y: (box.y - track.box.y) / seconds };
      track.box = box;
      track.seen = timestamp;
      return { ...box, track: track.number };
    });
  }

  #begin(box: FoundBox, timestamp: number): Track {
    const track = { number: ++this.#last, kind: box.kind, box, speed: { x: 0, y: 0 }, seen: timestamp };
    this.#tracks.push(track);
    return track;
  }
}

/** Where it is now if it goes on as it went. */
function expected({ box, speed, seen }: Track, timestamp: number): FoundBox {
  const seconds = (timestamp - seen) / 1e6;
  return { ...box, x: box.x + speed.x * seconds, y: box.y + speed.y * seconds };
}
