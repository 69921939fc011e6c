// Markers that were set before their frame had come: they are bound anew as frames arrive.
import { bindAgain, type KnownFrames } from './binding.ts';
import type { MarkerChangeWish, MarkerResult } from './marker-schema.ts';

export class PendingMarkers {
  readonly #frames: KnownFrames;
  readonly #change: (id: string, change: MarkerChangeWish, sequence: number) => void;
  readonly #waiting = new Map<string, MarkerResult>();

  /** @param change binds a marker anew, unless somebody has changed it since `sequence` */
  constructor(frames: KnownFrames, change: (id: string, change: MarkerChangeWish, sequence: number) => void) {
    this.#frames = frames;
    this.#change = change;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** A marker is now like this. */
  note(result: MarkerResult): void {
    const { marker, pending } = result;
    if (pending.start || pending.end) this.#waiting.set(marker.id, result);
    else this.#waiting.delete(marker.id);
  }

  remove(id: string): void {
    this.#waiting.delete(id);
  }

  /** Looks at all of them again: after a frame has come, or as time goes on. */
  check(): void {
    for (const [id, { marker, pending }] of this.#waiting) {
      const { frame, timestamp, endFrame, end, sequence } = marker;
      const start = pending.start && bindAgain(this.#frames, { frame, timestamp }, pending.start);
      const last = pending.end && end !== null ? bindAgain(this.#frames, { frame: endFrame, timestamp: end }, pending.end) : null;
      if (!start && !last) continue;
      // Comes back through `note` when it is written, and waits on then if it must.
      this.#waiting.delete(id);
      this.#change(id, { ...(start ? { start } : {}), ...(last ? { end: last } : {}) }, sequence);
    }
  }
}
