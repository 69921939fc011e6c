// The player of the stream page, for the panels beside it: which one it is, what it shows, and the way to exactly one frame.
import { signal } from '@preact/signals';
import type { ShownFrame, SluicePlayer } from '../../src/player/element.ts';
import { announce } from './store.ts';

/** The player of the page; null while there is none. */
export const player = signal<SluicePlayer | null>(null);

/** What a panel's row stands for: a frame, or a time where the frame is not known. */
export interface Target {
  readonly frame: number | null;
  /** Capture time, µs. */
  readonly timestamp: number;
}

/** Where the player is on its way to by order of a panel. */
export const seeking = signal<Target | null>(null);

/** Shows exactly this frame, paused. Null when it is shown or something newer was asked for, else why it cannot be, in a sentence. */
export async function seekTo(to: Target): Promise<string | null> {
  const target = player.peek();
  if (!target) return 'There is no picture on this page.';
  const { live, paused } = target;
  seeking.value = to;
  try {
    await (to.frame === null ? target.seekTime(to.timestamp) : target.seekFrame(to.frame));
    announce(`Frame ${target.shownFrame?.id ?? ''} is shown.`);
    return null;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    // Nobody is left with a picture that stands because of a click that led nowhere.
    if (live) target.liveEdge();
    else if (!paused) target.play();
    return error instanceof Error ? error.message : String(error);
  } finally {
    if (seeking.peek() === to) seeking.value = null;
  }
}

/** Calls back four times a second with what the player shows, until the returned function is called. */
export function watchShown(onShown: (frame: ShownFrame | null) => void): () => void {
  const timer = setInterval(() => onShown(player.peek()?.shownFrame ?? null), 250);
  onShown(player.peek()?.shownFrame ?? null);
  return () => clearInterval(timer);
}
