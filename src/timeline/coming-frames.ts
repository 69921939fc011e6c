// Frames whose ids are known before the frames are: what belongs to them waits for a moment.
import type { KnownFrames } from './binding.ts';

/** How long a frame may be on its way, ms. */
const WAIT_MS = 2000;
/** Frames, and samples of them, that are waited for at once. */
const MOST = 10_000;

export class ComingFrames {
  readonly #frames: KnownFrames;
  readonly #waiting = new Set<{ readonly id: number; readonly settle: () => void }>();

  constructor(frames: KnownFrames) {
    this.#frames = frames;
  }

  /** Settles when the frame, or one behind it, has come: `false` if none did in time, or too many wait. */
  async wait(id: number): Promise<boolean> {
    if (this.#come(id)) return true;
    if (this.#waiting.size >= MOST) return false;
    await new Promise<void>((resolve) => {
      const entry = {
        id,
        settle: () => {
          clearTimeout(timer);
          this.#waiting.delete(entry);
          resolve();
        },
      };
      const timer = setTimeout(entry.settle, WAIT_MS);
      this.#waiting.add(entry);
    });
    return this.#come(id);
  }

  #come(id: number): boolean {
    return (this.#frames.newest?.id ?? 0) >= id;
  }

  /** A frame has come. */
  check(): void {
    for (const entry of this.#waiting) if (this.#come(entry.id)) entry.settle();
  }

  close(): void {
    for (const entry of this.#waiting) entry.settle();
  }
}
